"""Repacking, and reading back, of every weight type: equal to gguf-py bit for bit.

The reader is the embedding kernel, which writes a row's weights as they are dequantised.
"""

import numpy as np
import pytest

from py_engine.formats.codebooks import grid
from py_engine.formats.quants import QUANTS, SUPPORTED
from py_engine.gpu.recorder import Recorder
from py_engine.ops.embed import embed
from py_engine.ops.weight import Weight, allocate, plane_words, repack
from tests.blocks import dequantize, random_rows
from tests.gpu.conftest import CHROMIUM, Bench, weights
from tests.shader_variants import RUNGS

ODD = {type: QUANTS[type].block * 3 if QUANTS[type].block > 32 else 32 * 7 for type in SUPPORTED}
"""Columns: an odd number of blocks, so that rows begin in the middle of words."""


def rows_of(bench: Bench, weight: Weight) -> np.ndarray:
    """All rows of a weight as float32."""
    ids = bench.put(np.arange(weight.rows, dtype=np.uint32))
    out = bench.put(np.full((weight.rows, weight.columns), np.nan, dtype=np.float32))
    embed(bench.rec, weight, ids, out, state=bench.state(weight.rows))
    return bench.get(out)


@weights([*RUNGS, *CHROMIUM], ["plain", "Chromium: subgroups"])
def test_two_tensors_interleaved_from_pieces_are_gguf_pys_weights(bench: Bench, type: str) -> None:
    rng = np.random.default_rng(1)
    # Down to 1e-7: subnormal halves, as the scales of real Q6_K files often are.
    a = random_rows(type, 11, ODD[type], rng, (-7.0, -1.0))
    b = random_rows(type, 11, ODD[type], rng, (-7.0, 4.0))
    weight = allocate(bench.memory, type, 22, ODD[type], "a and b")
    for piece in (range(7), range(7, 11)):
        raw = bench.put(a[piece.start : piece.stop])
        repack(bench.rec, weight, raw, first_row=piece.start, rows=len(piece), row_stride=2)
    repack(bench.rec, weight, bench.put(b), first_row=0, rows=11, row_stride=2, row_offset=1)
    want = np.empty((22, ODD[type]), dtype=np.float32)
    want[0::2] = dequantize(type, a)
    want[1::2] = dequantize(type, b)
    assert np.array_equal(rows_of(bench, weight).view(np.uint32), want.view(np.uint32))


def test_stacked_tensors_keep_their_rows(bench: Bench) -> None:
    rng = np.random.default_rng(2)
    parts = [random_rows("Q5_0", n, 96, rng, (-2.0, 0.0)) for n in (5, 1, 3)]
    weight = allocate(bench.memory, "Q5_0", 9, 96, "q, k and v")
    for part, offset in zip(parts, (0, 5, 6), strict=True):
        repack(bench.rec, weight, bench.put(part), first_row=0, rows=len(part), row_offset=offset)
    want = np.concatenate([dequantize("Q5_0", part) for part in parts])
    assert np.array_equal(rows_of(bench, weight), want)


@pytest.mark.parametrize(
    ("type", "bits"),
    [
        ("F32", 32.0), ("F16", 16.0), ("BF16", 16.0), ("Q8_0", 8.5), ("Q4_0", 4.5), ("Q4_1", 5.0),
        ("Q5_0", 5.5), ("Q5_1", 6.0), ("Q4_K", 4.625), ("Q5_K", 5.625), ("Q6_K", 6.625),
        ("Q2_K", 2.625), ("Q3_K", 3.625), ("IQ4_NL", 4.5), ("IQ4_XS", 4.375), ("MXFP4", 4.25),
        ("NVFP4", 4.5), ("Q1_0", 1.125), ("Q2_0", 2.25), ("TQ1_0", 2.125), ("TQ2_0", 2.125),
        ("IQ1_S", 2.125), ("IQ1_M", 2.125), ("IQ2_XXS", 2.25), ("IQ2_XS", 2.375), ("IQ2_S", 2.625),
        ("IQ3_XXS", 3.25), ("IQ3_S", 3.5),
    ],
)  # fmt: skip
def test_bits_per_weight(type: str, bits: float) -> None:
    words, hi, sc = plane_words(type, 64, 4096)
    codebook = 8 * len(grid(type))
    assert (words * 32 - codebook) / (64 * 4096) == bits
    assert 0 < hi <= sc <= words


def test_what_does_not_fit_is_refused(bench: Bench) -> None:
    with pytest.raises(ValueError, match="multiple of 256"):
        plane_words("Q4_K", 8, 224)
    with pytest.raises(ValueError, match="multiple of 32"):
        plane_words("F32", 8, 40)
    weight = allocate(bench.memory, "Q8_0", 4, 32, "w")
    raw = bench.put(np.zeros((4, 34), dtype=np.uint8))
    rec = Recorder(bench.rec.library, bench.memory)
    with pytest.raises(ValueError, match="do not fit"):
        repack(rec, weight, raw, first_row=1, rows=4)
    with pytest.raises(ValueError, match="do not fit"):
        repack(rec, weight, bench.put(np.zeros((3, 34), dtype=np.uint8)), first_row=0, rows=4)
    assert not rec.dispatches
