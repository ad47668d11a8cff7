"""GGUF bytes made by hand, good and bad, and sources in memory that give them out.

The cases are those of llama.cpp's tests/test-gguf.cpp by name, with other contents: one metadata
pair of every kind, one tensor of every type. `python -O -m tests.gguf_cases` runs them all, to
show that no check of the reader is an `assert`.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Coroutine, Sequence
from typing import Any, NamedTuple, TypeVar

from py_engine.base.errors import GGUFError
from py_engine.formats.gguf import GGUF, read_gguf
from py_engine.formats.quants import QUANTS

ALIGNMENT_KEY = b"general.alignment"
T = TypeVar("T")


class MemorySource:
    """Bytes from `at` on as a file; `step` caps what one read gives, `tells` whether size is known.

    `asked` and `given` count reads and bytes; a read beyond the end is not allowed.
    """

    def __init__(
        self, data: bytes, *, step: int | None = None, tells: bool = True, at: int = 0
    ) -> None:
        self.name = "memory.gguf"
        self.size = len(data) - at if tells else None
        self.asked = self.given = 0
        self._data, self._step, self._at = data, step, at

    async def read(self, at: int, nbytes: int) -> bytes:
        if self.size is not None and not 0 <= at < at + nbytes <= self.size:
            raise IndexError(f"read of {nbytes} bytes at {at} of {self.size}")
        start = self._at + at
        piece = self._data[start : start + min(nbytes, self._step or nbytes)]
        self.asked += 1
        self.given += len(piece)
        return piece

    def close(self) -> None:
        pass


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine that never really waits, without an event loop."""
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return stop.value  # type: ignore[no-any-return]
    raise RuntimeError("it waits for something")


def read(data: bytes, **options: Any) -> GGUF:
    return run(read_gguf(MemorySource(data, **options)))


class Pair(NamedTuple):
    """A metadata pair; `value` is already in the file's bytes."""

    key: bytes
    kind: int
    value: bytes


class Tensor(NamedTuple):
    """An entry of the tensor table, as written; `n_dims` None: as many as the shape has."""

    name: bytes
    shape: tuple[int, ...]
    type: int
    offset: int = 0
    n_dims: int | None = None


def u32(value: int) -> bytes:
    return struct.pack("<I", value % 2**32)


def u64(value: int) -> bytes:
    return struct.pack("<Q", value % 2**64)


def string(raw: bytes) -> bytes:
    return u64(len(raw)) + raw


def array(kind: int, items: Sequence[bytes]) -> bytes:
    return u32(kind) + u64(len(items)) + b"".join(items)


def build(
    pairs: Sequence[Pair] = (),
    tensors: Sequence[Tensor] = (),
    data: bytes = b"",
    *,
    magic: bytes = b"GGUF",
    version: int = 3,
    n_tensors: int | None = None,
    n_pairs: int | None = None,
    alignment: int = 32,
) -> bytes:
    """A file; `data` begins at the next multiple of `alignment`."""
    out = bytearray(magic + u32(version))
    out += u64(len(tensors) if n_tensors is None else n_tensors)
    out += u64(len(pairs) if n_pairs is None else n_pairs)
    for key, kind, value in pairs:
        out += string(key) + u32(kind) + value
    for name, shape, kind, offset, n_dims in tensors:
        out += string(name) + u32(len(shape) if n_dims is None else n_dims)
        out += b"".join(map(u64, shape)) + u32(kind) + u64(offset)
    out += bytes(-len(out) % alignment)
    return bytes(out + data)


