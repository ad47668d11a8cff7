"""The GGUF reader: llama.cpp's handcrafted cases, the rules and caps, truncation, odd sources."""

from __future__ import annotations

import ast
import struct
import subprocess
import sys
import time
import tracemalloc
from pathlib import Path

import pytest
from gguf.constants import GGML_QUANT_SIZES

from py_engine.base.errors import GGUFError
from py_engine.formats import cursor, gguf
from py_engine.formats.gguf import TensorInfo, read_gguf
from py_engine.formats.quants import QUANTS, SUPPORTED
from tests.gguf_cases import (
    DATA_LENGTH,
    MUST_FAIL,
    MUST_PASS,
    PAIRS,
    SCALARS,
    TENSORS,
    VALUES,
    MemorySource,
    Pair,
    Tensor,
    alignment_pair,
    array,
    build,
    has_data,
    outcome,
    placed,
    read,
    run,
    string,
    u32,
    u64,
)

ROOT = Path(__file__).resolve().parents[2]
WHOLE = MUST_PASS["DATA_SUCCESS"]
DATA_AT = len(WHOLE) - DATA_LENGTH


# ---- llama.cpp's cases


def test_there_are_34_cases() -> None:
    assert (len(MUST_FAIL), len(MUST_PASS)) == (27, 7)


@pytest.mark.parametrize("name", MUST_FAIL)
def test_must_fail(name: str) -> None:
    code, data = MUST_FAIL[name]
    with pytest.raises(GGUFError) as caught:
        read(data, tells=has_data(name))
    assert caught.value.code == code
    assert 0 <= caught.value.offset <= len(data)
    assert outcome(data) != "OK"
    assert outcome(data, tells=False) == code or name == "DATA_NOT_ENOUGH_DATA"


@pytest.mark.parametrize("name", MUST_PASS)
def test_must_pass(name: str) -> None:
    header = read(MUST_PASS[name], tells=has_data(name))
    assert header.version == 3
    assert len(header.tensors) == (len(TENSORS) if name[0] in "TD" else 0)
    assert header.warnings == ()


