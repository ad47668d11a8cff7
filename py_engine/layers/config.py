"""The hyper-parameters of a decoder, read from GGUF metadata and checked.

Keys are those of the GGUF specification, without the architecture's prefix. A value that the
layers do not handle fails here, by name; what contradicts the tensors' shapes fails in weights.py.
Defaults are llama.cpp's (src/llama-model.cpp, load_hparams).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isclose
from typing import TypeGuard

from py_engine.base.errors import NotGenerative, UnsupportedConfig
from py_engine.formats.gguf import MetaValue
from py_engine.ops.attention import POSITIONS, Heads

_LARGEST = 2**20
"""No dimension of a known model is larger."""
_PER_BLOCK = ("feed_forward_length", "attention.head_count", "attention.head_count_kv")
"""Keys that may hold an array, a value for each block; here all blocks must agree."""
_NEUTRAL: Mapping[str, tuple[float, ...]] = {
    "expert_count": (0,),
    "attention.max_alibi_bias": (0,),
    "attention.clamp_kqv": (0,),
    "logit_scale": (0, 1),
    "residual_scale": (0, 1),
    "embedding_scale": (0, 1),
    "rope.scaling.attn_factor": (1,),
}
"""Keys that change the arithmetic, with the values that do not. A key's presence says nothing:
llama.cpp writes all that it knows into the files that it saves."""
_UNPOOLED = (0, -1, 2**32 - 1)
"""`pooling_type`: none, or not said."""
_POOLED = dict.fromkeys((1, 2, 3), "an embedding model") | {4: "a reranker"}
"""What a model with a `pooling_type` is: the mean, the first or the last token's; a rank."""


class Metadata:
    """The keys of one architecture, read with a type and a range."""

    def __init__(self, values: Mapping[str, MetaValue], architecture: str) -> None:
        self._values = values
        self._prefix = architecture

    def key(self, name: str) -> str:
        return f"{self._prefix}.{name}"

    def refusal(self, name: str, value: object, wanted: str) -> UnsupportedConfig:
        return UnsupportedConfig(self.key(name), value, wanted)

    def value(self, name: str) -> MetaValue | None:
        return self._values.get(self.key(name))

    def size(self, name: str, default: int | None = None, *, most: int = _LARGEST) -> int:
        """An integer from 1 to `most`."""
        value: object = self.value(name)
        if name in _PER_BLOCK and isinstance(value, list) and len(set(value)) == 1:
            value = value[0]
        value = default if value is None else value
        if not isinstance(value, int) or isinstance(value, bool) or not 0 < value <= most:
            raise self.refusal(name, value, f"an integer from 1 to {most}")
        return value

    def real(self, name: str, default: float | None = None) -> float:
        """A positive, finite number."""
        value = self.value(name)
        value = default if value is None else value
        if not _is_number(value) or not 0 < value < float("inf"):
            raise self.refusal(name, value, "a positive number")
        return float(value)

    def neutral(self, name: str, *values: float) -> None:
        """Refuse a key that would change the arithmetic: these values do not."""
        value = self.value(name)
        number = value if _is_number(value) else float("nan")
        if value is not None and not any(isclose(number, one, rel_tol=1e-6) for one in values):
            wanted = [*(f"{one:g}" for one in values), "no such key"]
            raise self.refusal(name, value, " or ".join(wanted))


@dataclass(frozen=True)
class Config:
    """A pre-norm decoder with grouped-query attention and a gated feed-forward layer."""

    block_count: int
    """Blocks that run."""
    embedding_length: int
    feed_forward_length: int
    context_length: int
    """The model's, as far as the rotation counts."""
    heads: Heads
    eps: float
    freq_base: float
    freq_scale: float
    """Positions are multiplied by it: 1, or below with linear scaling."""

    @classmethod
    def read(cls, values: Mapping[str, MetaValue], architecture: str, *, neox: bool) -> "Config":
        """Read an architecture's keys.

        Args:
            neox: the pairing of rotated dimensions, a property of the architecture.

        Raises:
            UnsupportedConfig: a key is missing, out of range, or asks for what is not there.
            NotGenerative: the model is not one that writes text.
        """
        meta = Metadata(values, architecture)
        _check_generative(meta)
        for name, neutral in _NEUTRAL.items():
            meta.neutral(name, *neutral)
        width = meta.size("embedding_length")
        _multiple(meta, "embedding_length", width, 32)
        feed_forward = meta.size("feed_forward_length")
        _multiple(meta, "feed_forward_length", feed_forward, 32)
        heads = _heads(meta, width, neox)
        meta.neutral("attention.scale", 0, heads.D**-0.5)
        return cls(
            block_count=_blocks(meta),
            embedding_length=width,
            feed_forward_length=feed_forward,
            context_length=_context(meta),
            heads=heads,
            eps=meta.real("attention.layer_norm_rms_epsilon"),
            freq_base=meta.real("rope.freq_base", 10000.0),
            freq_scale=_freq_scale(meta),
        )


