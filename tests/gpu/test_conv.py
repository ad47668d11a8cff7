"""short_conv against NumPy: any width and number of tokens, and what a call leaves for the next."""

import numpy as np
import pytest

from py_engine.gpu.tensor import Tensor
from py_engine.ops.conv import short_conv
from tests import reference
from tests.gpu.conftest import Bench, natively

LIMIT = 1e-12
"""NMSE; measured 1e-15 to 1e-14."""
CASES = {
    "LFM2": (3, True, 96),
    "Qwen3.5": (4, False, 200),
    "width 2, one channel": (2, False, 1),
    "width 5, gated": (5, True, 65),
}
"""Taps, gated, channels."""
BORDERS = [1, 2, 3, 63, 64, 65]


def normal(*shape: int) -> np.ndarray:
    return np.random.default_rng(shape).standard_normal(shape).astype(np.float32)


def twin(
    x: np.ndarray, kernel: np.ndarray, past: np.ndarray, gated: bool
) -> tuple[np.ndarray, np.ndarray]:
    channels = len(kernel)
    x = x.astype(np.float64)
    if not gated:
        y, after = reference.short_conv(x[:, :channels], kernel, past)
        return reference.silu(y), after
    b, c, v = np.split(x, 3, axis=1)
    y, after = reference.short_conv(b * v, kernel, past)
    return c * y, after


class Layer:
    """One convolution: its inputs of 200 tokens, its kernel, and a past on the device."""

    def __init__(self, bench: Bench, case: str) -> None:
        self.bench = bench
        self.width, self.gated, self.channels = CASES[case]
        columns = 3 * self.channels if self.gated else self.channels + 37
        self.x, self.kernel = normal(200, columns), normal(self.channels, self.width)
        self.past = normal(self.width - 1, self.channels)
        self.weight = bench.put(self.kernel)

    def run(self, past: Tensor, begin: int, n: int, *, rows: int, pos: int) -> Tensor:
        """Record a call of n tokens in a program for more; its output, 7 where not written."""
        x = np.full((rows, self.x.shape[1]), np.nan, np.float32)
        x[:n] = self.x[begin : begin + n]
        out = self.bench.put(np.full((rows, self.channels), 7, np.float32))
        state = self.bench.state(n, pos)
        x_t = self.bench.put(x)
        short_conv(self.bench.rec, x_t, self.weight, out, past=past, state=state, gated=self.gated)
        return out


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("pos", [0, 1, 500])
def test_any_number_of_tokens(bench: Bench, case: str, pos: int) -> None:
    """At position 0 the past is zeros, whatever it holds; rows of no token are left alone."""
    layer = Layer(bench, case)
    runs = []
    for n in (0, *BORDERS):
        kept = np.full_like(layer.past, np.nan) if pos == 0 else layer.past
        past = bench.put(kept)
        runs.append((n, kept, past, layer.run(past, 0, n, rows=max(n, 70), pos=pos)))
    for n, kept, past, out in runs:
        got, after = bench.get(out), bench.get(past)
        assert np.all(got[n:] == 7)
        if n == 0:
            assert np.array_equal(after, kept, equal_nan=True)
            continue
        before = np.zeros_like(kept) if pos == 0 else kept
        want, want_after = twin(layer.x[:n], layer.kernel, before, layer.gated)
        assert reference.nmse(got[:n], want) < LIMIT
        np.testing.assert_allclose(after, want_after, rtol=2e-7, atol=1e-9)


@natively
@pytest.mark.parametrize("case", CASES)
def test_chunks_give_the_bits_of_single_steps(bench: Bench, case: str) -> None:
    layer = Layer(bench, case)
    total = sum(BORDERS)
    runs = []
    for sizes in (BORDERS, [1] * total):
        past = bench.put(np.full_like(layer.past, np.nan))
        outs, at = [], 0
        for n in sizes:
            outs.append((n, layer.run(past, at, n, rows=n, pos=at)))
            at += n
        got = np.concatenate([bench.get(out)[:n] for n, out in outs])
        runs.append((got, bench.get(past)))
    for chunked, stepped in zip(*runs, strict=True):
        assert np.array_equal(chunked, stepped)
    want, _ = twin(layer.x[:total], layer.kernel, np.zeros_like(layer.past), layer.gated)
    assert reference.nmse(runs[0][0], want) < LIMIT


def test_shapes_that_do_not_fit(bench: Bench) -> None:
    x, kernel, out = bench.put(normal(2, 96)), bench.put(normal(96, 4)), bench.put(normal(2, 96))
    past, state = bench.put(normal(3, 96)), bench.state(2)
    with pytest.raises(ValueError, match="gated: True"):
        short_conv(bench.rec, x, kernel, out, past=past, state=state, gated=True)
    with pytest.raises(ValueError, match="convolution"):
        short_conv(bench.rec, x, kernel, out, past=bench.put(normal(2, 96)), state=state)
