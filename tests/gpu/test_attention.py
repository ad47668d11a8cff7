"""Attention against NumPy: one token over a cache, and many tokens at once."""

from dataclasses import replace

import numpy as np
import pytest

from py_engine.ops.attention import SPAN, Heads, attention_decode, splits
from tests import reference
from tests.gpu.conftest import Bench
from tests.gpu.layer import EPS, LIMIT, assert_rounded, decode, layer, prefill, tokens

CASES = {
    "one group, size 32": (Heads(4, 4, 32, 32, False), False),
    "groups of 3, head norm": (Heads(6, 2, 64, 64, True), True),
    "groups of 7, half rotated": (Heads(14, 2, 64, 32, True), False),
    "groups of 8, size 80": (Heads(8, 1, 80, 80, False), True),
    "groups of 16, half rotated": (Heads(16, 1, 96, 48, False), False),
    "groups of 2, size 128": (Heads(4, 2, 128, 128, True), True),
    "groups of 16, size 128": (Heads(16, 1, 128, 64, True), False),
    "groups of 8, size 256": (Heads(8, 1, 256, 256, True), True),
    "size 256, a fourth rotated": (Heads(3, 3, 256, 64, False), False),
    "size 8": (Heads(2, 1, 8, 8, True), False),
    "size 120": (Heads(5, 5, 120, 120, False), True),
    "groups of 4, size 512": (Heads(4, 1, 512, 512, True), True),
    "size 320": (Heads(2, 2, 320, 64, False), False),
}
POSITIONS = {0: (1, 8), 1: (1, 2), 255: (1, 4), 256: (2,), 300: (2, 8), 1000: (4, 32)}
"""Numbers of splits at each position: the fewest that may be, and more than there are positions."""
RUNG_CASES = [
    *(("plain", case) for case in CASES),
    *(("subgroups", case) for case in list(CASES)[1:4]),
    *((f"Chromium: {name}", list(CASES)[i]) for i, name in ((1, "plain"), (2, "subgroups"))),
]
"""All on the rung with the smallest limits; only the sum of a head norm differs on the others."""
CALLS = ((1, 1, 0), (5, 3, 30), (16, 16, 0), (17, 17, 30), (70, 69, 250))
"""(T, state.n, state.pos) of prefill; the second ends with the first position of a tile."""


@pytest.mark.parametrize(("rung", "case"), RUNG_CASES, indirect=["rung"])
def test_decode(bench: Bench, case: str) -> None:
    """Any number of splits at any position; what lies behind the position is never read."""
    at = layer(bench, *CASES[case], max(POSITIONS) + 1)
    qkv = tokens(at.heads, 1)
    runs = []
    for pos, numbers in POSITIONS.items():
        at_pos = replace(at, keys=at.keys.copy(), values=at.values.copy())
        at_pos.keys[pos:] = at_pos.values[pos:] = np.nan
        for n in numbers:
            cache = at_pos.cache()
            runs.append((at_pos, pos, cache, decode(at_pos, qkv, cache, pos, n)))
    for at_pos, pos, cache, out in runs:
        got = bench.get(out)
        keys, values = at_pos.cached(cache)
        q, k, v = at.prepared(qkv, pos)
        assert_rounded(keys[pos], k[0])
        assert np.array_equal(values[pos], v[0].astype(np.float16))
        for after, before in ((keys, at_pos.keys), (values, at_pos.values)):
            others = np.arange(at.S) != pos
            assert np.array_equal(after[others], before[others], equal_nan=True)
        seen = (keys.astype(np.float64), values.astype(np.float64))
        want = reference.attention(q, *seen, np.array([pos]))
        assert reference.nmse(got, want) < LIMIT


@pytest.mark.parametrize(("rung", "case"), RUNG_CASES, indirect=["rung"])
def test_prefill(bench: Bench, case: str) -> None:
    """Any number of tokens from any position; rows that are not of the call are left alone."""
    at = layer(bench, *CASES[case], 320)
    runs = []
    for size, n, pos in CALLS:
        at_pos = replace(at, keys=at.keys.copy(), values=at.values.copy())
        # As after a longer conversation: large, but never infinite (lib/halves.wgsl).
        at_pos.keys[pos:] = at_pos.values[pos:] = 65504
        qkv, cache = tokens(at.heads, size), at_pos.cache()
        runs.append((at_pos, n, pos, qkv, cache, prefill(at_pos, qkv, cache, n, pos)))
    for at_pos, n, pos, qkv, cache, out in runs:
        got = bench.get(out)
        keys, values = at_pos.cached(cache)
        q, k, v = at.prepared(qkv[:n], pos)
        assert_rounded(keys[pos : pos + n], k)
        assert np.array_equal(values[pos : pos + n], v.astype(np.float16))
        for after, before in ((keys, at_pos.keys), (values, at_pos.values)):
            assert np.array_equal(after[:pos], before[:pos])
            assert np.array_equal(after[pos + n :], before[pos + n :])
        seen = (keys.astype(np.float64), values.astype(np.float64))
        want = reference.attention(q, *seen, pos + np.arange(n))
        assert reference.nmse(got[:n], want) < LIMIT
        assert np.all(got[n:] == 7)


