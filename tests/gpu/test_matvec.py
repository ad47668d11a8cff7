"""matvec against NumPy: every weight type, every option, every tiling."""

from itertools import product

import numpy as np
import pytest

from py_engine.formats.quants import QUANTS
from py_engine.ops.matmul import Tiling, matvec
from py_engine.ops.weight import Weight, allocate, repack
from tests import reference
from tests.blocks import dequantize, random_rows
from tests.gpu.conftest import CHROMIUM, Bench, natively, weights
from tests.shader_variants import RUNGS

EPS = 1e-5
LIMIT = 1e-11
"""NMSE. Measured 1e-15 to 1e-13: f32 sums on every rung."""


def matrix(bench: Bench, type: str, rows: int, columns: int) -> tuple[Weight, np.ndarray]:
    """A random weight on the device, and its values."""
    rng = np.random.default_rng(rows)
    raw = random_rows(type, rows, columns, rng, (-2.0, -1.0))
    weight = allocate(bench.memory, type, rows, columns, type)
    repack(bench.rec, weight, bench.put(raw), first_row=0, rows=rows)
    return weight, dequantize(type, raw)


def normal(*shape: int) -> np.ndarray:
    return np.random.default_rng(shape).standard_normal(shape).astype(np.float32)


@weights([*RUNGS, *CHROMIUM], ["subgroups"])
def test_types_with_norm_and_bias(bench: Bench, type: str) -> None:
    columns = QUANTS[type].block * 5 if QUANTS[type].block > 32 else 32 * 37
    weight, w = matrix(bench, type, 13, columns)
    x, g, b, before = normal(1, columns), normal(columns), normal(16), normal(20)
    out = bench.put(before)
    matvec(
        bench.rec,
        weight,
        bench.put(x),
        out,
        norm=bench.put(g),
        eps=EPS,
        bias=bench.put(b),
        out_at=3,
    )
    got = bench.get(out)
    want = reference.matmul(w, reference.rms_norm(x, g, EPS), b[3:])[0]
    assert reference.nmse(got[3:16], want) < LIMIT
    assert np.array_equal(got[:3], before[:3]) and np.array_equal(got[16:], before[16:])


@pytest.mark.parametrize(("activation", "gated"), [("gelu", True), ("relu2", False), ("", False)])
def test_activations_and_scale(bench: Bench, activation: str, gated: bool) -> None:
    weight, w = matrix(bench, "Q4_1", 22, 96)
    x, b, before = normal(1, 96), normal(22), normal(22)
    x_t, b_t, out = bench.put(x), bench.put(b), bench.put(before)
    options = {"gated": gated, "activation": activation}
    matvec(bench.rec, weight, x_t, out, bias=b_t, add=True, scale=0.22, **options)
    want = 0.22 * reference.matmul(w, x, b, **options)[0]
    want += before[: len(want)]
    assert reference.nmse(bench.get(out)[: len(want)], want) < LIMIT


@pytest.mark.parametrize(("norm", "bias", "gated"), list(product((False, True), repeat=3)))
def test_options(bench: Bench, norm: bool, bias: bool, gated: bool) -> None:
    weight, w = matrix(bench, "Q4_1", 22, 96)
    x, g, b, before = normal(1, 96), normal(96), normal(22), normal(22)
    x_t = bench.put(x)
    extra = {"norm": bench.put(g) if norm else None, "bias": bench.put(b) if bias else None}
    for add in (False, True):
        row = reference.rms_norm(x, g, 0.5) if norm else x  # an eps that is seen
        want = reference.matmul(w, row, b if bias else None, gated=gated)[0]
        out = bench.put(before)
        matvec(
            bench.rec,
            weight,
            x_t,
            out,
            eps=0.5,
            add=add,
            gated=gated,
            **extra,
        )
        got = bench.get(out)
        n = len(want)
        assert reference.nmse(got[:n], want + before[:n] if add else want) < LIMIT
        assert np.array_equal(got[n:], before[n:])


@pytest.mark.parametrize("gated", [False, True])
def test_scaled_rows(bench: Bench, gated: bool) -> None:
    """A scale and a bias for each row, of a part of a stack."""
    weight, w = matrix(bench, "NVFP4", 22, 128)
    x, b, before = normal(1, 128), normal(30, 2), normal(30)
    out, at = bench.put(before), 3 if gated else 6
    matvec(bench.rec, weight, bench.put(x), out, bias=bench.put(b), gated=gated, out_at=at)
    got, want = bench.get(out).copy(), reference.matmul(w, x, b[6:28], gated=gated)[0]
    assert reference.nmse(got[at : at + len(want)], want) < LIMIT
    got[at : at + len(want)] = before[at : at + len(want)]
    assert np.array_equal(got, before)


