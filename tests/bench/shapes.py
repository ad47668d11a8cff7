"""The shapes of real models, from their public configurations: metadata and tensors of a GGUF.

What a shape does not say is as in a llama. The output matrix is tied. Standard library, Python
3.10.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from tests.bench import blocks


@dataclass(frozen=True)
class Shape:
    """A decoder's dimensions, as its GGUF metadata says them."""

    architecture: str
    layers: int
    embedding: int
    heads: int
    kv_heads: int | Sequence[int]
    """Of each block, if they differ; one without has a convolution in place of attention."""
    head: int
    feed_forward: int | Sequence[int]
    context: int
    pre: str
    vocab: int
    unused: int
    """Tokens at the end of the vocabulary that no text gives."""
    theta: float
    eps: float
    qk_norm: bool = False
    post_norms: bool = False
    packed: bool = False
    """One tensor holds queries, keys and values, and one gate and up."""
    rotated: int = 0
    """Dimensions of a head that turn; 0: all."""
    rope_factor: float = 0.0
    """Llama 3's: stretches a context of 8192; 0 is none."""
    ffn_norm: str = "ffn_norm"
    output_norm: str = "output_norm"
    keys: Mapping[str, object] = field(default_factory=dict)
    """More of them, without the architecture."""

    def number(self, key: str, default: int = 0) -> int:
        """One of `keys`."""
        value = self.keys.get(key, default)
        assert isinstance(value, int), key
        return value

    def metadata(self) -> dict[str, object]:
        """Its keys, but for those of the tokenizer."""
        values = {
            "context_length": self.context,
            "embedding_length": self.embedding,
            "block_count": self.layers,
            "feed_forward_length": self.feed_forward,
            "attention.head_count": self.heads,
            "attention.head_count_kv": self.kv_heads,
            "attention.key_length": self.head,
            "attention.value_length": self.head,
            "rope.dimension_count": self.rotated or self.head,
            "rope.freq_base": self.theta,
            "attention.layer_norm_rms_epsilon": self.eps,
            "vocab_size": self.vocab,
            **self.keys,
        }
        return {f"{self.architecture}.{key}": value for key, value in values.items()}


def of(number: int | Sequence[int], block: int) -> int:
    """What a block has of a number that may be a list."""
    return number if isinstance(number, int) else number[block]


