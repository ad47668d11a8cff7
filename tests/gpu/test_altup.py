"""Residual streams (AltUp) and sparse gates against NumPy."""

import math

import numpy as np
import pytest

from py_engine.ops import altup
from py_engine.ops.gate import add, sparse_gate
from tests import reference
from tests.gpu.conftest import Bench

N, T, TOKENS = 4, 5, 3
"""Streams, rows of the buffers, and tokens that count."""


def normal(*shape: int) -> np.ndarray:
    return np.random.default_rng(shape).standard_normal(shape).astype(np.float32)


def streams(width: int) -> tuple[np.ndarray, np.ndarray]:
    """(N, stride) with room behind the tokens' rows, and the part of it that is theirs."""
    whole = normal(N, -(-T * width // 64) * 64)
    return whole, whole[:, : TOKENS * width].reshape(N, TOKENS, width)


@pytest.mark.parametrize("width", [37, 288])
def test_streams_of_one_and_one_of_streams(bench: Bench, width: int) -> None:
    own, projected = normal(T, width), 3 * normal(T, (N - 1) * width)
    projected[1, width : 2 * width] = 0  # its magnitude has a floor
    before, _ = streams(width)
    out, mean = bench.put(before), bench.put(own)
    state = bench.state(TOKENS)
    inputs = bench.put(own), bench.put(projected)
    altup.rescale(bench.rec, *inputs, out, state=state)
    altup.rescale(bench.rec, *inputs, mean, state=state, merge=True)
    others = projected[:TOKENS].reshape(TOKENS, N - 1, width).astype(np.float64)
    size = np.mean(own[:TOKENS].astype(np.float64) ** 2, axis=1)[:, None, None]
    scale = np.sqrt(size / np.maximum(np.mean(others**2, axis=2, keepdims=True), 1e-5))
    want = np.concatenate([own[:TOKENS, None], others * scale], axis=1)  # (T, N, C)
    got = bench.get(out)
    mine = got[:, : TOKENS * width].reshape(N, TOKENS, width)
    assert reference.nmse(mine, want.transpose(1, 0, 2)) < 1e-12
    assert np.array_equal(got[:, TOKENS * width :], before[:, TOKENS * width :])
    assert reference.nmse(bench.get(mean)[:TOKENS], want.mean(axis=1)) < 1e-12
    assert np.array_equal(bench.get(mean)[TOKENS:], own[TOKENS:])


@pytest.mark.parametrize("width", [37, 288])
def test_prediction(bench: Bench, width: int) -> None:
    before, own = streams(width)
    router, table = 2 * normal(T, N), normal(N * N, N)
    router[0, 0] = 1e30
    out, hidden = bench.put(before), bench.put(normal(T, width))
    altup.predict(
        bench.rec, out, bench.put(router), bench.put(table), hidden, state=bench.state(TOKENS)
    )
    coefs = (np.tanh(router[:TOKENS]) @ table.T).reshape(TOKENS, N, N)
    want = own + np.einsum("tij,jtc->itc", coefs, own)
    got = bench.get(out)
    assert reference.nmse(got[:, : TOKENS * width].reshape(own.shape), want) < 1e-11
    assert np.array_equal(got[:, TOKENS * width :], before[:, TOKENS * width :])
    assert np.array_equal(bench.get(hidden)[:TOKENS], got[0, : TOKENS * width].reshape(-1, width))
    assert np.array_equal(bench.get(hidden)[TOKENS:], normal(T, width)[TOKENS:])


@pytest.mark.parametrize("width", [37, 288])
def test_correction(bench: Bench, width: int) -> None:
    before, own = streams(width)
    router, table, weight = 2 * normal(T, N), normal(N, N), normal(width)
    out, hidden = bench.put(before), bench.put(normal(T, width))
    given = bench.put(router), bench.put(table)
    altup.correct(
        bench.rec, out, *given, hidden, weight=bench.put(weight), state=bench.state(TOKENS)
    )
    coefs = 1 + np.tanh(router[:TOKENS]) @ table.T  # (T, N)
    want = own + (normal(T, width)[:TOKENS] - own[0]) * coefs.T[:, :, None]
    got = bench.get(out)
    assert reference.nmse(got[:, : TOKENS * width].reshape(own.shape), want) < 1e-11
    assert np.array_equal(got[:, TOKENS * width :], before[:, TOKENS * width :])
    assert reference.nmse(bench.get(hidden)[:TOKENS], want[0] * weight) < 1e-11
    assert np.array_equal(bench.get(hidden)[TOKENS:], normal(T, width)[TOKENS:])


@pytest.mark.parametrize(("inner", "activation"), [(1, "gelu"), (37, "silu"), (288, "gelu")])
def test_sparse_gates(bench: Bench, inner: int, activation: str) -> None:
    x, before = 4 * normal(T, 2 * inner) + 1, normal(T, inner)
    out = bench.put(before)
    state = bench.state(TOKENS)
    options = {"activation": activation, "deviations": 1.2}
    sparse_gate(bench.rec, bench.put(x), out, state=state, **options)
    gate = x[:TOKENS, :inner].astype(np.float64)
    mean, deviation = (f(gate, axis=1, keepdims=True) for f in (np.mean, np.std))
    kept = np.maximum(gate - (mean + 1.2 * deviation), 0)
    want = reference.gate_mul(np.concatenate([kept, x[:TOKENS, inner:]], axis=1), activation)
    np.testing.assert_allclose(bench.get(out)[:TOKENS], want, 1e-5, 1e-5)
    assert np.array_equal(bench.get(out)[TOKENS:], before[TOKENS:])


def test_a_scaled_sum(bench: Bench) -> None:
    x, before = normal(T, 37), normal(T, 38)[:, :37].copy()
    out = bench.put(before)
    add(bench.rec, bench.put(x), out, state=bench.state(TOKENS), scale=1 / math.sqrt(2))
    got = bench.get(out)
    np.testing.assert_allclose(got[:TOKENS], (x + before)[:TOKENS] / math.sqrt(2), 1e-6, 1e-7)
    assert np.array_equal(got[TOKENS:], before[TOKENS:])
