"""Scales and biases of matrices, brought together as the rows of their stack want them."""

import numpy as np
import pytest

from py_engine.ops.matmul import scaled_bias
from tests import reference
from tests.gpu.conftest import Bench, natively


def normal(*shape: int) -> np.ndarray:
    return np.random.default_rng(shape).standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("in_turn", [False, True])
def test_rows_of_two_matrices(bench: Bench, in_turn: bool, after: bool) -> None:
    scales, bias, before = normal(3), normal(140), normal(150, 2)
    out = bench.put(before)
    inputs = bench.put(scales), bench.put(bias), out
    for which in range(2):
        first = 70 * which
        place = {"stride": 2, "offset": which} if in_turn else {"stride": 1, "offset": first}
        options = {"which": which + 1, "first": first, "rows": 70, "after": after}
        scaled_bias(bench.rec, *inputs, **options, **place)
    want = [reference.scaled_bias(scales[1 + i], bias[70 * i :][:70], after) for i in range(2)]
    got = bench.get(out)
    assert reference.nmse(got[:140], np.stack(want, in_turn).reshape(140, 2)) < 1e-14
    assert np.array_equal(got[140:], before[140:])


@natively
def test_more_workgroups_than_one_dimension_has(bench: Bench) -> None:
    rows = 64 * bench.device.limits["maxComputeWorkgroupsPerDimension"] + 77
    bias = np.arange(rows, dtype=np.float32)
    out = bench.put(np.zeros((rows, 2), np.float32))
    inputs = bench.put(np.array([0.5], np.float32)), bench.put(bias), out
    options = {"which": 0, "first": 0, "rows": rows, "stride": 1, "offset": 0}
    scaled_bias(bench.rec, *inputs, **options, after=True)
    assert np.array_equal(bench.get(out), reference.scaled_bias(0.5, bias, True))
