"""What attention can do beside the usual, against NumPy: windows, softcaps, shared caches, …"""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from py_engine.gpu.recorder import Library, Recorder
from py_engine.ops.attention import SPAN, Heads, most_positions, partial_size, splits
from tests import reference
from tests.gpu.conftest import Bench, natively, read_shader
from tests.gpu.layer import LIMIT, Layer, assert_rounded, decode, layer, prefill, tokens

PLAIN = Heads(6, 2, 64, 64, True)
OPTIONS = {
    "no rotation": ("rot", replace(PLAIN, rot=0), False, 1.0),
    "a scale": ("scale", replace(PLAIN, scale=0.3), True, 1.0),
    "a softcap": ("softcap", replace(PLAIN, softcap=2.0), False, 1.0),
    "a window": ("window", replace(PLAIN, window=20), False, 1.0),
    "turned, then normed": ("turn_first", replace(PLAIN, rot=32, turn_first=True), True, 1.2),
    "a magnitude": ("magnitude", replace(PLAIN, rot=32, neox=False), True, 1.3),
    "warmth": ("warmth", replace(PLAIN, warmth=0.5, warm_from=20), False, 1.0),
    "normed values": ("value_norm", replace(PLAIN, value_norm=True), False, 1.0),
    "normed heads and values": ("value_norm", replace(PLAIN, value_norm=True), True, 1.0),
    "keys for values": ("value_norm", replace(PLAIN, value_norm=True, tied=True), True, 1.0),
    "all, size 512": (
        "window",
        Heads(4, 2, 512, 256, True, 0.1, 50, 3.0, True, 0.2, 30, True),
        True,
        1.1,
    ),
}
"""What is looked at, the heads, whether these have a norm, and the rotation's magnitude."""
NEUTRAL = {"rot": 64, "scale": 0.0, "softcap": 0.0, "window": 0, "turn_first": False}
NEUTRAL |= {"magnitude": 1.0, "warmth": 0.0, "value_norm": False}
CASES = [
    *(("plain", case) for case in OPTIONS),
    *(("subgroups", case) for case in ("turned, then normed", "keys for values")),
    *((f"Chromium: {rung}", "all, size 512") for rung in ("plain", "subgroups")),
]
WINDOWS = (1, 2, 63, 64, 65, 130, 257)
"""About the borders of tiles of 64 positions; the last is the first that needs splits."""
RUNG_WINDOWS = [("plain", WINDOWS), ("subgroups", (65, 257)), ("Chromium: plain", (257,))]
on_rungs = pytest.mark.parametrize(("rung", "windows"), RUNG_WINDOWS, indirect=["rung"])


def without(at: Layer, option: str) -> Layer:
    """The same layer for the twin, an option left out."""
    if option == "magnitude":
        return replace(at, magnitude=1.0)
    heads = replace(at.heads, **{option: NEUTRAL[option]})
    if option == "rot":
        return replace(at, heads=heads, frequencies=500.0 ** (-np.arange(32) / 32))
    return replace(at, heads=heads)


@pytest.mark.parametrize(("rung", "case"), CASES, indirect=["rung"])
def test_each_option(bench: Bench, case: str) -> None:
    """In prefill and decode, and the numbers are others without it."""
    option, heads, normed, magnitude = OPTIONS[case]
    at = layer(bench, heads, normed, 100, magnitude)
    qkv, n, pos = tokens(heads, 20), 19, 70
    cache, step_cache = at.cache(), at.cache()
    out = prefill(at, qkv, cache, n, pos)
    step = decode(at, qkv[:1], step_cache, pos, 1)
    for got, kept, count in ((out, cache, n), (step, step_cache, 1)):
        result = bench.get(got)[:count]
        keys, values = at.cached(kept)
        q, k, v = at.prepared(qkv[:count], pos)
        assert_rounded(keys[pos : pos + count], k)
        assert_rounded(values[pos : pos + count], v)
        assert reference.nmse(result, at.attended(q, keys, values, pos)) < LIMIT
        other = without(at, option)
        q, k, v = other.prepared(qkv[:count], pos)
        keys, values = keys.copy(), values.copy()
        keys[pos : pos + count], values[pos : pos + count] = k, v
        assert reference.nmse(result, other.attended(q, keys, values, pos)) > 1e-4


@on_rungs
def test_a_window_in_decode(bench: Bench, windows: tuple[int, ...]) -> None:
    """At its borders, in splits and in one; what lies outside of it is never read."""
    runs = []
    for window in windows:
        at = layer(bench, replace(PLAIN, window=window), False, 340)
        qkv = tokens(PLAIN, 1)
        for pos in sorted({max(window - 2, 0), window - 1, window, window + 1, 339}):
            here = replace(at, keys=at.keys.copy(), values=at.values.copy())
            here.keys[pos:] = here.values[pos:] = np.nan
            first = max(0, pos + 1 - window)
            here.keys[:first] = here.values[:first] = np.nan
            cache = here.cache()
            runs.append((here, pos, cache, decode(here, qkv, cache, pos, splits(pos + 1))))
    for here, pos, cache, out in runs:
        got, (keys, values) = bench.get(out), here.cached(cache)
        q, k, _ = here.prepared(tokens(PLAIN, 1), pos)
        assert_rounded(keys[pos], k[0])
        assert reference.nmse(got, here.attended(q, keys, values, pos)) < LIMIT


