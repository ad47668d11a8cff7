"""Where each tensor of a file goes on the GPU.

Layers ask for vectors and matrices by their GGUF names; names and shapes are checked and buffers
made at once, so that a model that does not fit its file, or its machine, fails before the first
weight is fetched. Then `load` brings them there: see loading.py.
"""

import re
import struct
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from itertools import groupby
from typing import NamedTuple

from py_engine.base.errors import BadTensor, UnsupportedConfig, UnsupportedType, UnusedTensors
from py_engine.formats.gguf import GGUF, TensorInfo
from py_engine.formats.quants import SUPPORTED
from py_engine.formats.source import Source
from py_engine.gpu.recorder import Library, Recorder
from py_engine.gpu.tensor import Memory, Tensor
from py_engine.layers.config import drafts
from py_engine.layers.linear import Linear
from py_engine.layers.loading import Rows, Values, load
from py_engine.ops.matmul import scaled_bias
from py_engine.ops.weight import Weight, allocate, plane_words

_SHARD_ROWS = 64
"""Shards begin at multiples of this, so that interleaved rows stay together."""
_ONE = struct.pack("<f", 1)
_BLOCK = re.compile(r"blk\.([0-9]+)\.")
_LEFT_OUT = re.compile(r"(^|\.)nextn\.|\.input_scale$|^cls\.output\.weight$")
"""Parts of heads that draft or rank, and scales that only quantisers multiply by."""


def computed(gguf: GGUF) -> GGUF:
    """The file without the tensors that no reply needs, which are not fetched."""
    ahead = drafts(gguf.metadata)

    def needed(name: str) -> bool:
        block = _BLOCK.match(name)
        return not (block and int(block[1]) in ahead) and not _LEFT_OUT.search(name)

    kept = {name: info for name, info in gguf.tensors.items() if needed(name)}
    return replace(gguf, tensors=kept)


class _Span(NamedTuple):
    """Rows first … first + rows - 1 of a tensor."""

    info: TensorInfo
    first: int
    rows: int


