"""Read the header of a GGUF: metadata and the table of tensors.

The bytes come from a stranger, so nothing is taken on trust: every number is checked before it
is used, and time and memory follow the bytes that are there, never a count that the file claims.
The rules are llama.cpp's (ggml/src/gguf.cpp), the caps huggingface.js's (packages/gguf). Bad
bytes end in GGUFError and nothing else. No weight is read: where the data begins, this ends.
"""

import math
import re
import struct
from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NoReturn

from py_engine.base.errors import GGUFError, shown
from py_engine.formats.cursor import INCOMPLETE, Cursor, fail, short
from py_engine.formats.quants import QUANTS
from py_engine.formats.source import Source

MAX_KV = 100_000
MAX_TENSORS = 10_000_000
MAX_ARRAY = 1_000_000  # elements
MAX_STRING = 10_000_000  # bytes
MAX_KEY = 65_535  # bytes
MAX_NAME = 63  # bytes of a tensor's name
MAX_DIMS = 4
MAX_DIM = 2**32
MAX_ALIGNMENT = 2**20
MAX_I64 = 2**63 - 1

MetaValue = int | float | bool | str | list[int] | list[float] | list[bool] | list[bytes]

# Value types of metadata: the struct codes of the scalars, then the three that are special.
_CODES = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "B", 10: "Q", 11: "q", 12: "d"}
_UINT32, _BOOL, _STRING, _ARRAY = 4, 7, 8, 9
_SCALARS = {kind: struct.Struct("<" + code) for kind, code in _CODES.items()}
_PACKED = {
    b"PK\x03\x04": "a ZIP archive (as those of PyTorch are)",
    b"\x1f\x8b": "packed with gzip",
    b"\x28\xb5\x2f\xfd": "packed with zstd",
    b"\xfd7zXZ": "packed with xz",
    b"7z\xbc\xaf": "a 7-Zip archive",
    b"Rar!": "a RAR archive",
}
_FOREIGN = _PACKED | {
    b"ggml": "a file in GGML's old format",
    b"lmgg": "a file in GGML's old format",
    b"tjgg": "a file in GGML's old format",
    b"fmgg": "a file in GGML's old format",
    b"%PDF": "a PDF document",
    b"\x93NUMPY": "an array of NumPy",
    b"{": "a JSON file",
}
"""What is chosen by mistake, by its first bytes."""
_HEAD = struct.Struct("<4sIQQ")  # magic, version, number of tensors, number of pairs
_U32 = struct.Struct("<I")
_ARRAY_HEAD = struct.Struct("<IQ")  # element type, number of elements
_TENSOR_TAILS = [struct.Struct(f"<{n}QIQ") for n in range(MAX_DIMS + 1)]  # dims, type, offset
_MIN_PAIR = 8 + 1 + 4 + 1  # length of the key, one byte of key, type, one byte of value
_WIDE_BLOCKS = (
    "Its Q2_0 weights seem to lie in blocks of 128, as PrismML's first files had them. "
    "Take a newer file, with llama.cpp's blocks of 64."
)
_MIN_TENSOR = 8 + 4 + 4 + 8  # length of the name, number of dims, type, offset

_SHARD = re.compile(r"-([0-9]{5})-of-([0-9]{5})(\.gguf(?:[?#].*)?)$", re.S)


@dataclass(frozen=True)
class TensorInfo:
    """Where one tensor lies and how it is stored."""

    name: str
    shape: tuple[int, ...]
    """GGUF order: shape[0] is the length of a contiguous row; () is a scalar."""
    type: str
    """A name in formats.quants.QUANTS, whether the engine runs it or not."""
    nbytes: int
    at: int
    """Absolute position in its file."""
    file: int
    """Index of its file in a split model."""


@dataclass(frozen=True)
class GGUF:
    """A header that keeps all the rules."""

    metadata: Mapping[str, MetaValue]
    """In the order of the file. Arrays of strings stay bytes: a token need not be UTF-8."""
    tensors: Mapping[str, TensorInfo]
    """In the order of the file; within one file `at` grows and data does not overlap."""
    data_at: int
    """Where tensor data begins in the (first) file."""
    version: int
    warnings: tuple[str, ...] = ()
    """What is unusual but harmless, for people."""


