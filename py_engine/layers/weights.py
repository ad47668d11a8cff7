"""Where each tensor of a file goes on the GPU, and the one pass that brings them there.

Layers ask for vectors and matrices by their GGUF names; names and shapes are checked and buffers
made at once, so that a model that does not fit its file, or its machine, fails before the first
weight is fetched. Then `load` streams the file in its own order. The bytes pass it by.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from py_engine.base.errors import BadTensor, UnsupportedConfig, UnsupportedType, UnusedTensors
from py_engine.formats.gguf import GGUF, TensorInfo
from py_engine.formats.quants import QUANTS, SUPPORTED
from py_engine.formats.source import Source
from py_engine.gpu.recorder import Library, Recorder
from py_engine.gpu.tensor import Memory, Tensor
from py_engine.layers.linear import Linear
from py_engine.ops.weight import Weight, allocate, plane_words, repack

_PIECE = 4 << 20
"""Bytes of a tensor that are fetched and repacked at a time."""
_SHARD_ROWS = 64
"""Shards begin at multiples of this, so that interleaved rows stay together."""


@dataclass(frozen=True)
class _Rows:
    """Rows first + i of a tensor, i < rows, become rows i·stride + offset of a weight."""

    weight: Weight
    first: int
    rows: int
    stride: int
    offset: int


class Weights:
    """The tensors of one model on one device.

    Args:
        gguf: the header.
        memory: owns the buffers made here.
    """

    def __init__(self, gguf: GGUF, memory: Memory) -> None:
        self.gguf = gguf
        self.memory = memory
        self._rows: dict[str, list[_Rows]] = defaultdict(list)
        self._vectors: dict[str, Tensor] = {}
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
            info = self._info(name, (size,))
            if info.type != "F32":
                raise UnsupportedType(name, info.type, ["F32 (for norms and biases)"])
            self._vectors[name] = Tensor(whole.handle, (size,), at=at * 4)
            at += size
        return whole

    def matrix(self, names: Sequence[str], sizes: Sequence[int], columns: int) -> Linear:
        """Matrices (rows, columns) stacked by rows; those of one type share a weight."""
        parts: list[tuple[Weight, int]] = []
        infos = [self._matrix(n, rows, columns) for n, rows in zip(names, sizes, strict=True)]
        at = 0
        while infos:
            same = [info for info in infos if info.type == infos[0].type]
            if infos[: len(same)] != same:
                same = infos[:1]
            rows = sum(info.shape[1] for info in same)
            parts += [(weight, at + first) for weight, first in self._place(same, rows, 1)]
            at += rows
            infos = infos[len(same) :]
        return Linear(tuple(parts), at, columns)

    def pair(self, names: tuple[str, str], rows: int, columns: int) -> Linear:
        """Two matrices with their rows in turn: a0, b0, a1, b1, … if their types agree."""
        infos = [self._matrix(name, rows, columns) for name in names]
        if infos[0].type != infos[1].type:
            return self.matrix(names, (rows, rows), columns)
        parts = self._place(infos, 2 * rows, 2)
        return Linear(tuple(parts), 2 * rows, columns, interleaved=True)

    def afterwards(self, record: Callable[[Recorder], None]) -> None:
        """Have something computed from weights once they are there."""
        self._afterwards.append(record)

    def check_all_used(self) -> None:
        """Refuse tensors that nothing asked for: without them the file would run wrong."""
        unused = self.gguf.tensors.keys() - self._vectors.keys() - self._rows.keys()
        if unused:
            raise UnusedTensors(sorted(unused))

    def _place(
        self, infos: Sequence[TensorInfo], rows: int, stride: int
    ) -> list[tuple[Weight, int]]:
        """Make the shards for these tensors; each with its first row."""
        kind, columns = infos[0].type, infos[0].shape[0]
        most = self._rows_per_shard(kind, columns)
        shards = [
            (allocate(self.memory, kind, min(most, rows - first), columns, infos[0].name), first)
            for first in range(0, rows, most)
        ]
        start = 0
        for order, info in enumerate(infos):
            own = order if stride > 1 else start
            for weight, first in shards:
                # rows r of the tensor with first <= r * stride + own < first + weight.rows
                begin = max(-(-(first - own) // stride), 0)
                end = min(-(-(first + weight.rows - own) // stride), info.shape[1])
                if begin < end:
                    self._rows[info.name].append(
                        _Rows(weight, begin, end - begin, stride, begin * stride + own - first)
                    )
            start += info.shape[1]
        return shards

    def _rows_per_shard(self, kind: str, columns: int) -> int:
        limits = self.memory.device.limits
        limit = min(limits["maxStorageBufferBindingSize"], limits["maxBufferSize"])
        words, _, _ = plane_words(kind, _SHARD_ROWS, columns)
        return max(limit // (4 * words), 1) * _SHARD_ROWS

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
        wanted = self.gguf.tensors.values()
        total, done = sum(info.nbytes for info in wanted), 0
        device = self.memory.device
        scratch = Memory(device)
        try:
            longest = max((_row_bytes(info) for info in wanted if len(info.shape) > 1), default=4)
            staging = scratch.tensor((-(-max(_PIECE, longest) // 4),), "staging", "u32")
            for info in wanted:
                source = sources[info.file]
                if info.name in self._vectors:
                    vector = self._vectors[info.name]
                    await device.load(source, info.at, info.nbytes, vector.handle, vector.at)
                    done += info.nbytes
                    progress(done, total)
                for place, first, rows in self._pieces(info):
                    nbytes = rows * _row_bytes(info)
                    at = info.at + (place.first + first) * _row_bytes(info)
                    await device.load(source, at, nbytes, staging.handle, 0)
                    rec = Recorder(library, scratch)
                    repack(
                        rec,
                        place.weight,
                        staging,
                        first_row=first,
                        rows=rows,
                        row_stride=place.stride,
                        row_offset=place.offset,
                    )
                    await _run(rec)
                    done += nbytes
                    progress(done, total)
            rec = Recorder(library, scratch)
            for record in self._afterwards:
                record(rec)
            await _run(rec)
        finally:
            scratch.close()

    def _pieces(self, info: TensorInfo) -> Iterator[tuple[_Rows, int, int]]:
        """(place, first of its rows, number of rows) of each piece, in the tensor's order."""
        most = max(_PIECE // _row_bytes(info), 1)
        for place in self._rows.get(info.name, ()):
            for first in range(0, place.rows, most):
                yield place, first, min(most, place.rows - first)


async def _run(rec: Recorder) -> None:
    """Compile, submit and forget what was recorded."""
    device = rec.memory.device
    await device.compile([dispatch.shader for dispatch in rec.dispatches])
    program = device.record(rec.dispatches)
    device.submit([program])
    device.drop(program)


def _row_bytes(info: TensorInfo) -> int:
    quant = QUANTS[info.type]
    return info.shape[0] // quant.block * quant.nbytes