QWEN3 = Shape(
    architecture="qwen3", layers=28, embedding=1024, heads=16, kv_heads=8, head=128,
    feed_forward=3072, context=40960, pre="qwen2", vocab=151936, unused=267, theta=1e6, eps=1e-6,
    qk_norm=True,
)  # fmt: skip
LLAMA = Shape(
    architecture="llama", layers=16, embedding=2048, heads=32, kv_heads=8, head=64,
    feed_forward=8192, context=131072, pre="llama-bpe", vocab=128256, unused=252, theta=5e5,
    eps=1e-5, rope_factor=32.0,
)  # fmt: skip
GEMMA = Shape(
    architecture="gemma3", layers=26, embedding=1152, heads=4, kv_heads=1, head=256,
    feed_forward=6912, context=32768, pre="llama-bpe", vocab=262144, unused=0, theta=1e6,
    eps=1e-6, qk_norm=True, post_norms=True,
    keys={"attention.sliding_window": 512, "rope.freq_base_swa": 1e4},
)  # fmt: skip
LOCAL = [i % 5 < 4 for i in range(35)]
SHAPES = {
    "qwen3-0.6b": QWEN3,
    "llama-1b": LLAMA,
    "llama-3b": replace(LLAMA, layers=28, embedding=3072, heads=24, head=128),
    "gemma3-1b": GEMMA,
    "gemma4-e2b": replace(
        GEMMA, architecture="gemma4", layers=35, embedding=1536, heads=8, head=512,
        feed_forward=[6144] * 15 + [12288] * 20, context=131072,
        keys={
            "attention.sliding_window": 512, "attention.sliding_window_pattern": LOCAL,
            "attention.shared_kv_layers": 20, "embedding_length_per_layer_input": 256,
            "attention.key_length_swa": 256, "attention.value_length_swa": 256,
            "rope.dimension_count_swa": 256, "rope.freq_base_swa": 1e4,
            "final_logit_softcapping": 30.0,
        },
    ),
    "qwen3.5-0.8b": Shape(
        architecture="qwen35", layers=24, embedding=1024, heads=8, kv_heads=2, head=256,
        feed_forward=3584, context=262144, pre="qwen2", vocab=248320, unused=267, theta=1e7,
        eps=1e-6, qk_norm=True, rotated=64, ffn_norm="post_attention_norm",
        keys={
            "full_attention_interval": 4, "rope.dimension_sections": [11, 11, 10, 0],
            "ssm.conv_kernel": 4, "ssm.state_size": 128, "ssm.group_count": 16,
            "ssm.time_step_rank": 16, "ssm.inner_size": 2048,
        },
    ),
    "lfm2-1.2b": Shape(
        architecture="lfm2", layers=16, embedding=2048, heads=32,
        kv_heads=[8 if i in (2, 5, 8, 10, 12, 14) else 0 for i in range(16)], head=64,
        feed_forward=8192, context=128000, pre="llama-bpe", vocab=65536, unused=0, theta=1e6,
        eps=1e-5, qk_norm=True, output_norm="token_embd_norm", keys={"shortconv.l_cache": 3},
    ),
    "phi4-mini": Shape(
        architecture="phi3", layers=32, embedding=3072, heads=24, kv_heads=8, head=128,
        feed_forward=8192, context=131072, pre="llama-bpe", vocab=200064, unused=0, theta=1e4,
        eps=1e-5, packed=True, rotated=96,
        keys={
            "rope.scaling.type": "longrope", "rope.scaling.attn_factor": 1.19,
            "rope.scaling.original_context_length": 4096,
        },
    ),
    # No model: few and large matrices, to compare weight types by.
    "wide": replace(
        LLAMA, layers=8, embedding=4096, head=128, feed_forward=14336, context=8192, vocab=12288,
        unused=5, rope_factor=0.0,
    ),
    "tiny": replace(
        QWEN3, layers=2, embedding=256, heads=4, kv_heads=2, head=64, feed_forward=512,
        context=2048, vocab=12288, unused=5,
    ),
}  # fmt: skip

EMBEDDING = {"Q4_K": "Q6_K", "Q4_0": "Q6_K"}
"""What llama.cpp makes the tied embedding where the rest is of this type; else the same."""
INSTEAD = {"Q4_K": "Q5_0", "Q5_K": "Q5_1", "Q6_K": "Q8_0"}
"""What it takes where a row is no multiple of 256; IQ4_NL for all others."""


@dataclass(frozen=True)
class Tensor:
    """One tensor to be written; `dims` in GGUF's order, the row's length first."""

    name: str
    dims: tuple[int, ...]
    kind: str = "F32"
    values: Sequence[float] = (1.0,)
    """Of an F32 tensor, repeated; others are random."""

    @property
    def nbytes(self) -> int:
        return blocks.nbytes(self.kind, math.prod(self.dims))


