"""The one pass that brings a file's tensors to their places on the GPU, in the file's order.

The bytes pass Python by: a device loads them into buffers, where kernels repack them.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import cycle
from typing import NamedTuple

from py_engine.formats.gguf import TensorInfo
from py_engine.formats.quants import QUANTS
from py_engine.formats.source import Source
from py_engine.gpu.device import Device, Segment
from py_engine.gpu.recorder import Library, Recorder
from py_engine.gpu.tensor import Memory, Tensor
from py_engine.ops.weight import Weight, repack, repacker

_PIECE = 4 << 20
"""Bytes that are fetched and repacked at a time: a piece of a tensor, or several tensors."""
_STAGES = 8
"""Pieces on their way at a time: bytes arrive while Python has its turn, 20 ms at 1.7 GB/s."""
_ALIGNED = 256
"""Where a binding may begin."""
_Arrival = tuple[Awaitable[None], Recorder, Callable[[], None]]
"""Bytes on their way, what is to be done with them then, and who is told."""


@dataclass(frozen=True)
class Rows:
    """Rows first + i of a tensor, i < rows, become rows i·stride + offset of a weight."""

    weight: Weight
    first: int
    rows: int
    stride: int
    offset: int


class Values(NamedTuple):
    """Values of a vector from `first` on, as many as its place takes."""

    first: int
    place: Tensor


Places = Mapping[str, Sequence[Rows | Values]]
"""Where tensors go, by their names."""


@dataclass(frozen=True)
class _Piece:
    """Bytes of a file, and where they go: `rows` rows from `first` of a place, or a vector."""

    file: int
    at: int
    nbytes: int
    place: Rows | Tensor
    first: int = 0
    rows: int = 0


async def load(
    tensors: Sequence[TensorInfo],
    places: Places,
    sources: Sequence[Source],
    library: Library,
    device: Device,
    *,
    afterwards: Sequence[Callable[[Recorder], None]],
    progress: Callable[[int, int], None],
) -> None:
    """Stream tensors to their places.

    Args:
        tensors: in the order of the files.
        sources: the files of the model.
        afterwards: what records what is computed once all of them are there.
        progress: called with (bytes done, bytes in all) after each piece.
    """
    pieces = list(_pieces(tensors, places))
    total, done = sum(piece.nbytes for piece in pieces), 0
    scratch = Memory(device)
    waiting: deque[_Arrival] = deque()
    try:
        last = Recorder(library, scratch)
        for record in afterwards:
            record(last)
        weights = {piece.place.weight for piece in pieces if isinstance(piece.place, Rows)}
        needed = [repacker(library, weight) for weight in weights]
        await device.compile(needed + [dispatch.shader for dispatch in last.dispatches])
        longest = max((_row_bytes(info) for info in tensors if len(info.shape) > 1), default=4)
        words = -(-max(_PIECE, longest) // 4)
        stages = cycle([scratch.tensor((words,), "staging", "u32") for _ in range(_STAGES)])
        for batch in _batches(pieces, 4 * words):
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


def _pieces(tensors: Sequence[TensorInfo], places: Places) -> Iterator[_Piece]:
    for info in tensors:
        row = _row_bytes(info)
        most = max(_PIECE // row, 1)
        for place in places.get(info.name, ()):
            if isinstance(place, Values):
                at = info.at + 4 * place.first
                yield _Piece(info.file, at, place.place.nbytes, place.place)
                continue
            for first in range(0, place.rows, most):
                rows = min(most, place.rows - first)
                at = info.at + (place.first + first) * row
                yield _Piece(info.file, at, rows * row, place, first, rows)


def _batches(pieces: Sequence[_Piece], room: int) -> Iterator[list[_Piece]]:
    """All pieces in the files' order, as many at a time as fit into the staging buffer."""
    batch: list[_Piece] = []
    used = 0
    for piece in pieces:
        if batch and (used + piece.nbytes > room or piece.file != batch[0].file):
            yield batch
            batch, used = [], 0
        batch.append(piece)
        used += _aligned(piece.nbytes)
    if batch:
        yield batch


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