@pytest.mark.parametrize(
    "tiling",
    [(4, 16), (8, 2), (32, 4), (64, 1), (128, 2), (128, 4, 4), (128, 2, 2), (256, 4, 8)],
)
@pytest.mark.parametrize("columns", [256 * 5, 256 * 9])
def test_tilings(bench: Bench, tiling: tuple[int, ...], columns: int) -> None:
    library = bench.rec.library
    for type in ("Q6_K", "Q5_K"):
        weight, w = matrix(bench, type, 23, columns)
        x, g = normal(1, columns), normal(columns)
        out = bench.put(normal(23))
        library.tilings = {(type, columns): Tiling(*tiling)}
        try:
            matvec(
                bench.rec,
                weight,
                bench.put(x),
                out,
                norm=bench.put(g),
                eps=EPS,
            )
        finally:
            library.tilings = {}
        want = reference.matmul(w, reference.rms_norm(x, g, EPS))[0]
        assert reference.nmse(bench.get(out), want) < LIMIT


@pytest.mark.parametrize("tiling", [(32, 2, 8), (32, 4, 4), (64, 2, 4), (128, 2, 16)])
@pytest.mark.parametrize("gated", [False, True])
def test_teams(bench: Bench, tiling: tuple[int, ...], gated: bool) -> None:
    """Rows that are too short for all threads of a workgroup."""
    columns, library = 32 * 11, bench.rec.library
    if library.narrow and tiling[0] > 32:
        return
    weight, w = matrix(bench, "Q4_1", 46, columns)
    x, g, b = normal(1, columns), normal(columns), normal(46)
    out, before = bench.put(normal(46)), normal(46)
    library.tilings = {("Q4_1", columns): tiling}
    try:
        for norm in (None, bench.put(g)):
            options = {"bias": bench.put(b), "norm": norm, "eps": EPS, "gated": gated}
            out = bench.put(before)
            matvec(bench.rec, weight, bench.put(x), out, **options)
            row = x if norm is None else reference.rms_norm(x, g, EPS)
            want = reference.matmul(w, row, b, gated=gated)[0]
            got = bench.get(out)
            assert reference.nmse(got[: len(want)], want) < LIMIT
            assert np.array_equal(got[len(want) :], before[len(want) :])
    finally:
        library.tilings = {}


@natively
def test_more_workgroups_than_one_dimension_has(bench: Bench) -> None:
    rows = 4 * bench.device.limits["maxComputeWorkgroupsPerDimension"] + 9
    weight, w = matrix(bench, "Q4_0", rows, 32)
    x, out = normal(1, 32), bench.put(np.zeros(rows + 5, dtype=np.float32))
    matvec(bench.rec, weight, bench.put(x), out)
    got = bench.get(out)
    assert reference.nmse(got[:rows], reference.matmul(w, x)[0]) < LIMIT
    assert not got[rows:].any()


def test_gate_far_below_zero_is_zero(bench: Bench) -> None:
    raw = np.repeat([[-1000.0], [1.0]], 32, axis=1).astype(np.float32)
    weight = allocate(bench.memory, "F32", 2, 32, "gate and up")
    repack(bench.rec, weight, bench.put(raw.view(np.uint8)), first_row=0, rows=2)
    out = bench.put(np.full(1, 7.0, dtype=np.float32))
    ones = bench.put(np.ones((1, 32), dtype=np.float32))
    matvec(bench.rec, weight, ones, out, gated=True)
    assert abs(bench.get(out)[0]) < 1e-20


@pytest.mark.parametrize("gated", [False, True])
def test_bias_of_a_stack(bench: Bench, gated: bool) -> None:
    """Parts of different types share one bias: each finds its own rows of it."""
    x, b = normal(1, 96), normal(6 + 8 + 2)
    parts = [matrix(bench, type, rows, 96) for type, rows in (("Q8_0", 6), ("Q5_0", 8), ("F16", 2))]
    x_t, b_t = bench.put(x), bench.put(b)
    out = bench.put(normal(16))
    first = 0
    for weight, _ in parts:
        at = first // 2 if gated else first
        matvec(bench.rec, weight, x_t, out, bias=b_t, gated=gated, out_at=at)
        first += weight.rows
    want = reference.matmul(np.concatenate([w for _, w in parts]), x, b, gated=gated)[0]
    assert reference.nmse(bench.get(out)[: len(want)], want) < LIMIT
