"""The hyper-parameters of a decoder, read from GGUF metadata and checked.

Keys are those of the GGUF specification, without the architecture's prefix. A key's presence says
nothing, since llama.cpp writes all that it knows into the files that it saves: each architecture
reads what it uses, and has `neutral` refuse what would change its arithmetic and is not there. What
contradicts the tensors' shapes fails in weights.py. Defaults are llama.cpp's (src/llama-model.cpp).
"""

from collections.abc import Mapping, Sequence
from math import isclose, isfinite
from typing import TypeGuard, Unpack

from py_engine.base.errors import NotGenerative, UnsupportedConfig
from py_engine.formats.gguf import MetaValue
from py_engine.ops.attention import POSITIONS, HeadOptions, Heads

_LARGEST = 2**20
"""No dimension of a known model is larger."""
_NO_EPS = 1e-30
"""For an epsilon of 0, which llama.cpp writes where it saves a Qwen2-VL: zeros must stay zeros."""
_UNPOOLED = (0, -1, 2**32 - 1)
"""`pooling_type`: none, or not said."""
_POOLED = dict.fromkeys((1, 2, 3), "an embedding model") | {4: "a reranker"}
"""What a model with a `pooling_type` is: the mean, the first or the last token's; a rank."""


class Config:
    """The keys of one architecture, each read with a type and a range.

    Args:
        windowed: the architecture's layers slide a window over their keys; else contexts stay
            within a window that the file names, where it hides nothing.

    Raises:
        UnsupportedConfig: a key is missing, out of range, or asks for what is not there; by any
            method, as by the constructor, which reads what every decoder has.
        NotGenerative: the model is not one that writes text.
    """

    def __init__(
        self, values: Mapping[str, MetaValue], architecture: str, *, windowed: bool = False
    ) -> None:
        self._values = values
        self._prefix = architecture
        _check_generative(self)
        self.embedding_length = self.size("embedding_length")
        self._multiple("embedding_length", self.embedding_length, 32)
        self.block_count = _blocks(self)
        """Blocks that run."""
        shortest = [POSITIONS, self.size("context_length", most=2**64)]
        if self.window() and not windowed:
            shortest.append(self.window())
        self.context_length = min(shortest)
        """The positions at which the model knows its way, as far as the rotation counts."""
        name = "attention.layer_norm_rms_epsilon"
        self.eps = _NO_EPS if self.value(name) == 0 else self.real(name)

    # ---- one key

    def key(self, name: str) -> str:
        return f"{self._prefix}.{name}"

    def refusal(self, name: str, value: object, wanted: str) -> UnsupportedConfig:
        return UnsupportedConfig(self.key(name), value, wanted)

    def value(self, name: str) -> MetaValue | None:
        return self._values.get(self.key(name))

    def size(self, name: str, default: int | None = None, *, most: int = _LARGEST) -> int:
        """An integer from 1 to `most`."""
        return self._size(name, self.value(name), default, 1, most)

    def count(self, name: str) -> int | None:
        """A number of blocks below that of all, which files hold as an integer or a real number."""
        value = self.value(name)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        return None if value is None else self._size(name, value, None, 0, self.block_count - 1)

    def sizes(self, name: str, default: int | None = None, *, least: int = 1) -> list[int]:
        """An integer from `least` for each block: a list, or one number for all."""
        value: object = self.value(name)
        if not isinstance(value, list):
            return [self._size(name, value, default, least, _LARGEST)] * self.block_count
        if len(value) < self.block_count:
            raise self.refusal(name, value, f"{self.block_count} numbers, one for each block")
        return [
            self._size(name, one, default, least, _LARGEST) for one in value[: self.block_count]
        ]

    def real(self, name: str, default: float | None = None) -> float:
        """A positive, finite number."""
        value = self.value(name)
        value = default if value is None else value
        if not _is_number(value) or not 0 < value < float("inf"):
            raise self.refusal(name, value, "a positive number")
        return float(value)

    def reals(self, name: str, default: Sequence[float]) -> list[float]:
        """A finite number for each block."""
        value: object = self.value(name)
        value = list(default) if value is None else value
        if not isinstance(value, list) or len(value) < self.block_count:
            raise self.refusal(name, value, f"{self.block_count} numbers, one for each block")
        if not all(_is_number(one) and isfinite(one) for one in value):
            raise self.refusal(name, value, "finite numbers")
        return [float(one) for one in value[: self.block_count]]

    def factor(self, name: str, default: float = 1.0) -> float:
        """A number that multiplies; 0 stands for none, as llama.cpp has it."""
        value = self.value(name)
        if value is None or value == 0:
            return default
        if not _is_number(value) or not isfinite(value):
            raise self.refusal(name, value, "a number")
        return float(value)

    def flag(self, name: str, default: bool) -> bool:
        value = self.value(name)
        if value is not None and not isinstance(value, bool):
            raise self.refusal(name, value, "true or false")
        return default if value is None else value

    def neutral(self, name: str, *values: float) -> None:
        """Refuse a key that would change the arithmetic: these values do not."""
        value = self.value(name)
        number = value if _is_number(value) else float("nan")
        if value is not None and not any(isclose(number, one, rel_tol=1e-6) for one in values):
            wanted = [*(f"{one:g}" for one in values), "no such key"]
            raise self.refusal(name, value, " or ".join(wanted))

    # ---- what several keys say together

    def heads(
        self,
        block: int,
        *,
        neox: bool,
        rotated: bool = True,
        near: bool = False,
        **options: Unpack[HeadOptions],
    ) -> Heads:
        """The shape of a block's attention.

        Args:
            neox: the pairing of rotated dimensions, a property of the architecture.
            rotated: False: positions do not count (NoPE).
            near: the block slides a window, and such blocks have a head size of their own.
            options: as `Heads` has them.
        """
        counts = self.head_counts("attention.head_count")
        suffix = "_swa" if near else ""
        count, size = counts[block], self._head_size(counts[0], suffix)
        name = "attention.head_count_kv"
        shared = count if self.value(name) is None else self.head_counts(name)[block]
        if not count:
            raise self.refusal("attention.head_count", count, "at least one head")
        if not shared or count % shared:
            raise self.refusal(name, shared, f"a divisor of the {count} heads")
        turned = self.rotated(near=near) if rotated else 0
        return Heads(count, shared, size, turned, neox, **options)

    def rotated(self, *, near: bool = False) -> int:
        """Dimensions of a head that are rotated; `near` as `heads` has it."""
        suffix = "_swa" if near else ""
        name = f"rope.dimension_count{suffix}"
        size = self._head_size(self.head_counts("attention.head_count")[0], suffix)
        rotated = self.size(name, min(size, self.rotated()) if near else size)
        if rotated > size or rotated % 2:
            raise self.refusal(name, rotated, f"an even number up to {size}")
        return rotated

    def feed_forward(self, block: int) -> int:
        """The width inside a block's feed-forward layer."""
        name = "feed_forward_length"
        inner = self.sizes(name, least=0)[block]
        if not inner:
            raise self.refusal(name, inner, "a width")
        self._multiple(name, inner, 32)
        return inner

    def head_counts(self, name: str) -> list[int]:
        """`attention.head_count` or `….head_count_kv` of each block; 0 is none."""
        return self.sizes(name, least=0)

    def slides(self, pattern: int | None) -> list[bool]:
        """Which blocks slide a window: all but each n-th, or what an array says of each.

        Args:
            pattern: the n where the file does not say it; None: it must, by an array.
        """
        name = "attention.sliding_window_pattern"
        value = self.value(name)
        blocks = range(self.block_count)
        if isinstance(value, list):
            if len(value) < self.block_count or not all(one in (0, 1) for one in value):
                raise self.refusal(name, value, "true or false for each block")
            return [bool(value[i]) for i in blocks]
        if pattern is None:
            raise self.refusal(name, value, "true or false for each block")
        every = pattern if value is None else self._size(name, value, None, 0, _LARGEST)
        return [not every or (i + 1) % every > 0 for i in blocks]

    def recurrent(self, interval: int) -> list[bool]:
        """Which blocks have no attention: all but each n-th, or what an array says of each."""
        name = "attention.recurrent_layers"
        value = self.value(name)
        blocks = range(self.block_count)
        if isinstance(value, list) and len(value) >= self.block_count:
            return [bool(value[i]) for i in blocks]
        every = self.size("full_attention_interval", interval)
        return [(i + 1) % every > 0 for i in blocks]

    def window(self, default: int = 0) -> int:
        """Positions that a query sees, itself included; 0: all."""
        name = "attention.sliding_window"
        return self.size(name, most=2**64) if self.value(name) else default

    def _head_size(self, count: int, suffix: str = "") -> int:
        width, name = self.embedding_length, f"attention.key_length{suffix}"
        said = self.value("attention.key_length") or self.value(name)
        if said is None and (not count or width % count):
            raise self.refusal("attention.head_count", count, f"a divisor of the width {width}")
        size = self.size("attention.key_length", width // max(count, 1))
        size = self.size(name, size)
        self._multiple(name, size, 8)
        if size > 512:
            raise self.refusal(name, size, "head sizes up to 512")
        other = f"attention.value_length{suffix}"
        values = self.size(other, size)
        if values != size:
            raise self.refusal(other, values, f"the length of keys, {size}")
        return size

    def _size(self, name: str, value: object, default: int | None, least: int, most: int) -> int:
        value = default if value is None else value
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise self.refusal(name, value, f"an integer from {least} to {most}")
        return value

    def _multiple(self, name: str, value: int, of: int) -> None:
        if value % of:
            raise self.refusal(name, value, f"a multiple of {of}")


def drafts(values: Mapping[str, MetaValue]) -> range:
    """The numbers of a file's last blocks, which only draft tokens ahead (`nextn`) and do not run.

    Values that contradict themselves give none; `Config` refuses them.
    """
    name = values.get("general.architecture")
    keys = ("block_count", "nextn_predict_layers")
    blocks, ahead = (values.get(f"{name}.{key}") for key in keys)
    if isinstance(blocks, int) and isinstance(ahead, int) and 0 < ahead < blocks <= _LARGEST:
        return range(blocks - ahead, blocks)
    return range(0)


def _blocks(config: Config) -> int:
    blocks = config.size("block_count")
    if not config.value("nextn_predict_layers"):
        return blocks
    return blocks - config.size("nextn_predict_layers", most=blocks - 1)


def _check_generative(config: Config) -> None:
    pooling = config.value("pooling_type")
    if pooling is not None and pooling not in _UNPOOLED:
        kind = _POOLED.get(pooling) if isinstance(pooling, int) else None
        if kind is None:
            raise config.refusal("pooling_type", pooling, "0, or no such key")
        raise NotGenerative(kind, config.key("pooling_type"), pooling)
    if config.value("attention.causal") not in (None, True):
        kind = "a model that reads a text in both directions, as encoders do"
        raise NotGenerative(kind, config.key("attention.causal"), config.value("attention.causal"))


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)