@pytest.mark.parametrize("case", list(CASES)[1:4])
def test_prefill_equals_decode(bench: Bench, case: str) -> None:
    at = layer(bench, *CASES[case], 48)
    qkv, n, pos = tokens(at.heads, 21), 21, 9
    together, one_by_one = at.cache(), at.cache()
    out = bench.get(prefill(at, qkv, together, n, pos))
    steps = [decode(at, qkv[t : t + 1], one_by_one, pos + t, 1) for t in range(n)]
    got = np.concatenate([bench.get(step) for step in steps])
    assert reference.nmse(got, out) < 1e-7  # a key's half may round the other way
    for one, other in zip(at.cached(together), at.cached(one_by_one), strict=True):
        assert np.mean(one != other) < 1e-3
        np.testing.assert_allclose(one, other, rtol=2e-3, atol=1e-6)


@pytest.mark.parametrize("n_splits", [1, 4])
def test_scores_far_apart(bench: Bench, n_splits: int) -> None:
    """Weights that underflow, and sums of large scores, stay finite in every split."""
    at = layer(bench, *CASES["groups of 3, head norm"], SPAN * n_splits)
    at = replace(at, norm=None, head_weights=None)
    at.keys[:] *= 100
    qkv, pos = 100 * tokens(at.heads, 1), SPAN * n_splits - 1
    cache = at.cache()
    got = bench.get(decode(at, qkv, cache, pos, n_splits))
    keys, values = (x.astype(np.float64) for x in at.cached(cache))
    q, _, _ = at.prepared(qkv, pos)
    scores = np.abs(np.einsum("hd,skd->hsk", q[0], keys)).max() / np.sqrt(at.heads.D)
    assert scores > 1e4
    want = reference.attention(q, keys, values, np.array([pos]))
    assert reference.nmse(got, want) < 1e-6  # f32 knows a score of 1e5 to 1e-2


def test_values_beyond_a_half_are_held_at_its_largest(bench: Bench) -> None:
    """Else one token's infinity stays in the cache, and makes NaN of 0 · infinity for others."""
    at = layer(bench, *CASES["groups of 7, half rotated"], 40)
    qkv = tokens(at.heads, 3)
    qkv[2, -at.heads.D :] = 1e6
    qkv[1, -at.heads.D :] = -1e6
    cache, step_cache = at.cache(), at.cache()
    out = prefill(at, qkv, cache, 3, 20)
    step = decode(at, qkv[2:], step_cache, 5, 1)
    assert np.all(np.isfinite(bench.get(out))) and np.all(np.isfinite(bench.get(step)))
    assert np.all(at.cached(cache)[1][22, -1] == 65504)
    assert np.all(at.cached(cache)[1][21, -1] == -65504)
    assert np.all(at.cached(step_cache)[1][5, -1] == 65504)


def test_a_step_without_a_token_only_writes_at_its_position(bench: Bench) -> None:
    """As the steps do that are under way when the sampler ends a reply: nobody reads that key."""
    at = layer(bench, *CASES["groups of 3, head norm"], 300)
    cache, state, none = at.cache(), bench.state(0, 260), np.zeros((1, at.heads.H * 64), np.float32)
    attention_decode(
        bench.rec,
        at.heads,
        bench.put(tokens(at.heads, 1)),
        cache,
        freqs=at.freqs,
        partial=bench.put(np.zeros(2 * at.heads.H * 66, np.float32)),
        out=bench.put(none),
        state=state,
        n_splits=2,
        norm=at.norm,
        eps=EPS,
    )
    assert bench.get(state).tolist() == [260, 0, 0, 0]
    others = np.arange(300) != 260
    for after, before in zip(at.cached(cache), (at.keys, at.values), strict=True):
        assert np.array_equal(after[others], before[others])


def test_cache_layouts_of_the_twin() -> None:
    k = np.arange(5 * 2 * 16, dtype=np.float16).reshape(5, 2, 16)
    words = reference.pack_keys(k)
    assert words.shape == (2, 2, 5, 4)
    assert np.array_equal(words[1, 0, 3].view(np.float16), k[3, 1, :8])
    assert np.array_equal(reference.unpack_keys(words), k)
    words = reference.pack_values(k)
    assert words.shape == (2, 5, 2, 4)
    assert np.array_equal(words[1, 3, 1].view(np.float16), k[3, 1, 8:])
    assert np.array_equal(reference.unpack_values(words), k)


def test_splits() -> None:
    """A power of two, so that few programs serve; no split has more positions than it may.

    One as long as it can be; else of 32 to 64 positions, or, with 32 splits, of more.
    """
    for positions in (1, 2, 255, 256, 257, 512, 513, 1024, 1025, 4096, 131072):
        n = splits(positions)
        assert n & (n - 1) == 0 and -(-positions // n) <= SPAN
        assert (n == 1) == (positions <= SPAN)
        assert n == 1 or positions / n > 32