def test_bounds_are_not_checked_by_assert() -> None:
    """OpenVINO 4170, gguf-tools 25: `python -O` drops asserts, and must not drop a check."""
    command = [sys.executable, "-O", "-m", "tests.gguf_cases"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "34 of 34 cases, assertions off"
    for module in (gguf, cursor):
        tree = ast.parse(Path(str(module.__file__)).read_text())
        assert not any(isinstance(node, ast.Assert) for node in ast.walk(tree))


# ---- what a good file says


def test_metadata_of_every_kind() -> None:
    metadata = read(WHOLE).metadata
    assert list(metadata) == [pair.key.decode() for pair in PAIRS]
    for kind, value in VALUES.items():
        assert metadata[f"my.key_{kind}"] == value
        assert type(metadata[f"my.key_{kind}"]) is type(value)
        items = value.encode() if isinstance(value, str) else value
        assert metadata[f"my.array_{kind}"] == [items] * (kind + 1)
    assert metadata["my.empty"] == []
    assert metadata["my.tokens"] == [b"", b"a", b"\xff\xfe", b"long" * 40]


def test_tensors_of_every_type() -> None:
    header = read(WHOLE)
    assert header.data_at == DATA_AT
    assert {tensor.type for tensor in header.tensors.values()} == {k.name for k in QUANTS.values()}
    end = 0
    for (name, tensor), written in zip(header.tensors.items(), TENSORS, strict=True):
        assert name == tensor.name == written.name.decode()
        assert (tensor.shape, tensor.file) == (written.shape, 0)
        assert tensor.at == DATA_AT + written.offset >= end
        end = tensor.at + tensor.nbytes
    assert end == len(WHOLE)


def test_scalars_and_version_2() -> None:
    header = read(build(tensors=[Tensor(b"s", (), 0)], data=bytes(4), version=2))
    assert header.tensors["s"] == TensorInfo("s", (), "F32", 4, header.data_at, 0)
    assert header.version == 2


def test_types_equal_gguf_py() -> None:
    """One differs: ggml's block_q8_1 holds two halves since 2023; gguf-py counts two floats."""
    theirs = {kind.name: (int(kind), *sizes) for kind, sizes in GGML_QUANT_SIZES.items()}
    ours = {kind.name: (kind.id, kind.block, kind.nbytes) for kind in QUANTS.values()}
    assert theirs.pop("Q8_1") == (9, 32, 40)
    assert ours.pop("Q8_1") == (9, 32, 36)
    assert ours.pop("Q2_0") == (42, 64, 18)  # newer than gguf-py 0.19
    assert ours == theirs
    assert all(QUANTS[kind.id] is QUANTS[kind.name] is kind for kind in QUANTS.values())
    assert set(SUPPORTED) < set(QUANTS)


def test_data_that_fits_keeps_the_cap_on_parameters() -> None:
    """At most 8 parameters per byte of file: true if no type stores less than a bit per weight."""
    assert all(kind.nbytes * 8 >= kind.block for kind in QUANTS.values())
    tensor = [Tensor(b"t", (2**20,), QUANTS["Q1_0"].id)]
    assert outcome(build(tensors=tensor, data=bytes(2**17))) == "TRUNCATED"


# ---- truncation, and sources that give little


def test_every_truncation_fails() -> None:
    tensors, length = placed([*TENSORS[:3], Tensor(b"odd", (7,), QUANTS["F16"].id)])
    table_end = len(build(PAIRS, tensors, alignment=1))
    whole = build(PAIRS, tensors, bytes(length))
    data_end = len(whole) - 18  # 7 halves take 14 of 32 bytes, and the pad may be missing
    for length in range(len(whole)):
        assert outcome(whole[:length]) == ("OK" if length >= data_end else "TRUNCATED"), length
        code = "OK" if length >= table_end else "TRUNCATED"  # then streaming has to find it
        assert outcome(whole[:length], tells=False) == code, length


@pytest.mark.parametrize("step", [1, 7, 4096])
@pytest.mark.parametrize("tells", [True, False])
def test_short_reads_change_nothing(step: int, tells: bool) -> None:
    source = MemorySource(WHOLE, step=step, tells=tells)
    assert run(read_gguf(source)) == read(WHOLE)
    assert source.given <= DATA_AT + max(step, 32)  # each byte once, hardly any of the data


def test_gguf_within_a_file() -> None:
    """Alignment counts from the GGUF's first byte, not from the file's."""
    assert read(b"7 bytes" + WHOLE, at=7) == read(WHOLE)


def test_reads_a_long_header_once_and_little_more() -> None:
    tokens = array(8, [string(b"token %d" % i) for i in range(200_000)])
    data = build([Pair(b"tokens", 9, tokens), Pair(b"text", 8, string(bytes(3 * 2**20)))])
    source = MemorySource(data + bytes(9 * 2**20))
    header = run(read_gguf(source))
    assert header.metadata["tokens"] == [b"token %d" % i for i in range(200_000)]
    assert source.given <= header.data_at + cursor.NEXT_RANGE
    assert source.asked <= 2 + header.data_at // cursor.NEXT_RANGE
    short = MemorySource(data, step=4093)
    assert run(read_gguf(short)).metadata == header.metadata


def test_a_big_vocabulary_reads_fast() -> None:
    """llama.cpp 19856: checks had made loading slow. 300 000 tokens, scores, types and merges."""
    tokens = [string(b"token%d" % i) for i in range(300_000)]
    floats = u32(6) + u64(300_000) + bytes(1_200_000)
    types = u32(5) + u64(300_000) + u32(1) * 300_000
    pairs = [Pair(b"a", 9, array(8, tokens)), Pair(b"b", 9, floats), Pair(b"c", 9, types)]
    data = build([*pairs, Pair(b"d", 9, array(8, tokens))])
    assert min(_seconds(data) for _ in range(3)) < 1.0


def _seconds(data: bytes) -> float:
    start = time.process_time()
    read(data)
    return time.process_time() - start


# ---- caps, and claims without bytes


def _array_head(kind: int, count: int) -> list[Pair]:
    return [Pair(b"my.key", 9, u32(kind) + u64(count))]


CAPS = {
    "pairs": ("TOO_MANY", build(n_pairs=gguf.MAX_KV + 1)),
    "tensors": ("TOO_MANY", build(n_tensors=gguf.MAX_TENSORS + 1)),
    "header": ("TOO_BIG", build(n_tensors=gguf.MAX_TENSORS)),
    "elements": ("TOO_MANY", build(_array_head(0, gguf.MAX_ARRAY + 1)) + bytes(gguf.MAX_ARRAY + 1)),
    "strings": ("TOO_MANY", build(_array_head(8, gguf.MAX_ARRAY + 1))),
    "string": ("BAD_LENGTH", build([Pair(b"k", 8, string(bytes(gguf.MAX_STRING + 1)))])),
    "item": ("BAD_LENGTH", build([Pair(b"k", 9, array(8, [string(bytes(10_000_001))]))])),
    "key": ("BAD_LENGTH", build([Pair(b"k" * 65_536, 0, b"\0")])),
    "name": ("BAD_LENGTH", build(tensors=[Tensor(b"n" * 64, (1,), 0)], data=bytes(32))),
    "dim": ("BAD_SHAPE", build(tensors=[Tensor(b"n", (2**32 + 1,), 0)])),
    "shape": ("BAD_SHAPE", build(tensors=[Tensor(b"n", (2**32,) * 4, 0)])),
    "alignment": ("BAD_ALIGNMENT", build([alignment_pair(2**21)])),
    "alignment 0": ("BAD_ALIGNMENT", build([alignment_pair(0)])),
}


@pytest.mark.parametrize("name", CAPS)
def test_caps(name: str) -> None:
    code, data = CAPS[name]
    assert outcome(data, tells=False) == code


def test_what_the_caps_allow() -> None:
    pairs = [
        Pair(b"k" * 65_535, 8, string(bytes(gguf.MAX_STRING))),
        Pair(b"a", 9, array(0, [b"\0"] * gguf.MAX_ARRAY)),
        alignment_pair(2**20),
    ]
    tensors = [Tensor(b"n" * 63, (2**32, 0), 0)]
    header = read(build(pairs, tensors, alignment=2**20))
    assert header.data_at % 2**20 == 0
    assert header.tensors["n" * 63].nbytes == 0


class Endless:
    """A header that never ends: metadata pairs of 10 MB each, made as they are asked for."""

    name, size, given = "endless", None, 0
    period = 8 + 8 + 4 + 8 + gguf.MAX_STRING

    async def read(self, at: int, nbytes: int) -> bytes:
        out = b"" if at else build(n_pairs=1000, alignment=1)
        number, within = divmod(at + len(out) - 24, self.period)
        head = string(b"k%07d" % number) + u32(8) + u64(gguf.MAX_STRING)
        out += head[within:]
        within = max(within, len(head))
        out += bytes(min(nbytes, self.period - within))
        self.given += len(out)
        return out

    def close(self) -> None:
        pass


def test_an_endless_header_ends() -> None:
    source = Endless()
    with pytest.raises(GGUFError, match="TOO_BIG"):
        run(read_gguf(source))
    assert source.given <= cursor.MAX_HEADER


CLAIMS = {
    "u8 elements": build(_array_head(0, 10**9)),
    "u8 elements within the cap": build(_array_head(0, gguf.MAX_ARRAY)),
    "f64 elements within the cap": build(_array_head(12, gguf.MAX_ARRAY)),
    "strings": build(_array_head(8, 10**9)),
    "strings within the cap": build(_array_head(8, gguf.MAX_ARRAY)),
    "bytes of a string": build([Pair(b"k", 8, u64(10**9))]),
    "bytes of a string within the cap": build([Pair(b"k", 8, u64(gguf.MAX_STRING))]),
    "bytes of a string in an array": build([Pair(b"k", 9, u32(8) + u64(2) + u64(10**9))]),
    "bytes of a key": build(n_pairs=1, alignment=1) + u64(10**9) + b"k",
    "pairs": build(n_pairs=10**9),
    "pairs within the cap": build(n_pairs=gguf.MAX_KV),
    "tensors": build(n_tensors=10**9),
    "tensors within the cap": build(n_tensors=10**6),
    "parameters": build(tensors=[Tensor(b"t", (10**9,), 0)]),
    "KV_BAD_VALUE_SIZE": build(_array_head(4, -1)),  # removed from llama.cpp: it allocates 1 TB
}


@pytest.mark.parametrize(
    ("name", "tells"),
    # Without a known size only streaming finds that the data of a tensor is missing.
    [(name, tells) for name in CLAIMS for tells in (True, False) if tells or name != "parameters"],
)
def test_a_claim_costs_nothing(name: str, tells: bool) -> None:
    """ollama 17042, gguf-py: a file of 150 bytes that claims 10^9 of something."""
    data = CLAIMS[name]
    assert len(data) < 150
    assert outcome(data, tells=tells) != "OK"
    start = time.process_time()
    outcome(data, tells=tells)
    assert time.process_time() - start < 1  # a look at 10^9 of anything takes far longer
    tracemalloc.start()
    outcome(data, tells=tells)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1_000_000


@pytest.mark.parametrize("kind", [0, 5, 6, 7, 8, 12])
def test_memory_follows_the_bytes(kind: int) -> None:
    """Python's objects are bigger than the file's numbers, but by a known factor."""
    item = string(b"abcde") if kind == 8 else SCALARS[kind]
    data = build([Pair(b"my.key", 9, array(kind, [item] * 100_000))])
    tracemalloc.start()
    read(data)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 14 * len(data)


# ---- bugs of others, and rules of our own


def _huge(count: int) -> list[Tensor]:
    """Tensors of 2^62 bytes each."""
    return placed([Tensor(b"%d" % i, (2**32, 2**30), 24) for i in range(count)])[0]


RULES = {
    "n_dims far beyond the array": ("BAD_SHAPE", build(tensors=[Tensor(b"t", (1,), 0, 0, 2**31)])),
    "type is negative": ("BAD_TYPE", build(tensors=[Tensor(b"t", (1,), -1)])),
    "type was withdrawn": ("BAD_TYPE", build(tensors=[Tensor(b"t", (32,), 4)])),
    "rows are no whole blocks": ("BAD_SHAPE", build(tensors=[Tensor(b"t", (31,), 8)])),
    "a scalar is no block": ("BAD_SHAPE", build(tensors=[Tensor(b"t", (), 8)])),
    "the sum of sizes is no i64": ("TOO_BIG", build(tensors=_huge(2))),
    "the sum of sizes wraps to 0": ("BAD_OFFSET", build(tensors=_huge(5))),
    "data lies beyond the file": ("BAD_OFFSET", build(tensors=[Tensor(b"t", (8,), 0, 2**40)])),
    "data overlaps": (
        "BAD_OFFSET",
        build(tensors=[Tensor(b"a", (8,), 0, 0), Tensor(b"b", (8,), 0, 0)], data=bytes(64)),
    ),
    "data is out of order": (
        "BAD_OFFSET",
        build(tensors=[Tensor(b"a", (8,), 0, 32), Tensor(b"b", (8,), 0, 0)], data=bytes(64)),
    ),
    "data leaves a hole": (
        "BAD_OFFSET",
        build(tensors=[Tensor(b"a", (8,), 0, 0), Tensor(b"b", (8,), 0, 64)], data=bytes(96)),
    ),
    "arrays nest": ("NESTED_ARRAY", build([Pair(b"k", 9, (u32(9) + u64(1)) * 2000)])),
    "an array of unknown type": ("BAD_VALUE_TYPE", build(_array_head(13, 1))),
    "bool is 2": ("BAD_BOOL", build([Pair(b"k", 7, b"\2")])),
    "a bool in an array is 255": ("BAD_BOOL", build([Pair(b"k", 9, array(7, [b"\1", b"\xff"]))])),
    "a key is not UTF-8": ("BAD_UTF8", build([Pair(b"\xff", 0, b"\0")])),
    "a name is not UTF-8": ("BAD_UTF8", build(tensors=[Tensor(b"\xff", (1,), 0)])),
    "alignment is text": ("BAD_ALIGNMENT", build([Pair(b"general.alignment", 8, string(b"32"))])),
    "big-endian": ("BIG_ENDIAN", b"GGUF" + struct.pack(">IQQ", 3, 0, 0) + bytes(8)),
    "a web page": ("HTML", b"<!DOCTYPE html><html><title>Not Found</title></html>"),
    "a web page with a byte order mark": ("HTML", b"\xef\xbb\xbf\r\n  <html></html>"),
    "a Git LFS pointer": (
        "LFS_POINTER",
        b"version https://git-lfs.github.com/spec/v1\noid sha256:",
    ),
    "an empty file": ("TRUNCATED", b""),
}


@pytest.mark.parametrize("name", RULES)
def test_rules(name: str) -> None:
    code, data = RULES[name]
    assert outcome(data, tells=False) == code
    assert outcome(data, step=5) != "OK"


def test_messages_name_the_thing_and_stay_short() -> None:
    with pytest.raises(GGUFError, match="big-endian"):
        read(RULES["big-endian"][1])
    with pytest.raises(GGUFError, match="web page") as caught:
        read(RULES["a web page"][1])
    assert "/resolve/" in caught.value.hint
    with pytest.raises(GGUFError, match=r"'blk\.0' ends at byte .* has 96 bytes") as caught:
        read(build(tensors=[Tensor(b"blk.0", (2**20,), 0)], data=bytes(32)))
    assert caught.value.offset == 64
    with pytest.raises(GGUFError) as caught:
        read(build([Pair(b"\x1b[31m" * 9999, 77, b"")]))
    assert len(str(caught.value)) < 500
    assert "\x1b" not in str(caught.value)


def test_a_zero_sized_tensor_at_the_end_of_a_file_without_pad() -> None:
    tensors = [Tensor(b"a", (1,), 0, 0), Tensor(b"b", (0,), 0, 32)]
    assert read(build(tensors=tensors, data=bytes(4))).tensors["b"].nbytes == 0
    assert outcome(build(tensors=tensors, data=bytes(3))) == "TRUNCATED"


def test_odd_text_warns() -> None:
    header = read(
        build([Pair("größe".encode(), 0, b"\0"), Pair(b"author", 8, string(b"Bj\xf6rn"))])
    )
    assert header.metadata == {"größe": 0, "author": "Bj\ufffdrn"}
    assert header.warnings == ("2 metadata entries are not clean text, such as größe",)
    assert read(build([Pair(b"k", 8, string("\ufffd".encode()))])).warnings == ()
