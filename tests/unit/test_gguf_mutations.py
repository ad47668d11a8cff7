"""Damaged GGUFs by the thousand: each is read or refused, quickly and in little memory.

The corpus is deterministic: mutation i of a base file is the same on every machine. By hand,
with any number: `nice python -m tests.unit.test_gguf_mutations 1000000`
"""

from __future__ import annotations

import random
import sys
import time
import tracemalloc
from collections import Counter

from py_engine.base.errors import GGUFError
from py_engine.formats.gguf import GGUF, read_gguf
from py_engine.formats.quants import QUANTS
from tests.gguf_cases import (
    MUST_FAIL,
    MUST_PASS,
    PAIRS,
    TENSORS,
    MemorySource,
    alignment_pair,
    build,
    placed,
    run,
)

COUNT = 20_000
TRACED = 50  # every so many, memory is measured, which is slow
SLOWEST_S = 1.0

_SMALL, _SMALL_LENGTH = placed(TENSORS[::5], 64)
GOOD = [
    build([*PAIRS[:12], alignment_pair(64)], _SMALL, bytes(_SMALL_LENGTH), alignment=64),
    build(PAIRS[12:], placed(TENSORS[-3:])[0], bytes(4096)),
    build([*PAIRS[20:], *PAIRS[:4]]),
    build(PAIRS[6:8] + PAIRS[18:20], placed(TENSORS[:4])[0], bytes(1024)),
    MUST_PASS["TENSORS_ZERO_DIM"],
]
BAD = [data for name, (_, data) in MUST_FAIL.items() if not name.startswith("DATA")]
_WORDS = [
    *(n.to_bytes(8, "little") for n in (0, 1, 2, 8, 9, 13, 31, 43, 64, 255, 2**16, 10**6, 10**7)),
    *(n.to_bytes(8, "little") for n in (2**31 - 1, 2**31, 2**32, 2**32 + 1, 10**9, 2**40)),
    *(n.to_bytes(8, "little") for n in (2**62, 2**63 - 1, 2**63, 2**64 - 1, 2**64 - 32)),
    b"GGUF\3\0\0\0", b"\x11\0\0\0\0\0\0\0", b"general.", b"\xff\xfe\xc3\x28\xed\xa0\x80\0",
]  # fmt: skip


def mutate(i: int) -> bytes:
    """A file with one to four damages, few of them in its first 24 bytes."""
    chance = random.Random(i)
    data = bytearray(chance.choice(BAD if chance.random() < 0.1 else GOOD))
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        low, high = chance.choice(((0, 24), *((24, 10**9),) * 9))
        at = chance.randrange(low, max(low + 1, min(high, len(data))))
        match chance.randrange(8):
            case 0:
                data[at : at + 1] = bytes(b ^ 1 << chance.randrange(8) for b in data[at : at + 1])
            case 1:
                data[at : at + 1] = chance.randbytes(1)
            case 2 | 3:
                width = chance.choice((1, 2, 4, 8))
                data[at : at + width] = chance.choice(_WORDS)[:width]
            case 4:
                del data[at:]
            case 5:
                del data[at : at + chance.randrange(1, 17)]
            case 6:
                data[at:at] = chance.choice((chance.choice(_WORDS), chance.randbytes(4)))
            case 7:
                other = chance.choice(GOOD)
                start = chance.randrange(len(other))
                data[at : at + 64] = other[start : start + chance.randrange(100)]
    return bytes(data)


def check(header: GGUF, size: int | None) -> None:
    """What an accepted header promises to those who use its numbers; `size` if it was known."""
    if header.data_at < 24 or header.version not in (2, 3):
        raise AssertionError(header)
    end = header.data_at
    for name, tensor in header.tensors.items():
        kind, weights = QUANTS[tensor.type], 1
        for dim in tensor.shape:
            weights *= dim
        fits = size is None or tensor.nbytes == 0 or tensor.at + tensor.nbytes <= size
        exact = tensor.nbytes * kind.block == weights * kind.nbytes
        if not (fits and exact and tensor.at >= end and name == tensor.name):
            raise AssertionError(tensor)
        end = tensor.at + tensor.nbytes


def sweep(numbers: range) -> tuple[Counter[str], float, float]:
    """Codes of what was read, the slowest in seconds, and the most memory per byte of file."""
    codes: Counter[str] = Counter()
    slowest = hungriest = 0.0
    for i in numbers:
        data = mutate(i)
        # Short reads and an unknown size take other paths through the reader.
        source = MemorySource(data, step=(None, 61, 5)[i % 3], tells=i % 4 > 0)
        if traced := i % TRACED == 0:
            tracemalloc.start()
        start = time.thread_time()  # of the CPU: the machine may be busy
        try:
            header = run(read_gguf(source))
            check(header, source.size)
            codes["OK"] += 1
        except GGUFError as error:
            codes[error.code] += 1
            if not 0 <= error.offset <= 2**64 or len(str(error)) > 1000:
                raise AssertionError(error) from error
        slowest = max(slowest, time.thread_time() - start)
        if traced:
            hungriest = max(hungriest, tracemalloc.get_traced_memory()[1] / (len(data) + 4096))
            tracemalloc.stop()
    return codes, slowest, hungriest


def test_mutations_are_read_or_refused() -> None:
    codes, slowest, hungriest = sweep(range(COUNT))
    assert codes.total() == COUNT
    assert codes["OK"] > COUNT // 10  # damage that does no harm, or only to other values
    assert len(codes) >= 18  # nearly every refusal there is
    assert slowest < SLOWEST_S
    assert hungriest < 10


def test_the_corpus_is_deterministic() -> None:
    assert [mutate(i) for i in range(50)] == [mutate(i) for i in range(50)]
    assert len({mutate(i) for i in range(1000)}) > 900


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    start = time.perf_counter()
    codes, slowest, hungriest = sweep(range(count))
    took = time.perf_counter() - start
    print(f"{count} mutations in {took:.0f} s: {dict(codes.most_common())}")
    print(f"slowest {slowest * 1e3:.1f} ms, most memory {hungriest:.1f} × (bytes + 4096)")


if __name__ == "__main__":
    main()
