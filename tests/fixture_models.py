"""The models of tests/fixtures.py: a row for each architecture and option, its keys.

Weights are large enough that leaving out any one part of a model, be it a rotation, a norm, a
window or a scale, changes what it predicts: tests/unit/test_parts.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from tests.fixture_saved import Value


@dataclass(frozen=True)
class Shape:
    """The hyper-parameters of one model. head_size 0: embedding / heads, and not in the file.

    Heads and feed-forward sizes may be a list, of a number for each block.
    """

    architecture: str
    tokenizer: str = "gpt2"
    pre: str | None = None
    embedding: int = 256
    layers: int = 2
    heads: int | tuple[int, ...] = 4
    kv_heads: int | tuple[int, ...] = 2
    head_size: int = 0
    feed_forward: int | tuple[int, ...] = 512
    vocab: int = 640
    context: int = 256
    theta: float = 10000.0
    eps: float = 1e-5
    rotated: int = 0
    """Dimensions of a head that turn; 0: all."""
    bias: tuple[str, ...] = ()
    """Matrices that have one."""
    scaled: bool = False
    """Each product is multiplied by a tensor, as where weights are NVFP4."""
    norms: Literal["before", "after", "both"] = "before"
    """Where the parts of a block have norms."""
    ffn_norm: str = "ffn_norm"
    qk_norm: Literal["", "head", "row"] = ""
    fused: bool = False
    """One tensor holds queries, keys and values."""
    gate: Literal["apart", "packed", "none"] = "apart"
    """The gate's matrix: its own, the upper half of `ffn_up`, or there is no gate."""
    tied: bool = True
    spread: float = 3.0
    """Of the logits; where the embedding is scaled and tied, it must not outshine the blocks."""
    rope_factors: bool = False
    tied_values: bool = False
    """Blocks that see all have no values: they are the keys before norm and rotation."""
    keys: Mapping[str, Value] = field(default_factory=dict)
    """More of them, without the architecture."""
    saved: bool = False
    drafts: int = 0

    @property
    def head(self) -> int:
        return self.head_size or self.embedding // self.of(self.heads, 0)

    def head_of(self, block: int) -> int:
        """A block's head size: those that slide a window may have their own."""
        near = self.keys.get("attention.key_length_swa", 0)
        return near if near and self.keys["attention.sliding_window_pattern"][block] else self.head

    def of(self, number: int | tuple[int, ...], block: int) -> int:
        """What a block has of a number that may be a list."""
        return number if isinstance(number, int) else number[min(block, len(number) - 1)]


