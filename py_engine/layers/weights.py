"""Where each tensor of a file goes on the GPU, and the one pass that brings them there.

Layers ask for vectors and matrices by their GGUF names; names and shapes are checked and buffers
made at once, so that a model that does not fit its file, or its machine, fails before the first
weight is fetched. Then `load` streams the file in its own order. The bytes pass it by.
"""

import asyncio
import re
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import accumulate, cycle, groupby
from typing import NamedTuple

from py_engine.base.errors import BadTensor, UnsupportedConfig, UnsupportedType, UnusedTensors
from py_engine.formats.gguf import GGUF, TensorInfo
from py_engine.formats.quants import QUANTS, SUPPORTED
from py_engine.formats.source import Source
from py_engine.gpu.device import Segment
from py_engine.gpu.recorder import Library, Recorder
from py_engine.gpu.tensor import Memory, Tensor
from py_engine.layers.config import drafts
from py_engine.layers.linear import Linear
from py_engine.ops.weight import Weight, allocate, plane_words, repack, repacker

_PIECE = 4 << 20
"""Bytes that are fetched and repacked at a time: a piece of a tensor, or several tensors."""
_STAGES = 8
"""Pieces on their way at a time: bytes arrive while Python has its turn, 20 ms at 1.7 GB/s."""
_ALIGNED = 256
"""Where a binding may begin."""
_SHARD_ROWS = 64
"""Shards begin at multiples of this, so that interleaved rows stay together."""
_Arrival = tuple[Awaitable[None], Recorder, Callable[[], None]]
"""Bytes on their way, what is to be done with them then, and who is told."""

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


@dataclass(frozen=True)
class _Rows:
    """Rows first + i of a tensor, i < rows, become rows i·stride + offset of a weight."""

    weight: Weight
    first: int
    rows: int
    stride: int
    offset: int


class _Span(NamedTuple):
    """Rows first … first + rows - 1 of a tensor."""

    info: TensorInfo
    first: int
    rows: int


@dataclass(frozen=True)
class _Piece:
    """Bytes of a file, and where they go: `rows` rows from `first` of a place, or a vector."""

    file: int
    at: int
    nbytes: int
    place: _Rows | Tensor
    first: int = 0
    rows: int = 0


