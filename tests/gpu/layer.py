"""One attention layer: its inputs as arrays and on a device, its kernels, and their twins."""

from dataclasses import dataclass

import numpy as np

from py_engine.gpu.tensor import Tensor
from py_engine.ops.attention import (
    Cache,
    Heads,
    attention_decode,
    attention_prefill,
    partial_size,
    rates,
    rope_cache,
)
from tests import reference
from tests.gpu.conftest import Bench

EPS = 0.01
LIMIT = 1e-11
"""NMSE of f32 sums and of exp; measured up to 4e-13."""


@dataclass
class Layer:
    """One attention layer's inputs as arrays, and on the device."""

    bench: Bench
    heads: Heads
    S: int
    frequencies: np.ndarray
    magnitude: float
    head_weights: np.ndarray | None
    keys: np.ndarray
    """(S, K, D) f16: what the cache holds at first."""
    values: np.ndarray
    freqs: Tensor
    norm: Tensor | None

    def cache(self) -> Cache:
        """A new cache that holds `keys` and `values`."""
        keys = self.bench.put(reference.pack_keys(self.keys), "keys")
        values = self.bench.put(reference.pack_values(self.values), "values")
        return Cache(keys, values, self.S)

    def cached(self, cache: Cache) -> tuple[np.ndarray, np.ndarray]:
        """Its keys and values, (S, K, D) f16."""
        keys, values = self.bench.get(cache.keys), self.bench.get(cache.values)
        return reference.unpack_keys(keys), reference.unpack_values(values)

    def _ready(self, x: np.ndarray, head: int, positions: np.ndarray) -> np.ndarray:
        def turned(x: np.ndarray) -> np.ndarray:
            options = {"neox": self.heads.neox, "magnitude": self.magnitude}
            return reference.rope(x, positions, self.frequencies, **options)

        def normed(x: np.ndarray) -> np.ndarray:
            weights = self.head_weights
            return x if weights is None else reference.rms_norm(x, weights[head], EPS)

        return normed(turned(x)) if self.heads.turn_first else turned(normed(x))

    def prepared(self, qkv: np.ndarray, pos: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The twin's queries (T, H, D), keys and values (T, K, D) of tokens from `pos`.

        Where qkv has queries only, there are no keys and values.
        """
        heads, d = self.heads, self.heads.D
        parts = np.split(qkv, [heads.H * d, (heads.H + heads.K) * d], axis=1)
        q, k, v = (x.reshape(len(qkv), -1, d) for x in parts)
        positions = pos + np.arange(len(qkv))
        v = k if heads.tied else v
        q, k = self._ready(q, 0, positions), self._ready(k, 1, positions)
        if heads.warmth:
            q = reference.warm(q, positions, heads.warmth, heads.warm_from)
        return q, k, reference.rms_norm(v, 1.0, EPS) if heads.value_norm else v

    def attended(self, q: np.ndarray, keys: np.ndarray, values: np.ndarray, pos: int) -> np.ndarray:
        """The twin's result for prepared queries of tokens from `pos` over the cached (S, K, D)."""
        heads, positions = self.heads, pos + np.arange(len(q))
        seen = (keys.astype(np.float64), values.astype(np.float64))
        options = {"scale": heads.scale, "window": heads.window, "softcap": heads.softcap}
        return reference.attention(q, *seen, positions, **options)


def layer(bench: Bench, heads: Heads, normed: bool, S: int, magnitude: float = 1.0) -> Layer:
    """A layer whose cache holds random numbers at every position."""
    rng = np.random.default_rng(heads.D)
    frequencies = 500.0 ** (-2.0 * np.arange(heads.rot // 2) / max(heads.rot, 1))
    weights = rng.standard_normal((2, heads.D)).astype(np.float32) if normed else None
    shape = (S, heads.K, heads.D)
    # Rates for the dimensions that are not rotated, too: none of these may be used.
    unused = [0.3] * ((heads.D - heads.rot) // 2)
    words = rates([*frequencies, *unused], magnitude)
    return Layer(
        bench=bench,
        heads=heads,
        S=S,
        frequencies=frequencies,
        magnitude=magnitude,
        head_weights=weights,
        keys=rng.standard_normal(shape).astype(np.float16),
        values=rng.standard_normal(shape).astype(np.float16),
        freqs=bench.put(np.frombuffer(words, np.uint32).reshape(-1, 4), "freqs"),
        norm=None if weights is None else bench.put(weights, "head norm"),
    )


def tokens(heads: Heads, n: int) -> np.ndarray:
    """Random queries, keys and values of n tokens, (n, heads.width)."""
    return (1.5 * np.random.default_rng(n).standard_normal((n, heads.width))).astype(np.float32)


def decode(
    at: Layer, qkv: np.ndarray, cache: Cache, pos: int, n_splits: int, *, shared: bool = False
) -> Tensor:
    """Record one token's attention; its output, (1, H · D), not yet computed."""
    bench, heads = at.bench, at.heads
    size = max(partial_size(heads, at.S), 1)
    if not heads.window:
        size = n_splits * heads.H * (heads.D + 2)
    out = bench.put(np.full((1, heads.H * heads.D), np.nan, np.float32), "out")
    attention_decode(
        bench.rec,
        heads,
        bench.put(qkv),
        cache,
        freqs=at.freqs,
        partial=bench.put(np.full(size, np.nan, np.float32)),
        out=out,
        state=bench.state(1, pos),
        n_splits=n_splits,
        norm=at.norm,
        eps=EPS,
        shared=shared,
    )
    return out


def prefill(
    at: Layer, qkv: np.ndarray, cache: Cache, n: int, pos: int, *, shared: bool = False
) -> Tensor:
    """Record the attention of the first n of T tokens; its output, (T, H · D)."""
    bench, heads = at.bench, at.heads
    queries = np.zeros((len(qkv), heads.H * heads.D), np.float32)
    q, out = bench.put(queries, "q"), bench.put(queries + 7, "out")
    state = bench.state(n, pos)
    rope_cache(
        bench.rec,
        heads,
        bench.put(qkv),
        cache,
        freqs=at.freqs,
        q=q,
        state=state,
        norm=at.norm,
        eps=EPS,
        shared=shared,
    )
    attention_prefill(bench.rec, heads, q, cache, out=out, state=state)
    return out


def assert_rounded(got: np.ndarray, exact: np.ndarray) -> None:
    """Halves are the nearest to the exact values, but for f32's own error before rounding."""
    step = np.spacing(np.abs(exact).astype(np.float16)).astype(np.float64)
    assert np.all(np.abs(got.astype(np.float64) - exact) <= 0.505 * step + 2e-6)