@on_rungs
def test_a_window_in_prefill(bench: Bench, windows: tuple[int, ...]) -> None:
    """Tiles that lie before it for all rows are never read; masked positions count nothing."""
    runs = []
    for window in windows:
        at = layer(bench, replace(PLAIN, window=window), False, 340)
        for size, pos in ((1, window - 1), (7, max(window - 3, 0)), (40, 191), (33, 300)):
            here = replace(at, keys=at.keys.copy(), values=at.values.copy())
            here.keys[pos:] = here.values[pos:] = 65504
            first = max(0, pos + 1 - window)
            here.keys[:first] = here.values[:first] = 65504
            unread = first // 64 * 64
            here.keys[:unread] = here.values[:unread] = np.nan
            qkv, cache = tokens(PLAIN, size), here.cache()
            # Each later token's rows begin their window later; those of a tile are five tokens'.
            runs.append((here, qkv, pos, cache, prefill(here, qkv, cache, size, pos)))
    for here, qkv, pos, cache, out in runs:
        got, (keys, values) = bench.get(out), here.cached(cache)
        q, _, _ = here.prepared(qkv, pos)
        assert reference.nmse(got, here.attended(q, keys, values, pos)) < LIMIT


@natively
@pytest.mark.parametrize("window", [1, 5, 16, 300])
def test_chunks_and_steps_give_the_same(rung: object, bench: Bench, window: int) -> None:
    """A prompt at once, in chunks that begin anywhere, and token by token."""
    at = layer(bench, replace(PLAIN, window=window), True, 100)
    qkv = tokens(PLAIN, 40)
    once, chunked, stepped = at.cache(), at.cache(), at.cache()
    whole = bench.get(prefill(at, qkv, once, 40, 0))
    borders = [0, 1, 4, 5, 21, 38, 40]
    chunks = [prefill(at, qkv[a:b], chunked, b - a, a) for a, b in pairwise(borders)]
    assert np.array_equal(np.concatenate([bench.get(chunk) for chunk in chunks]), whole)
    steps = [decode(at, qkv[t : t + 1], stepped, t, 1) for t in range(40)]
    got = np.concatenate([bench.get(step) for step in steps])
    assert reference.nmse(got, whole) < 1e-7  # a key's half may round the other way


@pytest.mark.parametrize("rung", ["plain", "subgroups", "Chromium: subgroups"], indirect=True)
def test_a_layer_that_reads_the_cache_of_another(bench: Bench) -> None:
    """Queries only; no byte of the cache changes."""
    heads = replace(PLAIN, value_norm=True, window=60, softcap=4.0)
    at = layer(bench, heads, True, 340)
    qkv, cache = tokens(heads, 30)[:, : heads.H * heads.D], at.cache()
    pos = 305
    out = prefill(at, qkv, cache, 29, pos, shared=True)
    steps = [decode(at, qkv[:1], cache, pos, n, shared=True) for n in (1, 8)]
    far = replace(at, heads=replace(heads, window=0))
    split = decode(far, qkv[:1], cache, pos, 8, shared=True)
    results = [bench.get(one) for one in (out, *steps, split)]
    for got, before in zip(at.cached(cache), (at.keys, at.values), strict=True):
        assert np.array_equal(got, before)
    q, _, _ = at.prepared(qkv, pos)
    want = at.attended(q, at.keys, at.values, pos)
    assert reference.nmse(results[0][:29], want[:29]) < LIMIT
    assert np.all(results[0][29:] == 7)
    for got in results[1:3]:
        assert reference.nmse(got, want[:1]) < LIMIT
    assert reference.nmse(results[3], far.attended(q[:1], at.keys, at.values, pos)) < LIMIT


@pytest.mark.parametrize("rung", ["subgroups"], indirect=True)
@pytest.mark.parametrize("size", [64, 512])
def test_few_threads(bench: Bench, size: int) -> None:
    """As on a CPU, where workgroups have as many threads as a subgroup, or as a head needs."""
    library = Library(read_shader, bench.device)
    library._software, library.subgroup_size = True, 4
    assert library.narrow
    bench.rec = Recorder(library, bench.memory)
    heads = Heads(4, 2, size, 32, True, window=70, value_norm=True, turn_first=True)
    at = layer(bench, heads, True, 100, 1.2)
    qkv, cache, step_cache = tokens(heads, 5), at.cache(), at.cache()
    out, step = prefill(at, qkv, cache, 5, 90), decode(at, qkv[:1], step_cache, 90, 2)
    for got, kept, count in ((out, cache, 5), (step, step_cache, 1)):
        result, (keys, values) = bench.get(got), at.cached(kept)
        q, _, _ = at.prepared(qkv[:count], 90)
        assert reference.nmse(result, at.attended(q, keys, values, 90)) < LIMIT


@pytest.mark.parametrize("rung", ["plain"], indirect=True)
def test_a_window_needs_no_more_splits_than_its_own(bench: Bench) -> None:
    for window, most in ((1, 1), (256, 1), (257, splits(257)), (512, splits(512)), (0, 32)):
        at = layer(bench, replace(PLAIN, window=window), False, 600)
        before = len(bench.rec.dispatches)
        decode(at, tokens(PLAIN, 1), at.cache(), 599, 32)
        new = bench.rec.dispatches[before:]
        assert new[0].groups[1] == most
        assert len(new) == 1 + (most > 1)


def test_scratch_is_as_large_as_a_window_needs() -> None:
    far = Heads(256, 1, 64, 64, True)
    near, row = replace(far, window=512), far.H * (far.D + 2)
    for positions in (1, 256, 257, 512, 513, 100_000):
        assert partial_size(far, positions) == splits(positions) * row
        assert partial_size(near, positions) == splits(min(positions, 512)) * row
    largest = 4 * row * 64
    assert most_positions(far, largest) == 64 * SPAN
    assert most_positions(near, largest) == largest // (2 * far.K * far.D)  # the cache decides
