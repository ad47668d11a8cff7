"""Which rows the embedding writes (test_weight.py has what they hold), and a chunk's last row."""

import numpy as np
import pytest

from py_engine.ops.embed import embed, embed_layers, take_last
from py_engine.ops.weight import allocate, repack
from tests import reference
from tests.blocks import dequantize, random_rows
from tests.gpu.conftest import Bench


def test_shards_write_their_tokens_and_leave_the_rest(bench: Bench) -> None:
    rng = np.random.default_rng(3)
    raw = random_rows("Q4_K", 9, 768, rng, (-3.0, -1.0))
    table = dequantize("Q4_K", raw)
    ids = np.array([8, 0, 4, 5, 5, 3, 9, 1], dtype=np.uint32)  # no shard holds row 9
    before = rng.standard_normal((8, 768)).astype(np.float32)
    out, tokens, state = bench.put(before), bench.put(ids), bench.state(7)
    for first, last in ((0, 4), (4, 9)):
        shard = allocate(bench.memory, "Q4_K", last - first, 768, "shard")
        repack(bench.rec, shard, bench.put(raw[first:last]), first_row=0, rows=last - first)
        embed(bench.rec, shard, tokens, out, state=state, first_row=first)
    want = before.copy()
    want[:6] = table[ids[:6]]
    assert np.array_equal(bench.get(out), want)


@pytest.mark.parametrize("kind", ["Q4_K", "IQ4_XS", "MXFP4"])
def test_inputs_of_all_layers(bench: Bench, kind: str) -> None:
    """Projections are normed a part each, rows of the table added, from the shard that has them."""
    rng, size, eps = np.random.default_rng(5), 256, 0.01
    raw = random_rows(kind, 9, 3 * size, rng, (-3.0, -1.0))
    ids = np.array([8, 0, 4, 5, 5, 3, 9, 1], dtype=np.uint32)  # no shard holds row 9
    before = rng.standard_normal((8, 3 * size)).astype(np.float32)
    norm = rng.standard_normal(size).astype(np.float32)
    inputs, tokens, state = bench.put(before), bench.put(ids), bench.state(7)
    weight = bench.put(norm)
    for first, last in ((0, 4), (4, 9)):
        shard = allocate(bench.memory, kind, last - first, 3 * size, "shard")
        repack(bench.rec, shard, bench.put(raw[first:last]), first_row=0, rows=last - first)
        options = {"state": state, "first_row": first, "scale": 16.0, "eps": eps}
        embed_layers(bench.rec, shard, tokens, weight, inputs, **options)
    got = bench.get(inputs)
    parts = reference.rms_norm(before[:6].reshape(6, 3, size), norm, eps)
    rows = 16 * dequantize(kind, raw)[ids[:6]].reshape(6, 3, size)
    assert reference.nmse(got[:6], ((parts + rows) / np.sqrt(2)).reshape(6, -1)) < 1e-12
    assert np.array_equal(got[6:], before[6:])


def test_the_last_row_comes_first(bench: Bench) -> None:
    before = np.random.default_rng(4).standard_normal((8, 300)).astype(np.float32)
    for n in (1, 2, 7):
        hidden, state = bench.put(before), bench.state(n, 40)
        take_last(bench.rec, hidden, state=state)
        got = bench.get(hidden)
        assert np.array_equal(got[0], before[n - 1]) and np.array_equal(got[1:], before[1:])
        assert bench.get(state)[:2].tolist() == [40 + n - 1, 1]
