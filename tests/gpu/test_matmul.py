"""matmul against NumPy: every weight type, every option, every tile, and all the edges.

By subgroup matrices too, where a GPU has them: CI's does not.
"""

import asyncio

import numpy as np
import pytest

from py_engine.formats.quants import QUANTS
from py_engine.gpu.probe import probe
from py_engine.gpu.recorder import Library
from py_engine.ops import matmul as module
from py_engine.ops.matmul import matmul
from tests import reference
from tests.gpu.conftest import CHROMIUM, MATRIX_RUNG, Bench, read_shader, weights
from tests.gpu.test_matvec import matrix, normal
from tests.shader_variants import RUNGS

EVERY = [*RUNGS, *CHROMIUM, MATRIX_RUNG]
everywhere = pytest.mark.parametrize("rung", EVERY, indirect=True)

SHAPES = [
    (1, 1, 70),
    (5, 5, 64),
    (16, 9, 6),
    (17, 16, 130),
    (32, 32, 66),
    (64, 33, 14),
    (70, 67, 98),
]
"""Tokens that fit, tokens there are, rows: both sides of every tile's edge."""


def limit(bench: Bench) -> float:
    """NMSE. Measured 1e-13; halves have 11 bits."""
    return 1e-6 if bench.rung == MATRIX_RUNG else 1e-11


@weights(EVERY, ["plain", MATRIX_RUNG])
def test_types(bench: Bench, type: str) -> None:
    columns = QUANTS[type].block * 3 if QUANTS[type].block > 32 else 32 * 7
    weight, w = matrix(bench, type, 70, columns)
    x, before = normal(21, columns), normal(21, 80)
    out = bench.put(before)
    matmul(bench.rec, weight, bench.put(x), out, state=bench.state(19), out_at=5)
    got = bench.get(out)
    want = before.astype(np.float64)
    want[:19, 5:75] = reference.matmul(w, x[:19])
    assert reference.nmse(got[:19, 5:75], want[:19, 5:75]) < limit(bench)
    want[:19, 5:75] = got[:19, 5:75]
    assert np.array_equal(got, want), "wrote outside its rows"


@everywhere
@pytest.mark.parametrize(("tokens", "n", "rows"), SHAPES)
def test_shapes_and_options(bench: Bench, tokens: int, n: int, rows: int) -> None:
    weight, w = matrix(bench, "Q5_1", rows, 96)
    x, b, before = normal(tokens, 96), normal(rows), normal(tokens, rows)
    x_t, b_t, state = bench.put(x), bench.put(b), bench.state(n)
    for bias, add, gated in (
        (False, False, False), (True, False, False), (False, True, False), (False, False, True),
        (True, True, True),
    ):  # fmt: skip
        out = bench.put(before)
        matmul(
            bench.rec,
            weight,
            x_t,
            out,
            state=state,
            bias=b_t if bias else None,
            add=add,
            gated=gated,
        )
        got = bench.get(out)
        want = reference.matmul(w, x[:n], b if bias else None, gated=gated)
        width = want.shape[1]
        if add:
            want = want + before[:n, :width]
        assert reference.nmse(got[:n, :width], want) < limit(bench), (bias, add, gated)
        assert np.array_equal(got[n:], before[n:])
        assert np.array_equal(got[:n, width:], before[:n, width:])


@pytest.mark.parametrize(("activation", "gated"), [("gelu", True), ("relu2", False), ("", False)])
def test_activations_and_scale(bench: Bench, activation: str, gated: bool) -> None:
    weight, w = matrix(bench, "Q5_1", 40, 96)
    x, b, before = normal(3, 96), normal(40), normal(3, 40)
    x_t, b_t, out, state = bench.put(x), bench.put(b), bench.put(before), bench.state(3)
    options = {"gated": gated, "activation": activation}
    matmul(bench.rec, weight, x_t, out, state=state, bias=b_t, add=True, scale=0.22, **options)
    want = 0.22 * reference.matmul(w, x, b, **options)
    want += before[:, : want.shape[1]]
    assert reference.nmse(bench.get(out)[:, : want.shape[1]], want) < limit(bench)