def drafts(values: Mapping[str, MetaValue]) -> range:
    """The numbers of a file's last blocks, which only draft tokens ahead (`nextn`) and do not run.

    Values that contradict themselves give none; `Config.read` refuses them.
    """
    name = values.get("general.architecture")
    keys = ("block_count", "nextn_predict_layers")
    blocks, ahead = (values.get(f"{name}.{key}") for key in keys)
    if isinstance(blocks, int) and isinstance(ahead, int) and 0 < ahead < blocks <= _LARGEST:
        return range(blocks - ahead, blocks)
    return range(0)


def _blocks(meta: Metadata) -> int:
    blocks = meta.size("block_count")
    if not meta.value("nextn_predict_layers"):
        return blocks
    return blocks - meta.size("nextn_predict_layers", most=blocks - 1)


def _context(meta: Metadata) -> int:
    """The positions at which the model knows its way; within a window all keys are seen."""
    context = meta.size("context_length", most=2**64)
    window = meta.value("attention.sliding_window")
    if isinstance(window, int) and window:
        context = min(context, meta.size("attention.sliding_window", most=2**64))
    return min(context, POSITIONS)


def _check_generative(meta: Metadata) -> None:
    pooling = meta.value("pooling_type")
    if pooling is not None and pooling not in _UNPOOLED:
        kind = _POOLED.get(pooling) if isinstance(pooling, int) else None
        if kind is None:
            raise meta.refusal("pooling_type", pooling, "0, or no such key")
        raise NotGenerative(kind, meta.key("pooling_type"), pooling)
    if meta.value("attention.causal") not in (None, True):
        kind = "a model that reads a text in both directions, as encoders do"
        raise NotGenerative(kind, meta.key("attention.causal"), meta.value("attention.causal"))


def _heads(meta: Metadata, width: int, neox: bool) -> Heads:
    count = meta.size("attention.head_count")
    shared = meta.size("attention.head_count_kv", count)
    if count % shared:
        raise meta.refusal("attention.head_count_kv", shared, f"a divisor of the {count} heads")
    if meta.value("attention.key_length") is None and width % count:
        raise meta.refusal("attention.head_count", count, f"a divisor of the width {width}")
    size = meta.size("attention.key_length", width // count)
    _multiple(meta, "attention.key_length", size, 8)
    if size > 256:
        raise meta.refusal("attention.key_length", size, "head sizes up to 256")
    values = meta.size("attention.value_length", size)
    if values != size:
        raise meta.refusal("attention.value_length", values, f"the length of keys, {size}")
    rotated = meta.size("rope.dimension_count", size)
    if rotated > size or rotated % 2:
        raise meta.refusal("rope.dimension_count", rotated, f"an even number up to {size}")
    return Heads(count, shared, size, rotated, neox)


def _freq_scale(meta: Metadata) -> float:
    """Scaling is linear unless its type says otherwise; a factor of 0 is none."""
    kind, name = meta.value("rope.scaling.type"), "rope.scaling.factor"
    if meta.value(name) is None:
        name = "rope.scale_linear"  # as it was called before
    factor = 1.0 if meta.value(name) in (None, 0) else meta.real(name)
    if kind == "none":
        return 1.0
    if kind not in (None, "linear") and (kind != "yarn" or factor != 1):  # YaRN by 1 is nothing
        raise meta.refusal("rope.scaling.type", kind, "none, linear")
    return 1.0 / factor


def _multiple(meta: Metadata, name: str, value: int, of: int) -> None:
    if value % of:
        raise meta.refusal(name, value, f"a multiple of {of}")


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)