def tensors(shape: Shape, kind: str) -> Iterator[Tensor]:
    """All tensors, their matrices of the type `kind`, in about the order of real files."""
    width, vocab = shape.embedding, shape.vocab
    yield from _rotation(shape)
    embedding = _fitting(EMBEDDING.get(kind, kind), width)
    yield Tensor("token_embd.weight", (width, vocab), embedding)
    per_block = shape.number("embedding_length_per_layer_input") * shape.layers
    if per_block:
        yield Tensor("per_layer_token_embd.weight", (per_block, vocab), embedding)
        yield Tensor("per_layer_model_proj.weight", (width, per_block), "F16")
        yield Tensor("per_layer_proj_norm.weight", (per_block // shape.layers,))
    for i in range(shape.layers):
        for name, dims in _block(shape, i):
            own = _fitting(kind, dims[0]) if len(dims) == 2 else "F32"
            if name in ("ssm_conv1d", "ssm_alpha", "ssm_beta", "shortconv.conv"):
                own = "F32"
            full = f"blk.{i}.{name}" + ("" if name in ("ssm_a", "ssm_dt.bias") else ".weight")
            values = {"ssm_a": -1.0, "ssm_dt.bias": 0.0, "ssm_alpha": 0.01, "ssm_beta": 0.01}
            yield Tensor(full, dims, own, (values.get(name, 1.0),))
    yield Tensor(f"{shape.output_norm}.weight", (width,))


def _fitting(kind: str, columns: int) -> str:
    return kind if blocks.fits(kind, columns) else INSTEAD.get(kind, "IQ4_NL")


def _rotation(shape: Shape) -> Iterator[Tensor]:
    """What divides the rates of a head's pairs."""
    if shape.rope_factor:
        yield Tensor("rope_freqs.weight", (shape.head // 2,), values=rope_factors(shape))
    if shape.architecture == "gemma4":  # three quarters of the pairs do not turn
        still = [1.0] * (shape.head // 8) + [1e30] * (3 * shape.head // 8)
        yield Tensor("rope_freqs.weight", (shape.head // 2,), values=still)
    if shape.keys.get("rope.scaling.type") == "longrope":
        for length in ("long", "short"):
            yield Tensor(f"rope_factors_{length}.weight", (shape.rotated // 2,))


def rope_factors(shape: Shape) -> list[float]:
    """What divides each frequency in Llama 3 (low 1, high 4, original context 8192)."""
    factors = []
    for i in range(shape.head // 2):
        turns = 8192 / (2 * math.pi * shape.theta ** (2 * i / shape.head))
        smooth = min(max((turns - 1) / 3, 0), 1)
        factors.append(1 / ((1 - smooth) / shape.rope_factor + smooth))
    return factors


Named = Iterator[tuple[str, tuple[int, ...]]]
"""Tensors of a block: their names in it, and dims."""


def _block(shape: Shape, i: int) -> Named:
    width, inner = shape.embedding, of(shape.feed_forward, i)
    yield "attn_norm", (width,)
    if not of(shape.kv_heads, i):
        yield from _short_conv(shape)
    elif (i + 1) % shape.number("full_attention_interval", 1):
        yield from _delta_net(shape)
    else:
        yield from _attention(shape, i)
    yield shape.ffn_norm, (width,)
    if not shape.packed:
        yield "ffn_gate", (width, inner)
    yield "ffn_up", (width, 2 * inner if shape.packed else inner)
    yield "ffn_down", (inner, width)
    if shape.post_norms:
        yield "post_attention_norm", (width,)
        yield "post_ffw_norm", (width,)
    per_block = shape.number("embedding_length_per_layer_input")
    if per_block:
        yield "inp_gate", (width, per_block)
        yield "proj", (per_block, width)
        yield "post_norm", (width,)
        yield "layer_output_scale", (1,)


def _attention(shape: Shape, i: int) -> Named:
    width, head = shape.embedding, shape.head
    slides = shape.keys.get("attention.sliding_window_pattern")
    if isinstance(slides, list) and slides[i]:
        head = shape.number("attention.key_length_swa", head)
    queries, keys = shape.heads * head, of(shape.kv_heads, i) * head
    gated = shape.architecture == "qwen35"
    own = i < shape.layers - shape.number("attention.shared_kv_layers")
    if shape.packed:
        yield "attn_qkv", (width, queries + 2 * keys)
    else:
        yield "attn_q", (width, 2 * queries if gated else queries)
        if own:
            yield "attn_k", (width, keys)
            yield "attn_v", (width, keys)
    yield "attn_output", (queries, width)
    if shape.qk_norm:
        yield "attn_q_norm", (head,)
        if own:
            yield "attn_k_norm", (head,)


def _delta_net(shape: Shape) -> Named:
    width, values, heads, size = (
        shape.embedding,
        *(shape.number(f"ssm.{key}") for key in ("inner_size", "time_step_rank", "state_size")),
    )
    mixed = 2 * shape.number("ssm.group_count") * size + values
    yield "attn_qkv", (width, mixed)
    yield "attn_gate", (width, values)
    yield "ssm_alpha", (width, heads)
    yield "ssm_beta", (width, heads)
    yield "ssm_a", (heads,)
    yield "ssm_dt.bias", (heads,)
    yield "ssm_conv1d", (shape.number("ssm.conv_kernel"), mixed)
    yield "ssm_norm", (size,)
    yield "ssm_out", (values, width)


def _short_conv(shape: Shape) -> Named:
    width = shape.embedding
    yield "shortconv.in_proj", (width, 3 * width)
    yield "shortconv.conv", (shape.number("shortconv.l_cache"), width)
    yield "shortconv.out_proj", (width, width)