@everywhere
@pytest.mark.parametrize("gated", [False, True])
def test_scaled_rows(bench: Bench, gated: bool) -> None:
    """A scale and a bias for each row, of a part of a stack."""
    weight, w = matrix(bench, "NVFP4", 40, 128)
    x, b, before = normal(5, 128), normal(50, 2), normal(5, 50)
    out, state, at = bench.put(before), bench.state(4), 3 if gated else 6
    x_t, b_t = bench.put(x), bench.put(b)
    matmul(bench.rec, weight, x_t, out, state=state, bias=b_t, gated=gated, out_at=at)
    got, want = bench.get(out).copy(), reference.matmul(w, x[:4], b[6:46], gated=gated)
    columns = slice(at, at + want.shape[1])
    assert reference.nmse(got[:4, columns], want) < limit(bench)
    got[:4, columns] = before[:4, columns]
    assert np.array_equal(got, before)


@everywhere
@pytest.mark.parametrize("columns", [96, 256])
def test_every_tile(bench: Bench, monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    """Those that only larger products take."""
    if bench.rec.library.narrow:
        pytest.skip("CPUs take no tiles")
    matrices = bench.rec.library.matrices
    weight, w = matrix(bench, "Q8_0", 150, columns)
    x = normal(160, columns)
    x_t, state, want = bench.put(x), bench.state(140), reference.matmul(w, x[:140])
    for size in module._MATRIX_TILES if matrices else module._TILES:
        if not matrices and bench.rec.library.shared_bytes < 128 * (sum(size) + 2):
            continue
        monkeypatch.setattr(module, "tile", lambda *_, size=size: size)
        out = bench.put(np.zeros((160, 150), dtype=np.float32))
        matmul(bench.rec, weight, x_t, out, state=state)
        got = bench.get(out)
        assert reference.nmse(got[:140], want) < limit(bench), size
        assert not got[140:].any(), size


@everywhere
def test_more_rows_than_a_dimension_has_workgroups(bench: Bench) -> None:
    """A large vocabulary on a CPU, whose kernel takes four rows a workgroup."""
    rec = bench.rec
    rec.library = Library(read_shader, bench.device)
    asyncio.run(probe(rec.library, bench.device))
    if not rec.library.narrow:
        pytest.skip("only a CPU with subgroups takes that kernel")
    rows = 4 * 65535 + 9
    weight, w = matrix(bench, "Q4_0", rows, 32)
    x = normal(3, 32)
    out = bench.put(np.zeros((3, rows), np.float32))
    matmul(rec, weight, bench.put(x), out, state=bench.state(3))
    assert rec.dispatches[-1].groups == (32769, 1, 2)
    assert reference.nmse(bench.get(out), reference.matmul(w, x)) < limit(bench)


@everywhere
def test_activations_beyond_f16(bench: Bench) -> None:
    weight, w = matrix(bench, "Q8_0", 64, 64)
    x = normal(3, 64) * 1e6
    out = bench.put(normal(3, 64))
    matmul(bench.rec, weight, bench.put(x), out, state=bench.state(3))
    if bench.rung == MATRIX_RUNG:
        x = np.clip(x, -65504, 65504)
    assert reference.nmse(bench.get(out), reference.matmul(w, x)) < limit(bench)


@everywhere
@pytest.mark.parametrize("gated", [False, True])
def test_bias_of_a_stack(bench: Bench, gated: bool) -> None:
    """Parts of different types share one bias: each finds its own rows of it."""
    x, b = normal(5, 96), normal(6 + 72 + 2)
    kinds = (("Q8_0", 6), ("Q5_0", 72), ("F16", 2))
    parts = [matrix(bench, type, rows, 96) for type, rows in kinds]
    x_t, b_t, state = bench.put(x), bench.put(b), bench.state(4)
    before = normal(5, 40 if gated else 80)
    out = bench.put(before)
    first = 0
    for weight, _ in parts:
        at = first // 2 if gated else first
        matmul(bench.rec, weight, x_t, out, state=state, bias=b_t, gated=gated, out_at=at)
        first += weight.rows
    want = reference.matmul(np.concatenate([w for _, w in parts]), x[:4], b, gated=gated)
    got = bench.get(out)
    assert reference.nmse(got[:4], want) < limit(bench)
    assert np.array_equal(got[4:], before[4:])