async def read_gguf(source: Source) -> GGUF:
    """Read and check the header of one file, in a few growing ranges.

    That the data fits into the file is checked where `source.size` is known. A missing pad after
    the last tensor is accepted. No type takes less than a bit per weight, so data that fits also
    keeps the cap of 8 parameters per byte of file.

    Raises:
        GGUFError: a rule is broken.
        SourceError: the bytes cannot be had.
    """
    cursor = Cursor(source)
    version, n_tensors, n_pairs = await _head(cursor)
    metadata: dict[str, MetaValue] = {}
    odd: list[str] = []
    alignment = 32
    for _ in range(n_pairs):
        alignment = await _pair(cursor, metadata, odd) or alignment
    relative: dict[str, TensorInfo] = {}
    end = 0  # of the last tensor, from the start of the data
    for _ in range(n_tensors):
        tensor = await _tensor(cursor, relative, _aligned(end, alignment))
        relative[tensor.name] = tensor
        end = tensor.at + tensor.nbytes
    data_at = _aligned(cursor.at, alignment)
    tensors = {name: replace(info, at=data_at + info.at) for name, info in relative.items()}
    _check_bounds(tensors.values(), source.size)
    if end > MAX_I64:
        fail("TOO_BIG", cursor.at, "its tensors together are larger than any file")
    return GGUF(metadata, tensors, data_at, version, _warnings(odd))


async def read_split(sources: Sequence[Source]) -> GGUF:
    """Read the headers of all files of a model, in order; metadata is that of the first.

    Raises:
        GGUFError: a header is bad, or the files do not belong together.
        SourceError: the bytes cannot be had.
    """
    first = await read_gguf(sources[0])
    count = _split(first, "count")
    if len(sources) == 1 and count in (None, 0, 1):
        return first
    if count != len(sources):
        fail("SPLIT_COUNT", 0, f"{len(sources)} of {count or 1} files of a model were given")
    tensors: dict[str, TensorInfo] = {}
    for index, source in enumerate(sources):
        part = first if index == 0 else await _read_shard(source)
        if (_split(part, "no"), _split(part, "count")) != (index, count):
            fail("SPLIT_ORDER", 0, f"{source.name} is not file {index + 1} of {count}")
        for name, tensor in part.tensors.items():
            if name in tensors:
                fail("DUPLICATE_NAME", 0, f"{source.name} repeats the tensor {name!r}")
            tensors[name] = replace(tensor, file=index)
    told = _split(first, "tensors.count")
    if told != len(tensors):
        fail("SPLIT_TENSORS", 0, f"the files hold {len(tensors)} tensors instead of {told}")
    return replace(first, tensors=tensors)


def shard_names(name: str) -> list[str]:
    """All files of the split model that the path or URL `name` is one of; else only `name`."""
    match = _SHARD.search(name)
    if match is None or not 1 <= int(match[1]) <= int(match[2]):
        return [name]
    stem = name[: match.start()]
    return [f"{stem}-{i:05}-of-{match[2]}{match[3]}" for i in range(1, int(match[2]) + 1)]


async def _head(cursor: Cursor) -> tuple[int, int, int]:
    """Check the first 24 bytes: (version, number of tensors, number of pairs)."""
    await cursor.need(4, "the magic number")
    if cursor.buffer[:4] != b"GGUF":
        _refuse_magic(cursor.buffer)
    await cursor.need(_HEAD.size, "the file header")
    _, version, n_tensors, n_pairs = _HEAD.unpack_from(cursor.buffer)
    cursor.pos = _HEAD.size
    if version and version & 0xFFFF == 0:
        hint = "Convert it with `gguf-convert-endian FILE little` of the Python package gguf."
        fail("BIG_ENDIAN", 4, "it is a big-endian GGUF, and only little-endian is read", hint)
    if version not in (2, 3):
        fail("BAD_VERSION", 4, f"its version is {version}; 2 and 3 are read")
    if n_tensors > MAX_TENSORS:
        fail("TOO_MANY", 8, f"it claims {n_tensors} tensors; {MAX_TENSORS} are allowed")
    if n_pairs > MAX_KV:
        fail("TOO_MANY", 16, f"it claims {n_pairs} metadata keys; {MAX_KV} are allowed")
    cursor.claim(n_pairs * _MIN_PAIR + n_tensors * _MIN_TENSOR, "the header that it announces")
    return version, n_tensors, n_pairs


