"""rms_norm and qk_norm against NumPy."""

import numpy as np
import pytest

from py_engine.ops.attention import Heads
from py_engine.ops.norm import qk_norm, rms_norm
from tests import reference
from tests.gpu.conftest import Bench

LIMIT = 1e-12
"""NMSE; measured 1e-15 to 1e-14."""


@pytest.mark.parametrize("width", [4, 32, 96, 128, 1152, 4096])
@pytest.mark.parametrize("size", [1e-12, 1.0, 1e15])
def test_rows_of_any_length_and_size(bench: Bench, width: int, size: float) -> None:
    rng = np.random.default_rng(width)
    x = (size * rng.standard_normal((5, width))).astype(np.float32)
    weight = rng.standard_normal(width).astype(np.float32)
    before = rng.standard_normal((5, width)).astype(np.float32)
    out = bench.put(before)
    rms_norm(bench.rec, bench.put(x), bench.put(weight), out, state=bench.state(3), eps=0.25)
    got = bench.get(out)
    assert reference.nmse(got[:3], reference.rms_norm(x[:3], weight, 0.25)) < LIMIT
    assert np.array_equal(got[3:], before[3:])  # rows that are not of this call


def test_a_row_of_zeros_stays_zero(bench: Bench) -> None:
    x, out = bench.put(np.zeros((1, 96), np.float32)), bench.put(np.ones((1, 96), np.float32))
    weight = bench.put(np.ones(96, np.float32))
    rms_norm(bench.rec, x, weight, out, state=bench.state(1), eps=1e-6)
    assert not bench.get(out).any()


@pytest.mark.parametrize("weighted", [True, False])
def test_a_result_is_scaled_and_added(bench: Bench, weighted: bool) -> None:
    rng = np.random.default_rng(7)
    x, before = rng.standard_normal((2, 5, 300)).astype(np.float32)
    weight = rng.standard_normal(300).astype(np.float32) if weighted else None
    outs = [bench.put(before) for _ in range(2)]
    for out, add in zip(outs, (False, True), strict=True):
        gain = None if weight is None else bench.put(weight)
        state = bench.state(3)
        rms_norm(bench.rec, bench.put(x), gain, out, state=state, eps=0.25, add=add, scale=0.7)
    want = 0.7 * reference.rms_norm(x, 1.0 if weight is None else weight, 0.25)
    plain, added = (bench.get(out) for out in outs)
    assert reference.nmse(plain[:3], want[:3]) < LIMIT
    assert reference.nmse(added[:3], before[:3] + want[:3]) < LIMIT
    assert np.array_equal(plain[3:], before[3:]) and np.array_equal(added[3:], before[3:])


@pytest.mark.parametrize("heads", [Heads(6, 2, 64, 64, True), Heads(3, 1, 8, 8, True)])
def test_queries_and_keys_of_a_row(bench: Bench, heads: Heads) -> None:
    rng = np.random.default_rng(heads.H)
    columns = heads.H * heads.D, heads.K * heads.D
    sizes = np.repeat([10.0, 0.1, 1.0], (*columns, columns[1]))
    before = (sizes * rng.standard_normal((4, heads.width))).astype(np.float32)
    weight = rng.standard_normal(sum(columns)).astype(np.float32)
    qkv = bench.put(before)
    qk_norm(bench.rec, heads, qkv, bench.put(weight), state=bench.state(3), eps=0.01)
    got, want = bench.get(qkv), reference.qk_norm(before, weight, columns, 0.01)
    first, last = columns[0], sum(columns)
    for part in (slice(0, first), slice(first, last)):
        assert reference.nmse(got[:3, part], want[:3, part]) < LIMIT
    assert np.array_equal(got[:, last:], before[:, last:])
    assert np.array_equal(got[3:], before[3:])
