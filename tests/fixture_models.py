"""The models of tests/fixtures.py: a row for each architecture and option, its keys and tensors.

Weights are large enough that leaving out any one part of a model, be it a rotation, a norm, a
window or a scale, changes what it predicts: tests/model/test_parts.py.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from tests.fixture_saved import BIASED, SAVED, Value
from tests.fixture_vocab import tokenizer_metadata


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
    keys: Mapping[str, Value] = field(default_factory=dict)
    """More of them, without the architecture."""
    saved: bool = False
    drafts: int = 0

    @property
    def head(self) -> int:
        return self.head_size or self.embedding // self.of(self.heads, 0)

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


def metadata(shape: Shape, name: str) -> dict[str, object]:
    """All keys of a file."""
    inner = shape.feed_forward
    if shape.architecture == "qwen":  # which counts gate and up together
        assert isinstance(inner, int)
        inner *= 2
    own: dict[str, object] = {
        "context_length": shape.context,
        "embedding_length": shape.embedding,
        "block_count": shape.layers + shape.drafts,
        "feed_forward_length": _list(inner),
        "attention.head_count": _list(shape.heads),
        "attention.head_count_kv": _list(shape.kv_heads),
        "attention.layer_norm_rms_epsilon": shape.eps,
        "rope.freq_base": shape.theta,
    }
    if shape.head_size:
        own |= {"attention.key_length": shape.head_size, "attention.value_length": shape.head_size}
    if shape.rotated or shape.architecture == "llama" or shape.saved:  # qwen files do not say it
        own["rope.dimension_count"] = shape.rotated or shape.head
        own["vocab_size"] = shape.vocab
    own |= shape.keys
    if shape.saved:
        own |= SAVED
    if shape.saved or shape.drafts:
        own["nextn_predict_layers"] = shape.drafts
    whole: dict[str, object] = {"general.name": name}
    whole |= {f"{shape.architecture}.{key}": value for key, value in own.items()}
    if shape.saved:
        tokens = [f"tok_{i}" for i in range(shape.vocab)]
        return whole | {"tokenizer.ggml.model": "test", "tokenizer.ggml.tokens": tokens}
    return whole | tokenizer_metadata(shape.vocab, shape.tokenizer, shape.pre)


def _list(number: int | tuple[int, ...]) -> int | list[int]:
    return number if isinstance(number, int) else list(number)


def tensors(shape: Shape, seed: int) -> dict[str, np.ndarray]:
    """All tensors by name, float32; matrices (rows, columns), in the order files have them."""
    made, c = _Tensors(shape, seed), shape.embedding
    made.matrix("token_embd", shape.vocab, c, gain=shape.spread)
    for i in range(shape.layers + shape.drafts):
        made.attention(i)
        made.feed_forward(i)
        if i >= shape.layers:
            made.matrix(f"blk.{i}.nextn.eh_proj", c, 2 * c)
            made.norm(f"blk.{i}.nextn.enorm", c)
            made.norm(f"blk.{i}.nextn.hnorm", c)
    made.norm("token_embd_norm" if shape.architecture == "lfm2" else "output_norm", c)
    if not shape.tied:
        made.matrix("output", shape.vocab, c, gain=shape.spread)
    if shape.saved and shape.architecture == "qwen3":
        made.out["cls.output.weight"] = normal("cls.output.weight", seed, c)
    made.rotation()
    return {name: values.astype(np.float32) for name, values in made.out.items()}


class _Tensors:
    """The tensors of a shape as they are made, in `out`."""

    def __init__(self, shape: Shape, seed: int) -> None:
        self.shape, self.seed = shape, seed
        self.out: dict[str, np.ndarray] = {}
        self._biased = BIASED[shape.architecture] if shape.saved else shape.bias

    def matrix(self, name: str, rows: int, columns: int, gain: float = 1.0) -> None:
        values = normal(f"{name}.weight", self.seed, rows, columns)
        self.out[f"{name}.weight"] = gain / math.sqrt(columns) * values
        if name.rpartition(".")[2] in self._biased:
            self.out[f"{name}.bias"] = 0.5 * normal(f"{name}.bias", self.seed, rows)
        if self.shape.scaled and name.startswith("blk."):
            self.out[f"{name}.scale"] = 1.25 + 0.25 * normal(f"{name}.scale", self.seed, 1)
        if self.shape.saved and name.startswith("blk."):
            self.out[f"{name}.input_scale"] = normal(f"{name}.input_scale", self.seed, 1)

    def norm(self, name: str, size: int) -> None:
        self.out[f"{name}.weight"] = 1 + 0.25 * normal(f"{name}.weight", self.seed, size)

    def attention(self, i: int) -> None:
        shape, blk, c = self.shape, f"blk.{i}", self.shape.embedding
        heads, kv_heads = shape.of(shape.heads, i), shape.of(shape.kv_heads, i)
        if not heads:
            return
        if shape.norms != "after":
            self.norm(f"{blk}.attn_norm", c)
        if shape.architecture == "lfm2" and not kv_heads:
            self.matrix(f"{blk}.shortconv.in_proj", 3 * c, c, gain=1.5)
            self.table(f"{blk}.shortconv.conv.weight", c, 3)
            self.matrix(f"{blk}.shortconv.out_proj", c, c)
            return
        if shape.architecture == "qwen35" and (i + 1) % 4:
            self.delta_net(blk)
            return
        q, kv = heads * shape.head, kv_heads * shape.head
        if shape.fused:
            self.matrix(f"{blk}.attn_qkv", q + 2 * kv, c, gain=1.5)
        elif kv:
            own = 2 * q if shape.architecture == "qwen35" else q  # its gates lie between queries
            for letter, rows in ("q", own), ("k", kv), ("v", kv):
                self.matrix(f"{blk}.attn_{letter}", rows, c, gain=1.5)
                if shape.qk_norm and letter != "v":
                    size = shape.head if shape.qk_norm == "head" else rows
                    self.norm(f"{blk}.attn_{letter}_norm", size)
        self.matrix(f"{blk}.attn_output", c, q if kv else c)
        if shape.norms != "before":
            self.norm(f"{blk}.post_attention_norm", c)

    def delta_net(self, blk: str) -> None:
        c, keys = self.shape.embedding, self.shape.keys
        size, shared, heads = (
            keys[f"ssm.{name}"] for name in ("state_size", "group_count", "time_step_rank")
        )
        assert isinstance(size, int) and isinstance(shared, int) and isinstance(heads, int)
        mixed, values = (2 * shared + heads) * size, heads * size
        self.matrix(f"{blk}.attn_qkv", mixed, c, gain=1.5)
        self.matrix(f"{blk}.attn_gate", values, c)
        self.matrix(f"{blk}.ssm_alpha", heads, c)
        self.matrix(f"{blk}.ssm_beta", heads, c)
        self.out[f"{blk}.ssm_dt.bias"] = normal(f"{blk}.ssm_dt.bias", self.seed, heads)
        decay = np.exp(normal(f"{blk}.ssm_a", self.seed, heads) - 2)
        self.out[f"{blk}.ssm_a"] = -decay
        self.table(f"{blk}.ssm_conv1d.weight", mixed, 4)
        self.norm(f"{blk}.ssm_norm", size)
        self.matrix(f"{blk}.ssm_out", c, values, gain=2)

    def table(self, name: str, rows: int, columns: int) -> None:
        self.out[name] = 0.6 * normal(name, self.seed, rows, columns)

    def feed_forward(self, i: int) -> None:
        shape, blk, c = self.shape, f"blk.{i}", self.shape.embedding
        inner = shape.of(shape.feed_forward, i)
        if not inner:
            return
        if shape.norms != "after":
            self.norm(f"{blk}.{shape.ffn_norm}", c)
        if shape.gate == "apart":
            self.matrix(f"{blk}.ffn_gate", inner, c)
        self.matrix(f"{blk}.ffn_up", inner * (2 if shape.gate == "packed" else 1), c)
        self.matrix(f"{blk}.ffn_down", c, inner, gain=2)
        if shape.norms != "before":
            self.norm(f"{blk}.post_ffw_norm", c)

    def rotation(self) -> None:
        shape = self.shape
        if shape.rope_factors:
            self.out["rope_freqs.weight"] = np.array(rope_factors(shape.head, shape.theta))
        if shape.keys.get("rope.scaling.type") == "longrope":
            pairs = np.arange(shape.rotated // 2)
            self.out["rope_factors_long.weight"] = 1 + pairs / 3
            self.out["rope_factors_short.weight"] = 1 + pairs / 50


def rope_factors(head: int, theta: float, factor: float = 8, original: int = 32) -> list[float]:
    """What divides each frequency in Llama 3.1 (its "llama3" rope type: low 1, high 4).

    The original context is 32 positions and not 8192, so that a short test sees every band.
    """
    factors = []
    for i in range(head // 2):
        turns = original / (2 * math.pi * theta ** (2 * i / head))
        smooth = min(max((turns - 1) / 3, 0), 1)
        factors.append(1 / ((1 - smooth) / factor + smooth))
    return factors


def normal(name: str, seed: int, *shape: int) -> np.ndarray:
    """Nearly normal values of variance 1, float64: sums of four 16-bit integers, exact anywhere."""
    rng = np.random.default_rng([seed, zlib.crc32(name.encode())])
    sums = rng.integers(-(2**15), 2**15, (4, *shape), dtype=np.int32).sum(axis=0)
    return sums * (math.sqrt(3) / 2**16)