_QKV = ("attn_q", "attn_k", "attn_v")
_YARN: Mapping[str, Value] = {
    "rope.scaling.type": "yarn",
    "rope.scaling.factor": 8.0,
    "rope.scaling.original_context_length": 32,
}
MODELS = {
    "llama": Shape("llama", tokenizer="llama", kv_heads=4, tied=False),  # as Llama 2
    "llama3": Shape("llama", pre="llama-bpe", theta=500000.0, rope_factors=True),  # as 3.1, 3.2
    "llama-linear": Shape(
        "llama", tokenizer="llama", tied=False,
        keys={"rope.scaling.type": "linear", "rope.scaling.factor": 4.0},
    ),
    "llama-biased": Shape(
        "llama", tokenizer="llama", tied=False,
        bias=(*_QKV, "attn_output", "ffn_gate", "ffn_up", "ffn_down"),
    ),
    "qwen2": Shape("qwen2", pre="qwen2", theta=1e6, eps=1e-6, bias=_QKV),
    "qwen2vl": Shape(
        "qwen2vl", pre="qwen2", theta=1e6, eps=1e-6, bias=(*_QKV, "output"), tied=False,
        keys={"rope.dimension_sections": [8, 12, 12, 0]},
    ),
    "qwen3": Shape("qwen3", pre="qwen2", head_size=128, theta=1e6, eps=1e-6, qk_norm="head"),
    "qwen3-yarn": Shape("qwen3", pre="qwen2", head_size=128, qk_norm="head", keys=_YARN),
    "qwen3vl": Shape(
        "qwen3vl", pre="qwen2", head_size=128, theta=1e6, eps=1e-6, qk_norm="head",
        keys={"rope.dimension_sections": [24, 20, 20, 0], "n_deepstack_layers": 3},
    ),
    "smollm3": Shape("smollm3", pre="llama-bpe", layers=4, theta=5e6),
    "mistral3": Shape(
        "mistral3", pre="llama-bpe", head_size=128, theta=1e6,
        keys={
            **_YARN,
            "rope.scaling.yarn_log_multiplier": 1.0,
            "rope.scaling.yarn_beta_fast": 4.0,
            "rope.scaling.yarn_beta_slow": 0.5,
            "attention.temperature_scale": 0.4,
        },
    ),
    "phi4-mini": Shape(
        "phi3", pre="llama-bpe", rotated=48, fused=True, gate="packed",
        keys={
            "rope.scaling.type": "longrope",
            "rope.scaling.attn_factor": 1.19,
            "rope.scaling.original_context_length": 64,
        },
    ),
    "granite": Shape(
        "granite", pre="llama-bpe",
        keys={
            "embedding_scale": 3.0, "residual_scale": 0.6, "attention.scale": 0.3,
            "logit_scale": 0.7,
        },
    ),
    "granite-nope": Shape(
        "granite", pre="llama-bpe", layers=4, bias=(*_QKV, "attn_output", "ffn_down"),
        keys={"logit_scale": 1.0, "rope.scaling.finetuned": False},
    ),
    "minicpm": Shape("minicpm", tokenizer="llama", tied=False),
    "hunyuan-dense": Shape("hunyuan-dense", pre="qwen2", qk_norm="head"),
    "hunyuan_vl": Shape(
        "hunyuan_vl", pre="qwen2", head_size=128, qk_norm="head",
        keys={  # files have a fourth section, whose pairs llama.cpp does not turn in a text
            "rope.dimension_sections": [24, 20, 20, 0], "rope.scaling.type": "none",
            "rope.scaling.factor": 1.0, "rope.scaling.alpha": 1000.0,
        },
    ),
    "maincoder": Shape("maincoder", pre="qwen2", qk_norm="head"),
    "ernie4_5": Shape("ernie4_5", tokenizer="llama"),
    "internlm2": Shape("internlm2", tokenizer="llama", tied=False),
    "xverse": Shape("xverse", tokenizer="llama", kv_heads=4, tied=False),
    "baichuan": Shape(
        "baichuan", tokenizer="llama", layers=32, embedding=64, heads=2, feed_forward=64,
        tied=False, spread=1.0,
    ),
    "exaone": Shape("exaone", pre="llama-bpe", rope_factors=True),
    "pangu-embedded": Shape(
        "pangu-embedded", pre="qwen2", bias=(*_QKV, "attn_output"), rope_factors=True,
    ),
    "qwen": Shape("qwen", pre="qwen2", kv_heads=4, fused=True, bias=("attn_qkv",), tied=False),
    "seed_oss": Shape("seed_oss", pre="qwen2", bias=_QKV, ffn_norm="post_attention_norm"),
    "arcee": Shape("arcee", pre="llama-bpe", gate="none"),
    "glm4": Shape("glm4", pre="llama-bpe", rotated=32, norms="both", gate="packed", bias=_QKV),
    "glm4-neox": Shape(
        "glm4", pre="llama-bpe", rotated=32, norms="both", gate="packed",
        keys={"rope.dimension_sections": [8, 4, 4, 0]},
    ),
    "chatglm": Shape(
        "chatglm", pre="llama-bpe", rotated=32, fused=True, bias=("attn_qkv",), gate="packed",
    ),
    "deci": Shape(
        "deci", pre="llama-bpe", layers=6, heads=(4, 4, 0, 2, 0, 4),
        kv_heads=(2, 0, 0, 1, 0, 4), head_size=64, feed_forward=(512, 256, 256, 384, 0, 512),
    ),
    "exaone4": Shape("exaone4", pre="llama-bpe", norms="after", qk_norm="head"),
    "exaone4-32b": Shape(
        "exaone4", pre="llama-bpe", norms="after", qk_norm="head", layers=64, embedding=64,
        heads=2, kv_heads=1, feed_forward=64, keys={"attention.sliding_window": 6},
    ),
    "gemma": Shape("gemma", tokenizer="llama", head_size=96, kv_heads=1, spread=0.5),
    "gemma2": Shape(
        "gemma2", tokenizer="llama", head_size=32, norms="both", layers=4,
        keys={
            "attention.sliding_window": 6, "attn_logit_softcapping": 3.0,
            "final_logit_softcapping": 5.0,
        },
    ),
    "gemma3": Shape(
        "gemma3", tokenizer="llama", head_size=64, kv_heads=1, norms="both", layers=7,
        qk_norm="head", theta=1e6, tied=False,
        keys={
            "attention.sliding_window": 6, "rope.scaling.type": "linear",
            "rope.scaling.factor": 8.0,
        },
    ),
    "gemma4": Shape(  # as E2B: the last two blocks read the caches of the blocks before them
        "gemma4", tokenizer="llama", head_size=64, kv_heads=1, norms="both", layers=6,
        feed_forward=(256, 256, 256, 256, 512, 512), qk_norm="head", theta=1e6, spread=0.5,
        rope_factors=True,
        keys={
            "attention.sliding_window": 6, "attention.key_length_swa": 32,
            "attention.value_length_swa": 32, "rope.dimension_count": 64,
            "rope.dimension_count_swa": 32, "rope.freq_base_swa": 10000.0,
            "attention.sliding_window_pattern": [True, True, True, False, True, False],
            "attention.shared_kv_layers": 2, "embedding_length_per_layer_input": 32,
            "final_logit_softcapping": 1.0,
        },
    ),
    "gemma4-31b": Shape(  # without per-layer inputs; blocks that see all have keys for values
        "gemma4", tokenizer="llama", head_size=64, kv_heads=(2, 1, 2, 1), norms="both", layers=4,
        qk_norm="head", theta=1e6, spread=0.5, rope_factors=True, tied_values=True,
        keys={
            "attention.sliding_window": 6, "attention.key_length_swa": 32,
            "attention.value_length_swa": 32, "rope.dimension_count_swa": 32,
            "attention.sliding_window_pattern": [True, False, True, False],
            "attention.shared_kv_layers": 0, "embedding_length_per_layer_input": 0,
            "final_logit_softcapping": 1.0,
        },
    ),
    "gemma3n": Shape(  # the last two blocks leave their keys and values unread
        "gemma3n", tokenizer="llama", head_size=32, kv_heads=1, norms="both", layers=22,
        embedding=64, heads=2, feed_forward=96, qk_norm="head", theta=1e6, spread=0.5,
        keys={
            "attention.sliding_window": 6, "rope.freq_base_swa": 10000.0,
            "attention.sliding_window_pattern": [*[True, False] * 11],
            "attention.shared_kv_layers": 2.0, "embedding_length_per_layer_input": 256,
            "altup.num_inputs": 4, "altup.active_idx": 0,
        },
    ),
    "lfm2": Shape(
        "lfm2", pre="qwen2", layers=4, kv_heads=(0, 2, 0, 0), qk_norm="head", theta=1e6,
        keys={"shortconv.l_cache": 3},
    ),
    "qwen35": Shape(
        "qwen35", pre="qwen2", layers=5, head_size=64, rotated=16, theta=1e6, qk_norm="head",
        ffn_norm="post_attention_norm", tied=False,
        keys={
            "full_attention_interval": 4, "rope.dimension_sections": [3, 3, 2, 0],
            "ssm.conv_kernel": 4, "ssm.state_size": 32, "ssm.group_count": 2,
            "ssm.time_step_rank": 6, "ssm.inner_size": 192,
        },
    ),
    "olmo2": Shape("olmo2", pre="llama-bpe", norms="after", qk_norm="row", tied=False),
    "olmo3": Shape(
        "olmo2", pre="llama-bpe", norms="after", qk_norm="row", tied=False, layers=4,
        keys={
            **_YARN,
            "attention.sliding_window": 6,
            "attention.sliding_window_pattern": [True, True, False, True],
        },
    ),
}  # fmt: skip
MODELS |= {
    "llama-scaled": replace(MODELS["llama-biased"], scaled=True),
    "qwen3-scaled": replace(MODELS["qwen3"], scaled=True),
    "qwen35-biased": replace(MODELS["qwen35"], theta=100.0, scaled=True, bias=_QKV),
}
# No K-quants (rows are not multiples of 256), a vocabulary that four does not divide, one kv head.
ODD = {
    "embedding": 160, "layers": 1, "heads": 2, "kv_heads": 1, "feed_forward": 288, "vocab": 571,
}  # fmt: skip
TYPED = ("llama", "llama3", "llama-linear", "qwen2", "qwen3")
"""The models that are written in every weight type; the others are there for their parts."""
ODD_HEAD = {"llama": 0, "llama3": 0, "llama-linear": 0, "qwen2": 0, "qwen3": 96}