def _refuse_magic(head: bytes) -> NoReturn:
    if head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        hint = "Use the address of the file itself (on Hugging Face /resolve/, not /blob/)."
        fail("HTML", 0, "this is a web page (HTML), not a model file", hint)
    if head.startswith(b"version https://git-lfs"):
        hint = "Run `git lfs pull`, or download the file itself."
        fail("LFS_POINTER", 0, "this is a Git LFS pointer, not the model file", hint)
    for magic, name in _FOREIGN.items():
        if head.startswith(magic):
            hint = "Unpack it first." if magic in _PACKED else "Look for a file that ends in .gguf."
            fail("BAD_MAGIC", 0, f"this is {name}, not a GGUF file", hint)
    if head[8:10] == b'{"':
        hint = "Look for the same model as GGUF: many are on Hugging Face with GGUF in their name."
        fail("BAD_MAGIC", 0, "this is a safetensors file, not a GGUF file", hint)
    fail("BAD_MAGIC", 0, f"it begins with {shown(head[:4])}, not with 'GGUF'")


async def _pair(cursor: Cursor, metadata: dict[str, MetaValue], odd: list[str]) -> int | None:
    """Read one metadata pair; the value if it is the alignment, which has rules of its own."""
    start = cursor.at
    key = _name(await cursor.string(MAX_KEY, "a metadata key"), start, "a metadata key")
    if not key:
        fail("EMPTY_KEY", start, "a metadata key is empty")
    if key in metadata:
        fail("DUPLICATE_KEY", start, f"the metadata key {short(key)} occurs twice")
    if not (key.isascii() and key.isprintable()):
        odd.append(key)
    (kind,) = await cursor.unpack(_U32, key)
    value_at = cursor.at
    value = await _value(cursor, kind, key, odd)
    metadata[key] = value
    if key != "general.alignment":
        return None
    if kind != _UINT32 or not isinstance(value, int):
        fail("BAD_ALIGNMENT", value_at, f"general.alignment has type {kind} instead of UINT32")
    if not 1 <= value <= MAX_ALIGNMENT or value & (value - 1):
        fail("BAD_ALIGNMENT", value_at, f"general.alignment is {value}, no power of two to 2^20")
    return value


async def _value(cursor: Cursor, kind: int, key: str, odd: list[str]) -> MetaValue:
    start = cursor.at
    if kind == _STRING:
        raw = await cursor.string(MAX_STRING, key)
        text = raw.decode("utf-8", "replace")
        if "\ufffd" in text and text.encode() != raw:
            odd.append(key)
        return text
    if kind == _ARRAY:
        return await _array(cursor, key)
    if kind not in _SCALARS:
        fail("BAD_VALUE_TYPE", start, f"{short(key)} has the unknown value type {kind}")
    if kind == _BOOL:
        return _bools(await cursor.take(1, key), start, key)[0]
    (value,) = await cursor.unpack(_SCALARS[kind], key)
    return value


async def _array(cursor: Cursor, key: str) -> MetaValue:
    start = cursor.at
    kind, count = await cursor.unpack(_ARRAY_HEAD, key)
    if kind == _ARRAY:
        fail("NESTED_ARRAY", start, f"{short(key)} is an array of arrays")
    if kind != _STRING and kind not in _SCALARS:
        fail("BAD_VALUE_TYPE", start, f"{short(key)} is an array of the unknown type {kind}")
    if count > MAX_ARRAY:
        fail("TOO_MANY", start, f"{short(key)} claims {count} elements; {MAX_ARRAY} are allowed")
    if kind == _STRING:
        return await cursor.strings(count, MAX_STRING, key)
    raw = await cursor.take(count * _SCALARS[kind].size, key)
    if kind == _BOOL:
        return _bools(raw, start, key)
    values: list[int] | list[float] = array(_CODES[kind], raw).tolist()
    return values