def placed(tensors: Sequence[Tensor], alignment: int = 32) -> tuple[list[Tensor], int]:
    """The tensors with the offsets that they must have, and the padded length of their data."""
    out, offset = [], 0
    for tensor in tensors:
        out.append(tensor._replace(offset=offset))
        kind = QUANTS[tensor.type]
        nbytes = kind.nbytes
        for dim in (tensor.shape[0] // kind.block, *tensor.shape[1:]):
            nbytes *= dim
        offset += nbytes + -nbytes % alignment
    return out, offset


def data_of(length: int) -> bytes:
    return bytes(i % 256 for i in range(length))


def alignment_pair(value: int, kind: int = 4) -> Pair:
    return Pair(ALIGNMENT_KEY, kind, u32(value))


SCALARS = {
    0: b"\xfe", 1: b"\xfe", 2: b"\xfe\xff", 3: b"\xfe\xff", 4: u32(-2), 5: u32(-2),
    6: struct.pack("<f", 1.5), 7: b"\x01", 8: string("größer".encode()), 10: u64(-2), 11: u64(-2),
    12: struct.pack("<d", -0.1),
}  # fmt: skip
VALUES = {
    0: 254, 1: -2, 2: 65534, 3: -2, 4: 2**32 - 2, 5: -2, 6: 1.5, 7: True, 8: "größer",
    10: 2**64 - 2, 11: -2, 12: -0.1,
}  # fmt: skip
PAIRS = [
    *(Pair(b"my.key_%d" % kind, kind, value) for kind, value in SCALARS.items()),
    *(Pair(b"my.array_%d" % k, 9, array(k, [v] * (k + 1))) for k, v in SCALARS.items()),
    Pair(b"my.empty", 9, array(8, [])),
    Pair(b"my.tokens", 9, array(8, [string(t) for t in (b"", b"a", b"\xff\xfe", b"long" * 40)])),
]
_TYPES = list(dict.fromkeys(QUANTS.values()))
_SHAPES = [(1 + i % 3, *((2, 1, 3)[: i % 4])) for i in range(len(_TYPES))]  # counted in blocks
TENSORS, DATA_LENGTH = placed([
    *(
        Tensor(b"my_tensor_%d" % i, (shape[0] * kind.block, *shape[1:]), kind.id)
        for i, (kind, shape) in enumerate(zip(_TYPES, _SHAPES, strict=True))
    ),
    Tensor(b"my_last", (8,), 0),  # ends on the alignment, so that one byte less is one too few
])  # fmt: skip
_PACKED, _PACKED_LENGTH = placed(TENSORS, 1)
_DATA = data_of(DATA_LENGTH)
_I8, _I64 = 24, 27


def _all(**change: Any) -> list[Tensor]:
    return [tensor._replace(**change) for tensor in TENSORS]


def _one(shape: tuple[int, ...], type_id: int) -> list[Tensor]:
    return [Tensor(b"my_tensor", shape, type_id)]


_HUGE = 0x7FFFFFFFFFFFFFC0
_OVERFLOWING = [Tensor(b"a", (_HUGE,), _I8), Tensor(b"b", (_HUGE,), _I8, _HUGE)]

MUST_FAIL: dict[str, tuple[str, bytes]] = {
    "HEADER_BAD_MAGIC": ("BAD_MAGIC", build(magic=b"FUGG")),
    "HEADER_BAD_VERSION_0": ("BAD_VERSION", build(version=0)),
    "HEADER_BAD_VERSION_1": ("BAD_VERSION", build(version=1)),
    "HEADER_BAD_VERSION_FUTURE": ("BAD_VERSION", build(version=4)),
    "HEADER_BAD_N_TENSORS": ("TOO_MANY", build(n_tensors=-1)),
    "HEADER_BAD_N_KV": ("TOO_MANY", build(n_pairs=-1)),
    "KV_BAD_KEY_SIZE": ("BAD_LENGTH", build(n_pairs=1, alignment=1) + u64(-1) + b"my.key"),
    "KV_EMPTY_KEY": ("EMPTY_KEY", build([Pair(b"", 0, b"\0")])),
    "KV_BAD_TYPE": ("BAD_VALUE_TYPE", build([Pair(b"my.key", 13, b"\0")])),
    "KV_DUPLICATE_KEY": ("DUPLICATE_KEY", build([*PAIRS, PAIRS[3]])),
    "KV_BAD_ALIGN": ("BAD_ALIGNMENT", build([*PAIRS, alignment_pair(13)])),
    "KV_WRONG_TYPE_ALIGN": ("BAD_ALIGNMENT", build([*PAIRS, alignment_pair(32, kind=5)])),
    "TENSORS_BAD_NAME_SIZE": ("BAD_LENGTH", build(PAIRS, _all(name=b"n" * 64))),
    "TENSORS_BAD_N_DIMS": ("BAD_SHAPE", build(PAIRS, _all(n_dims=5))),
    "TENSORS_BAD_SHAPE": ("BAD_SHAPE", build(PAIRS, _one((-1,), 0))),
    "TENSORS_NE_TOO_BIG": ("BAD_SHAPE", build(PAIRS, _one((4 * (2**31 - 1),) * 2, 0))),
    # I64, 1.02 × 2^64 bytes; then F32 of 2^64 - 16 bytes, which padding would wrap to 0
    "TENSORS_NBYTES_TOO_BIG": ("TOO_BIG", build(PAIRS, _one((1_533_916_892,) * 2, _I64))),
    "TENSORS_NBYTES_PAD_WRAP": ("TOO_BIG", build(PAIRS, _one((4, 2**30 - 1, 2**30 + 1), 0))),
    "TENSORS_BAD_TYPE": ("BAD_TYPE", build(PAIRS, _all(type=43))),
    "TENSORS_BAD_OFFSET": ("BAD_OFFSET", build(PAIRS, _all(offset=-1))),
    "TENSORS_DUPLICATE_NAME": ("DUPLICATE_NAME", build(PAIRS, _all(name=b"my_tensor"))),
    "TENSORS_BAD_ALIGN": ("BAD_ALIGNMENT", build([*PAIRS, alignment_pair(13)], TENSORS)),
    "TENSORS_INCONSISTENT_ALIGN": ("BAD_OFFSET", build(PAIRS, _PACKED, alignment=1)),
    "DATA_NOT_ENOUGH_DATA": ("TRUNCATED", build(PAIRS, TENSORS, _DATA[:-1])),
    "DATA_BAD_ALIGN": ("BAD_ALIGNMENT", build([*PAIRS, alignment_pair(13)], TENSORS, _DATA)),
    "DATA_INCONSISTENT_ALIGN": (
        "BAD_OFFSET",
        build(PAIRS, _PACKED, data_of(_PACKED_LENGTH), alignment=1),
    ),
    "DATA_MEM_SIZE_OVERFLOW": ("BAD_SHAPE", build(PAIRS, _OVERFLOWING, data_of(32))),
}
"""Each case's code, and its bytes."""

_ALIGNED_BY_1 = [*PAIRS, alignment_pair(1)]
MUST_PASS: dict[str, bytes] = {
    "HEADER_EMPTY": build(),
    "KV_SUCCESS": build(PAIRS),
    "TENSORS_ZERO_DIM": build(
        PAIRS, [t._replace(shape=(t.shape[0], 0), offset=0) for t in TENSORS]
    ),
    "TENSORS_SUCCESS": build(PAIRS, TENSORS),
    "TENSORS_CUSTOM_ALIGN": build(_ALIGNED_BY_1, _PACKED, alignment=1),
    "DATA_SUCCESS": build(PAIRS, TENSORS, _DATA),
    "DATA_CUSTOM_ALIGN": build(_ALIGNED_BY_1, _PACKED, data_of(_PACKED_LENGTH), alignment=1),
}


def has_data(name: str) -> bool:
    """Whether the file of a case is whole; the others end with the header, as in llama.cpp."""
    return name.startswith("DATA_")


def outcome(data: bytes, **options: Any) -> str:
    """The code of the error, or OK."""
    try:
        read(data, **options)
    except GGUFError as error:
        return error.code
    return "OK"


def main() -> int:
    """Run every case and print those that end otherwise than they must."""
    wanted = {name: "OK" for name in MUST_PASS} | {
        name: code for name, (code, _) in MUST_FAIL.items()
    }
    files = MUST_PASS | {name: data for name, (_, data) in MUST_FAIL.items()}
    wrong = 0
    for name, data in files.items():
        got = outcome(data, tells=has_data(name))
        if got != wanted[name]:
            wrong += 1
            print(f"{name}: {got} instead of {wanted[name]}")
    print(f"{len(files) - wrong} of {len(files)} cases, assertions {'on' if __debug__ else 'off'}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
