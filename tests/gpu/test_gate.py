"""Gates against NumPy, and copies."""

import numpy as np
import pytest

from py_engine.ops.copy import copy
from py_engine.ops.gate import gate_mul, layer_mul, scale, sigmoid_gate
from tests import reference
from tests.gpu.conftest import Bench, natively


def normal(*shape: int) -> np.ndarray:
    return np.random.default_rng(shape).standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize(
    ("tokens", "inner", "activation"),
    [(1, 1, "silu"), (3, 37, "silu"), (5, 288, "gelu"), (2, 64, "relu2")],
)
def test_gate_and_up_side_by_side(bench: Bench, tokens: int, inner: int, activation: str) -> None:
    x, before = 4 * normal(tokens + 2, 2 * inner), normal(tokens + 2, inner)
    out = bench.put(before)
    gate_mul(bench.rec, bench.put(x), out, state=bench.state(tokens), activation=activation)
    got = bench.get(out)
    assert reference.nmse(got[:tokens], reference.gate_mul(x[:tokens], activation)) < 1e-12
    assert np.array_equal(got[tokens:], before[tokens:])


def test_large_gates_stay_finite_under_gelu(bench: Bench) -> None:
    gate = np.array([-1e30, -1e4, -10, -1e-30, 0, 1e-30, 10, 1e4, 1e12], np.float32)
    x = np.concatenate([gate, np.full(9, 2.0, np.float32)])[None]
    out = bench.put(np.full((1, 9), 7.0, np.float32))
    gate_mul(bench.rec, bench.put(x), out, state=bench.state(1), activation="gelu")
    want = [0, 0, 0, 0, 0, 1e-30, 20, 2e4, 2e12]
    np.testing.assert_allclose(bench.get(out)[0], want, 1e-6, 1e-6)


def test_large_gates_stay_finite(bench: Bench) -> None:
    gate = np.array([-1e30, -1e4, -104, -88, -20, 0, 20, 88, 104, 1e4, 1e30], np.float32)
    x = np.concatenate([gate, np.full(11, 2.0, np.float32)])[None]
    out = bench.put(np.full((1, 11), 7.0, np.float32))
    gate_mul(bench.rec, bench.put(x), out, state=bench.state(1), activation="silu")
    got = bench.get(out)[0]
    assert np.all(np.abs(got[:4]) < 1e-4)  # -1e30: a bounded exponent leaves 1e30 * 1e-35
    np.testing.assert_allclose(
        got[4:], [2 * -20 / (1 + np.exp(20)), 0, 40, 176, 208, 2e4, 2e30], 1e-6
    )


@natively
def test_more_workgroups_than_one_dimension_has(bench: Bench) -> None:
    inner = 64 * bench.device.limits["maxComputeWorkgroupsPerDimension"] + 77
    x = np.zeros((1, 2 * inner), np.float32)
    x[0, inner - 1], x[0, -1], x[0, 0], x[0, inner] = 3, 5, 2, 4
    out = bench.put(np.ones((1, inner), np.float32))
    gate_mul(bench.rec, bench.put(x), out, state=bench.state(1), activation="silu")
    got = bench.get(out)[0]
    assert reference.nmse(got, reference.gate_mul(x, "silu")[0]) < 1e-12


def test_a_sigmoid_gate(bench: Bench) -> None:
    x, gate = normal(5, 37), np.concatenate([4 * normal(4, 37), np.full((1, 37), -1e30)])
    out = bench.put(x)
    sigmoid_gate(bench.rec, out, bench.put(gate.astype(np.float32)), state=bench.state(3))
    got = bench.get(out)
    want = x[:3] * (0.5 + 0.5 * np.tanh(0.5 * gate[:3]))
    assert reference.nmse(got[:3], want) < 1e-12
    assert np.array_equal(got[3:], x[3:])


def test_what_a_layer_has_of_all_inputs(bench: Bench) -> None:
    x, inputs = normal(5, 37), normal(5, 200)
    out = bench.put(x)
    layer_mul(bench.rec, out, bench.put(inputs), at=111, state=bench.state(3))
    got = bench.get(out)
    np.testing.assert_array_equal(got[:3], x[:3] * inputs[:3, 111:148])
    assert np.array_equal(got[3:], x[3:])


def test_a_scale(bench: Bench) -> None:
    x = normal(5, 37)
    out = bench.put(x)
    scale(bench.rec, out, bench.put(np.array([-0.3], np.float32)), state=bench.state(3))
    np.testing.assert_array_equal(bench.get(out)[:3], x[:3] * np.float32(-0.3))
    assert np.array_equal(bench.get(out)[3:], x[3:])


def test_a_copy(bench: Bench) -> None:
    x, out = normal(4 * 777), bench.put(np.zeros(4 * 777, np.float32))
    copy(bench.rec, bench.put(x), out)
    assert np.array_equal(bench.get(out), x)
