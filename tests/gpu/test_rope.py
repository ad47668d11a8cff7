"""The rotation's angles at any position, and the exact division of its rates."""

from fractions import Fraction

import numpy as np

from py_engine.gpu.tensor import Tensor
from py_engine.ops.attention import Cache, Heads, rates, rope_cache, rope_divide
from tests.gpu.conftest import Bench

PAIRS = 4
LAST = 2**20 - 1
"""The largest position that rope.wgsl promises to count exactly."""
STARTS = (0, 1, 4093, 65532, 65536, 131070, 524289, 777777, LAST - 3)
FACTORS = (1.0, 1.5, 8.0, 32.0, 0.7, 3.0, 1e-3, 6.1, 2.0**-20, 2.0**30, -1.0, -0.7)


def rotated_units(bench: Bench, cache: Cache, table: np.ndarray, start: int) -> Tensor:
    """Record the rotation of (1, 0) by each pair's angle, at four positions from `start`."""
    heads = Heads(1, 1, 2 * PAIRS, 2 * PAIRS, False)
    qkv = np.zeros((4, heads.width), np.float32)
    qkv[:, 0 : 2 * PAIRS : 2] = 1
    q = bench.memory.tensor((4, 2 * PAIRS), "q")
    rope_cache(
        bench.rec,
        heads,
        bench.put(qkv),
        cache,
        freqs=bench.put(table),
        q=q,
        state=bench.state(4, start),
        norm=None,
        eps=0.0,
    )
    return q


def table(frequencies: list[float], magnitude: float = 1.0) -> np.ndarray:
    return np.frombuffer(rates(frequencies, magnitude), np.uint32).reshape(-1, 4)


def test_angles_are_exact_at_any_position(bench: Bench) -> None:
    frequencies = [500000.0 ** (-i / 64) for i in range(0, 64, 4)]
    cache = Cache(
        bench.memory.tensor((1, 1, LAST + 1, 4), "keys", "u32"),
        bench.memory.tensor((1, LAST + 1, 1, 4), "values", "u32"),
        LAST + 1,
    )
    worst = 0.0
    for first in range(0, len(frequencies), PAIRS):
        own = frequencies[first : first + PAIRS]
        units = [(start, rotated_units(bench, cache, table(own), start)) for start in STARTS]
        for start, q in units:
            got = bench.get(q).astype(np.float64) * np.sqrt(2 * PAIRS)
            angles = np.outer(start + np.arange(4), own)
            worst = max(worst, np.abs(got[:, 0::2] - np.cos(angles)).max())
            worst = max(worst, np.abs(got[:, 1::2] - np.sin(angles)).max())
    assert worst < 2e-7  # measured 1.1e-7; float32 angles would be off by 0.03


def test_rates_are_fractions_of_a_turn() -> None:
    words = table([1.0, 0.5, 1e-6])
    turns = [(int(a) << 32 | int(b)) / 2**64 for a, b in words[:, :2]]
    np.testing.assert_allclose(turns, np.array([1.0, 0.5, 1e-6]) / (2 * np.pi), rtol=1e-15)
    assert np.all(words[:, 2].view(np.float32) == 1) and not words[:, 3].any()


def test_division_is_exact(bench: Bench) -> None:
    """Long division to the last of 64 bits, whatever the factor."""
    before = table([1.0, 0.31, 1.7e-3, 2e-6] * len(FACTORS), magnitude=1.19)
    factors = np.repeat(np.array(FACTORS, np.float32), 4)
    freqs = bench.put(before)
    rope_divide(bench.rec, bench.put(factors), freqs)
    got = bench.get(freqs)
    for words, factor, result in zip(before, factors, got, strict=True):
        whole = int(words[0]) << 32 | int(words[1])
        want = int(Fraction(whole) / Fraction(float(factor))) % 2**64
        assert int(result[0]) << 32 | int(result[1]) == want, factor
    assert np.array_equal(got[:, 2:], before[:, 2:])  # the magnitude stays


def test_division_of_more_pairs_than_a_workgroup(bench: Bench) -> None:
    before = table([0.5] * 97)
    freqs = bench.put(before)
    rope_divide(bench.rec, bench.put(np.full(97, 2.0, np.float32)), freqs)
    assert np.array_equal(bench.get(freqs)[:, 0], before[:, 0] >> 1)
