"""The hyper-parameters of a decoder, read from GGUF metadata and checked.

Keys are those of the GGUF specification, without the architecture's prefix. A value that the
layers do not handle fails here, by name; what contradicts the tensors' shapes fails in weights.py.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from py_engine.base.errors import UnsupportedConfig
from py_engine.formats.gguf import MetaValue
from py_engine.ops.attention import Heads

_LARGEST = 2**20
"""No dimension of a known model is larger; also the positions that rope.wgsl counts exactly."""
_UNSUPPORTED = (
    "expert_count", "attention.alibi_bias_max", "attention.clamp_kqv", "attention.scale",
    "logit_scale",
)  # fmt: skip
"""Keys that change the arithmetic when they are not zero."""


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

    def size(self, name: str, default: int | None = None) -> int:
        """A positive integer below 2^20."""
        value = self.value(name)
        value = default if value is None else value
        if not isinstance(value, int) or isinstance(value, bool) or not 0 < value <= _LARGEST:
            raise self.refusal(name, value, f"an integer from 1 to {_LARGEST}")
        return value

    def real(self, name: str, default: float | None = None) -> float:
        """A positive, finite number."""
        value = self.value(name)
        value = default if value is None else value
        if not isinstance(value, int | float) or not 0 < value < float("inf"):
            raise self.refusal(name, value, "a positive number")
        return float(value)


@dataclass(frozen=True)
class Config:
    """A pre-norm decoder with grouped-query attention and a gated feed-forward layer."""

    block_count: int
    embedding_length: int
    feed_forward_length: int
    context_length: int
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
        """
        meta = Metadata(values, architecture)
        for name in _UNSUPPORTED:
            if meta.value(name):
                raise meta.refusal(name, meta.value(name), "0, or no such key")
        width = meta.size("embedding_length")
        _multiple(meta, "embedding_length", width, 32)
        feed_forward = meta.size("feed_forward_length")
        _multiple(meta, "feed_forward_length", feed_forward, 32)
        window = meta.value("attention.sliding_window")
        context = meta.size("context_length")
        if isinstance(window, int) and window:
            context = min(context, meta.size("attention.sliding_window"))
        return cls(
            block_count=meta.size("block_count"),
            embedding_length=width,
            feed_forward_length=feed_forward,
            context_length=context,
            heads=_heads(meta, width, neox),
            eps=meta.real("attention.layer_norm_rms_epsilon"),
            freq_base=meta.real("rope.freq_base", 10000.0),
            freq_scale=_freq_scale(meta),
        )


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
    kind = meta.value("rope.scaling.type")
    if kind == "linear":
        return 1.0 / meta.real("rope.scaling.factor")
    if kind not in (None, "none"):
        raise meta.refusal("rope.scaling.type", kind, "none, linear")
    return 1.0 / meta.real("rope.scale_linear", 1.0)


def _multiple(meta: Metadata, name: str, value: int, of: int) -> None:
    if value % of:
        raise meta.refusal(name, value, f"a multiple of {of}")
