"""rms_norm against NumPy."""

import numpy as np
import pytest

from py_engine.ops.norm import rms_norm
from tests import reference
from tests.gpu.conftest import Bench

LIMIT = 1e-12
"""NMSE; measured 1e-15 to 1e-14."""


@pytest.mark.parametrize("width", [1, 31, 96, 128, 571, 4096])
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