async def _tensor(cursor: Cursor, before: Mapping[str, TensorInfo], place: int) -> TensorInfo:
    """Read one entry of the tensor table. Its data must lie at `place`, right after the last.

    That all data is contiguous and in order is llama.cpp's rule; here it is also what lets the
    weights stream from the network to the GPU in one pass.
    """
    start = cursor.at
    name = _name(await cursor.string(MAX_NAME, "a tensor's name"), start, "a tensor's name")
    if name in before:
        fail("DUPLICATE_NAME", start, f"the tensor {name!r} occurs twice")
    (n_dims,) = await cursor.unpack(_U32, name)
    if n_dims > MAX_DIMS:
        fail("BAD_SHAPE", start, f"the tensor {name!r} has {n_dims} dimensions; 4 are allowed")
    *shape, type_id, offset = await cursor.unpack(_TENSOR_TAILS[n_dims], name)
    n_weights = math.prod(shape)
    if n_weights > MAX_I64 or max(shape, default=0) > MAX_DIM:
        fail("BAD_SHAPE", start, f"the tensor {name!r} claims the shape {shown(shape)}")
    kind = QUANTS.get(type_id)
    if kind is None:
        why = f"the tensor {name!r} has the type {type_id}, which is unknown or withdrawn"
        fail("BAD_TYPE", start, why)
    if (shape[0] if shape else 1) % kind.block:
        why = f"the rows of {name!r} {shape} are no multiple of {kind.name}'s {kind.block} weights"
        fail("BAD_SHAPE", start, why)
    if offset != place:
        why = f"the data of {name!r} is said to be at {offset}; its place is {place}"
        last = next(reversed(list(before.values())), None)
        fail("BAD_OFFSET", start, why, _WIDE_BLOCKS if _wide(last, offset, place) else None)
    nbytes = n_weights // kind.block * kind.nbytes
    return TensorInfo(name, tuple(shape), kind.name, nbytes, offset, 0)


def _wide(last: TensorInfo | None, offset: int, place: int) -> bool:
    """Whether the tensor before one at `offset` has Q2_0 blocks of another width than ours."""
    if last is None or last.type != "Q2_0":
        return False
    return last.at + last.nbytes // 36 * 34 <= offset < place


def _check_bounds(tensors: Iterable[TensorInfo], size: int | None) -> None:
    for tensor in tensors:
        end = tensor.at + tensor.nbytes
        if size is not None and tensor.nbytes and end > size:
            why = f"the tensor {tensor.name!r} ends at byte {end}, but the file has {size} bytes"
            fail("TRUNCATED", tensor.at, why, INCOMPLETE)


async def _read_shard(source: Source) -> GGUF:
    """As read_gguf, but the error names the file."""
    try:
        return await read_gguf(source)
    except GGUFError as error:
        why = f"{source.name}: {error.why}"
        raise GGUFError(error.code, error.offset, why, error.hint) from error


def _split(part: GGUF, key: str) -> int | None:
    value = part.metadata.get(f"split.{key}")
    return value if isinstance(value, int) else None


def _name(raw: bytes, at: int, what: str) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        fail("BAD_UTF8", at, f"{what} is not UTF-8: {shown(raw)}")


def _bools(raw: bytes, at: int, key: str) -> list[bool]:
    if max(raw, default=0) > 1:
        fail("BAD_BOOL", at, f"{short(key)} holds a bool that is neither 0 nor 1")
    return [byte == 1 for byte in raw]


def _warnings(odd: list[str]) -> tuple[str, ...]:
    if not odd:
        return ()
    return (f"{len(odd)} metadata entries are not clean text, such as {short(odd[0])}",)


def _aligned(at: int, alignment: int) -> int:
    return (at + alignment - 1) & -alignment