class Weights:
    """The tensors of one model on one device.

    Args:
        gguf: the header.
        memory: owns the buffers made here.
    """

    def __init__(self, gguf: GGUF, memory: Memory) -> None:
        self.gguf = computed(gguf)
        self.memory = memory
        self._rows: dict[str, list[_Rows]] = defaultdict(list)
        self._vectors: dict[str, list[Tensor]] = defaultdict(list)
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
        """`matrix`, and the biases that the file has for it."""
        return self.matrix(names, sizes, columns).with_bias(self._biases(names, sizes))

    def matrix(self, names: Sequence[str], sizes: Sequence[int], columns: int) -> Linear:
        """Matrices (rows, columns) stacked by rows; those of one type share a weight."""
        infos = [self._matrix(n, rows, columns) for n, rows in zip(names, sizes, strict=True)]
        return self._stacked([_Span(info, 0, info.shape[1]) for info in infos], columns)

    def alternating(
        self, names: Sequence[str], sizes: Sequence[int], columns: int, *, of: int
    ) -> tuple[Linear, Linear]:
        """As `matrix`, but the first has `of` rows of its own, then `of` for another, and so on.

        Returns:
            The stack, with the first's own rows, of which `sizes` has the number; the other's.
        """
        infos = [
            self._matrix(name, rows * (1 if i else 2), columns)
            for i, (name, rows) in enumerate(zip(names, sizes, strict=True))
        ]
        own, other = (
            [_Span(infos[0], at, of) for at in range(begin, 2 * sizes[0], 2 * of)]
            for begin in (0, of)
        )
        own += [_Span(info, 0, info.shape[1]) for info in infos[1:]]
        return self._stacked(own, columns), self._stacked(other, columns)

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
        infos = [self._matrix(name, rows, columns) for name in names]
        if infos[0].type != infos[1].type or any(self.has(_bias(name)) for name in names):
            return self.linear(names, (rows, rows), columns)
        parts = self._place([_Span(info, 0, rows) for info in infos], 2 * rows, 2)
        return Linear(tuple(parts), 2 * rows, columns, interleaved=True)

    def halves(self, name: str, rows: int, columns: int) -> Linear:
        """One matrix (2 rows, columns) with the rows of its halves in turn: a0, b0, a1, b1, …

        If it has a bias, it stays as it is.
        """
        if self.has(_bias(name)):
            return self.linear([name], [2 * rows], columns)
        info = self._matrix(name, 2 * rows, columns)
        parts = self._place([_Span(info, 0, rows), _Span(info, rows, rows)], 2 * rows, 2)
        return Linear(tuple(parts), 2 * rows, columns, interleaved=True)

    def leave_out(self, name: str) -> None:
        """Do without a tensor, if there is one: it is not fetched."""
        kept = {key: info for key, info in self.gguf.tensors.items() if key != name}
        self.gguf = replace(self.gguf, tensors=kept)

    def afterwards(self, record: Callable[[Recorder], None]) -> None:
        """Have something computed from weights once they are there."""
        self._afterwards.append(record)

    def check_all_used(self) -> None:
        """Refuse tensors that nothing asked for: without them the file would run wrong."""
        unused = self.gguf.tensors.keys() - self._vectors.keys() - self._rows.keys()
        if unused:
            raise UnusedTensors(sorted(unused))

    def _biases(self, names: Sequence[str], sizes: Sequence[int]) -> Tensor | None:
        """Biases of stacked matrices, one after another; zeros where only others have one."""
        biases = [_bias(name) for name in names]
        if not any(map(self.has, biases)):
            return None
        whole = self.memory.tensor((sum(sizes),), biases[0])
        for bias, size, end in zip(biases, sizes, accumulate(sizes), strict=True):
            if self.has(bias):
                self._vector(bias, Tensor(whole.handle, (size,), at=(end - size) * 4))
        return whole

    def _vector(self, name: str, place: Tensor) -> None:
        info = self._info(name, place.shape[::-1])
        if info.type != "F32":
            raise UnsupportedType(name, info.type, ["F32 (for norms and biases)"])
        self._vectors[name].append(place)

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
                    self._rows[info.name].append(
                        _Rows(
                            weight, top + begin, end - begin, stride, begin * stride + own - first
                        )
                    )
            start += count
        return shards

    def _rows_per_shard(self, kind: str, columns: int) -> int:
        words, _, _ = plane_words(kind, _SHARD_ROWS, columns)
        return max(self.memory.largest // (4 * words), 1) * _SHARD_ROWS

    def _matrix(self, name: str, rows: int, columns: int) -> TensorInfo:
        info = self._info(name, (columns, rows))
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
        """Stream all tensors, in the file's order.

        Args:
            sources: the files of the model.
            progress: called with (bytes done, bytes in all) after each piece.
        """
        infos = self.gguf.tensors.values()
        total, done = sum(info.nbytes for info in infos), 0
        device = self.memory.device
        scratch = Memory(device)
        waiting: deque[_Arrival] = deque()
        try:
            last = Recorder(library, scratch)
            for record in self._afterwards:
                record(last)
            weights = {place.weight for places in self._rows.values() for place in places}
            needed = [repacker(library, weight) for weight in weights]
            await device.compile(needed + [dispatch.shader for dispatch in last.dispatches])
            longest = max((_row_bytes(info) for info in infos if len(info.shape) > 1), default=4)
            words = -(-max(_PIECE, longest) // 4)
            stages = cycle([scratch.tensor((words,), "staging", "u32") for _ in range(_STAGES)])
            for batch in self._batches(4 * words):
                if len(waiting) == _STAGES:
                    await _finish(*waiting.popleft())
                rec = Recorder(library, scratch)
                segments = list(_stage(rec, batch, next(stages)))
                loading = device.load(sources[batch[0].file], segments)
                done += sum(piece.nbytes for piece in batch)
                waiting.append((loading, rec, partial(progress, done, total)))
            while waiting:
                await _finish(*waiting.popleft())
            _run(last)
        finally:
            await _forget([loading for loading, _, _ in waiting])
            scratch.close()

    def _batches(self, room: int) -> Iterator[list[_Piece]]:
        """All pieces in the files' order, as many at a time as fit into the staging buffer."""
        batch: list[_Piece] = []
        used = 0
        for piece in self._pieces():
            if batch and (used + piece.nbytes > room or piece.file != batch[0].file):
                yield batch
                batch, used = [], 0
            batch.append(piece)
            used += _aligned(piece.nbytes)
        if batch:
            yield batch

    def _pieces(self) -> Iterator[_Piece]:
        for info in self.gguf.tensors.values():
            for vector in self._vectors.get(info.name, ()):
                yield _Piece(info.file, info.at, info.nbytes, vector)
            row = _row_bytes(info)
            most = max(_PIECE // row, 1)
            for place in self._rows.get(info.name, ()):
                for first in range(0, place.rows, most):
                    rows = min(most, place.rows - first)
                    at = info.at + (place.first + first) * row
                    yield _Piece(info.file, at, rows * row, place, first, rows)


def _stage(rec: Recorder, batch: Sequence[_Piece], staging: Tensor) -> Iterator[Segment]:
    """Have a batch repacked; where the bytes of each piece are to be by then."""
    used = 0
    for piece in batch:
        place = piece.place
        if isinstance(place, Tensor):
            yield Segment(piece.at, piece.nbytes, place.handle, place.at)
            continue
        repack(
            rec,
            place.weight,
            Tensor(staging.handle, (-(-piece.nbytes // 4),), "u32", used),
            first_row=piece.first,
            rows=piece.rows,
            row_stride=place.stride,
            row_offset=place.offset,
        )
        yield Segment(piece.at, piece.nbytes, staging.handle, used)
        used += _aligned(piece.nbytes)


def _bias(name: str) -> str:
    return f"{name.removesuffix('weight')}bias"


def _aligned(nbytes: int) -> int:
    return -(-nbytes // _ALIGNED) * _ALIGNED


async def _finish(loading: Awaitable[None], rec: Recorder, tell: Callable[[], None]) -> None:
    await loading
    _run(rec)
    tell()


async def _forget(loadings: Sequence[Awaitable[None]]) -> None:
    """End what is still to come when one piece has failed."""
    tasks = [asyncio.ensure_future(loading) for loading in loadings]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _run(rec: Recorder) -> None:
    """Submit and forget what was recorded; its shaders are compiled."""
    device = rec.memory.device
    program = device.record(rec.dispatches)
    device.submit([program])
    device.drop(program)


def _row_bytes(info: TensorInfo) -> int:
    quant = QUANTS[info.type]
    return info.shape[0] // quant.block * quant.nbytes