class Weights:
    """The tensors of one model on one device.

    Args:
        gguf: the header.
        memory: owns the buffers made here.
    """

    def __init__(self, gguf: GGUF, memory: Memory) -> None:
        self.gguf = computed(gguf)
        self.memory = memory
        self._places: dict[str, list[Rows | Values]] = defaultdict(list)
        self._afterwards: list[Callable[[Recorder], None]] = []

    def has(self, name: str) -> bool:
        return name in self.gguf.tensors

    def rows(self, name: str) -> int:
        """Rows of a matrix whose number no metadata tells: the vocabulary."""
        info = self.gguf.tensors.get(name)
        if info is None or len(info.shape) != 2:
            raise BadTensor(f"the file has no matrix {name}")
        return info.shape[1]

    def vector(self, names: Sequence[str], sizes: Sequence[int]) -> Tensor:
        """F32 vectors one after another in one tensor, (sum of sizes,)."""
        whole = self.memory.tensor((sum(sizes),), names[0])
        at = 0
        for name, size in zip(names, sizes, strict=True):
            self._vector(name, Tensor(whole.handle, (size,), at=at * 4))
            at += size
        return whole

    def table(self, name: str, shape: tuple[int, ...]) -> Tensor:
        """An F32 tensor of this shape, which a GGUF has the other way round."""
        whole = self.memory.tensor(shape, name)
        self._vector(name, whole)
        return whole

    def linear(self, names: Sequence[str], sizes: Sequence[int], columns: int) -> Linear:
        """`matrix`, and the biases and scales that the file has for it."""
        spans = self._spans(names, sizes, columns)
        return self._stacked(spans, columns).with_bias(self._biases(spans))

    def matrix(self, names: Sequence[str], sizes: Sequence[int], columns: int) -> Linear:
        """Matrices (rows, columns) stacked by rows; those of one type share a weight."""
        return self._stacked(self._spans(names, sizes, columns), columns)

    def slabs(self, name: str, count: int, rows: int, columns: int) -> list[Linear]:
        """Each matrix (rows, columns) of a tensor of several; its rows come after those before."""
        info = self._matrix(name, rows, columns, count)
        return [
            Linear(tuple((weight, i * rows + first) for weight, first in placed), rows, columns)
            for i in range(count)
            for placed in [self._place([_Span(info, i * rows, rows)], rows, 1)]
        ]

    def alternating(
        self, names: Sequence[str], sizes: Sequence[int], columns: int, *, of: int
    ) -> tuple[Linear, Linear]:
        """As `linear`, but the first has `of` rows of its own, then `of` for another, and so on.

        Returns:
            The stack, with the first's own rows, of which `sizes` has the number; the other's.
        """
        first, *others = self._spans(names, [2 * sizes[0], *sizes[1:]], columns)
        own, other = (
            [_Span(first.info, at, of) for at in range(begin, first.rows, 2 * of)]
            for begin in (0, of)
        )
        own += others
        return (
            self._stacked(own, columns).with_bias(self._biases(own)),
            self._stacked(other, columns).with_bias(self._biases(other)),
        )

    def _spans(self, names: Sequence[str], sizes: Sequence[int], columns: int) -> list[_Span]:
        infos = [self._matrix(n, rows, columns) for n, rows in zip(names, sizes, strict=True)]
        return [_Span(info, 0, info.shape[1]) for info in infos]

    def _stacked(self, spans: Sequence[_Span], columns: int) -> Linear:
        """Rows one after another; neighbours of one type share a weight."""
        parts: list[tuple[Weight, int]] = []
        at = 0
        for _, group in groupby(spans, key=lambda span: span.info.type):
            same = list(group)
            rows = sum(span.rows for span in same)
            parts += [(weight, at + first) for weight, first in self._place(same, rows, 1)]
            at += rows
        return Linear(tuple(parts), at, columns)

    def pair(self, names: tuple[str, str], rows: int, columns: int) -> Linear:
        """Two matrices with their rows in turn: a0, b0, a1, b1, …

        If their types differ, or they have biases, they are stacked as by `linear`.
        """
        spans = self._spans(names, (rows, rows), columns)
        if spans[0].info.type != spans[1].info.type or any(map(self._has_bias, names)):
            return self.linear(names, (rows, rows), columns)
        return self._interleaved(spans, columns)

    def halves(self, name: str, rows: int, columns: int) -> Linear:
        """One matrix (2 rows, columns) with the rows of its halves in turn: a0, b0, a1, b1, …

        If it has a bias, it stays as it is.
        """
        if self._has_bias(name):
            return self.linear([name], [2 * rows], columns)
        info = self._matrix(name, 2 * rows, columns)
        return self._interleaved([_Span(info, 0, rows), _Span(info, rows, rows)], columns)

    def _interleaved(self, spans: Sequence[_Span], columns: int) -> Linear:
        rows = sum(span.rows for span in spans)
        parts = tuple(self._place(spans, rows, len(spans)))
        return Linear(parts, rows, columns, True, self._biases(spans, in_turn=True))

    def leave_out(self, name: str) -> None:
        """Do without a tensor, if there is one: it is not fetched."""
        kept = {key: info for key, info in self.gguf.tensors.items() if key != name}
        self.gguf = replace(self.gguf, tensors=kept)

    def afterwards(self, record: Callable[[Recorder], None]) -> None:
        """Have something computed from weights once they are there."""
        self._afterwards.append(record)

    def check_all_used(self) -> None:
        """Refuse tensors that nothing asked for: without them the file would run wrong."""
        unused = self.gguf.tensors.keys() - self._places.keys()
        if unused:
            raise UnusedTensors(sorted(unused))

    def _has_bias(self, name: str) -> bool:
        return self.has(_beside(name, "bias"))

    def _biases(self, spans: Sequence[_Span], *, in_turn: bool = False) -> Tensor | None:
        """Biases of rows that are stacked; zeros where only others have one. None has none.

        Where the file has scales, (rows, 2): each row's scale and bias, in turn if they are.
        """
        names = [span.info.name for span in spans]
        scaled = any(self.has(_beside(name, "scale")) for name in names)
        if not scaled and not any(map(self._has_bias, names)):
            return None
        whole = self.memory.tensor((sum(span.rows for span in spans),), _beside(names[0], "bias"))
        at = 0
        for name, (info, first, rows) in zip(names, spans, strict=True):
            if self._has_bias(name):
                place = Tensor(whole.handle, (rows,), at=4 * at)
                self._vector(_beside(name, "bias"), place, info.shape[1:], first)
            at += rows
        return self._scaled(spans, whole, in_turn) if scaled else whole

    def _scaled(self, spans: Sequence[_Span], bias: Tensor, in_turn: bool) -> Tensor:
        """Scales, 1 where a matrix has none, beside the biases.

        They multiply the product before the bias is added, as NVFP4 has it, but in feed-forward
        layers of other types after it, as llama.cpp has it (build_ffn).
        """
        scales = self.memory.tensor((len(spans),), "scales")
        out = self.memory.tensor((*bias.shape, 2), "scaled biases")
        first = 0
        for i, (info, _, rows) in enumerate(spans):
            name = _beside(info.name, "scale")
            if self.has(name):
                self._vector(name, Tensor(scales.handle, (1,), at=4 * i))
            else:
                self.memory.device.write(scales.handle, 4 * i, _ONE)
            self.afterwards(
                partial(
                    scaled_bias,
                    scales=scales,
                    bias=bias,
                    out=out,
                    which=i,
                    first=first,
                    rows=rows,
                    stride=len(spans) if in_turn else 1,
                    offset=i if in_turn else first,
                    after=".ffn_" in name and info.type != "NVFP4",
                )
            )
            first += rows
        return out

    def _vector(
        self, name: str, place: Tensor, shape: tuple[int, ...] | None = None, first: int = 0
    ) -> None:
        """Have a tensor brought to a place, or of one of this shape as much as it takes."""
        info = self._info(name, shape or place.shape[::-1])
        if info.type != "F32":
            raise UnsupportedType(name, info.type, ["F32 (for norms, biases and scales)"])
        self._places[name].append(Values(first, place))

    def _place(self, spans: Sequence[_Span], rows: int, stride: int) -> list[tuple[Weight, int]]:
        """Make the shards for these rows, in turn if `stride` is their number; each with its first.

        Else they follow each other.
        """
        info = spans[0].info
        kind, columns = info.type, info.shape[0]
        most = self._rows_per_shard(kind, columns)
        shards = [
            (allocate(self.memory, kind, min(most, rows - first), columns, info.name), first)
            for first in range(0, rows, most)
        ]
        start = 0
        for order, (info, top, count) in enumerate(spans):
            own = order if stride > 1 else start
            for weight, first in shards:
                # rows r of the tensor with first <= r * stride + own < first + weight.rows
                begin = max(-(-(first - own) // stride), 0)
                end = min(-(-(first + weight.rows - own) // stride), count)
                if begin < end:
                    self._places[info.name].append(
                        Rows(weight, top + begin, end - begin, stride, begin * stride + own - first)
                    )
            start += count
        return shards

    def _rows_per_shard(self, kind: str, columns: int) -> int:
        words, _, _ = plane_words(kind, _SHARD_ROWS, columns)
        return max(self.memory.largest // (4 * words), 1) * _SHARD_ROWS

    def _matrix(self, name: str, rows: int, columns: int, *more: int) -> TensorInfo:
        info = self._info(name, (columns, rows, *more))
        if info.type not in SUPPORTED:
            raise UnsupportedType(name, info.type, SUPPORTED)
        if columns % 32:
            raise UnsupportedConfig(f"row length of {name}", columns, "a multiple of 32")
        return info

    def _info(self, name: str, shape: tuple[int, ...]) -> TensorInfo:
        info = self.gguf.tensors.get(name)
        if info is None:
            raise BadTensor(f"the file has no tensor {name}")
        if info.shape != shape:
            raise BadTensor(
                f"tensor {name} has the shape {list(info.shape)}, its metadata says {list(shape)}"
            )
        return info

    async def load(
        self, sources: Sequence[Source], library: Library, progress: Callable[[int, int], None]
    ) -> None:
        """Stream all tensors, in the file's order: see loading.py."""
        await load(
            list(self.gguf.tensors.values()),
            self._places,
            sources,
            library,
            self.memory.device,
            afterwards=self._afterwards,
            progress=progress,
        )


def _beside(name: str, what: str) -> str:
    return f"{name.removesuffix('weight')}{what}"
