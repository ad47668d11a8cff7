"""gated_delta against NumPy: any shape and number of tokens, decay, and what a call leaves."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from py_engine.gpu.tensor import Tensor
from py_engine.ops.delta import DeltaHeads, gated_delta
from tests import reference
from tests.gpu.conftest import Bench, natively

EPS = 1e-3
LIMIT = 1e-11
"""NMSE of f32 sums over a call."""
CASES = {
    "Qwen3.5's size, 2 value heads a key head": DeltaHeads(4, 2, 128),
    "as many key heads": DeltaHeads(3, 3, 64),
    "one head, size 8": DeltaHeads(1, 1, 8),
    "size 256": DeltaHeads(2, 1, 256),
    "size 40": DeltaHeads(4, 2, 40),
    "size 136": DeltaHeads(2, 2, 136),
}
RUNG_CASES = [
    *((rung, case) for rung in ("plain", "subgroups") for case in CASES),
    *((f"Chromium: {rung}", next(iter(CASES))) for rung in ("plain", "subgroups")),
]
BORDERS = [1, 2, 3, 63, 64, 65]
DECAYS = {"weak": (-0.001, -4.0), "strong": (-40.0, 4.0), "mixed": (-1.0, -1.0)}
"""a and dt of every head: g of about -2e-5, -160 and -0.3."""


@dataclass
class Layer:
    """One delta net's inputs of some tokens, as arrays."""

    bench: Bench
    heads: DeltaHeads
    x: np.ndarray
    """(T, heads.width), q, k and v as they are after the convolution."""
    rates: np.ndarray
    norm: np.ndarray
    memory: np.ndarray
    """(H, D, D): the state before the call."""

    def run(self, memory: Tensor, begin: int, n: int, *, rows: int, pos: int) -> Tensor:
        """Record a call of n tokens in a program for more; its output, 7 where not written."""
        put, heads = self.bench.put, self.heads
        x = np.full((rows, heads.width), np.nan, np.float32)
        x[:n] = self.x[begin : begin + n]
        qkv = x[:, : heads.mixed].copy()
        x[:, : heads.mixed] = np.nan  # before the convolution: not this kernel's
        out = put(np.full((rows, heads.H * heads.D), 7, np.float32))
        gated_delta(
            self.bench.rec,
            heads,
            put(qkv),
            put(x),
            out,
            memory=memory,
            rates=put(self.rates),
            norm=put(self.norm),
            state=self.bench.state(n, pos),
            eps=EPS,
        )
        return out

    def twin(self, n: int, *, pos: int) -> tuple[np.ndarray, np.ndarray]:
        """What the first n tokens should give, (n, H · D), and the memory after them."""
        heads = self.heads
        H, K, D = heads.H, heads.K, heads.D
        sizes = np.cumsum([K * D, K * D, H * D, H * D, H])
        parts = np.split(self.x[:n].astype(np.float64), sizes, axis=1)
        q, k, v, z = (part.reshape(n, -1, D) for part in parts[:4])
        alpha, beta = parts[4:]
        a, dt = self.rates.astype(np.float64)
        out, after = reference.gated_delta(
            reference.l2_norm(q, EPS) / np.sqrt(D),
            reference.l2_norm(k, EPS),
            v,
            decay=np.exp(a * np.logaddexp(0, alpha + dt)),
            beta=0.5 + 0.5 * np.tanh(0.5 * beta),
            memory=self.memory if pos else np.zeros_like(self.memory),
        )
        y = reference.rms_norm(out, self.norm, EPS) * reference.silu(z)
        return y.reshape(n, -1), after


def layer(bench: Bench, case: str, decay: str = "mixed", tokens: int = 70) -> Layer:
    heads = CASES[case]
    rng = np.random.default_rng(heads.D)

    def normal(*shape: int) -> np.ndarray:
        return rng.standard_normal(shape).astype(np.float32)

    return Layer(
        bench=bench,
        heads=heads,
        x=2 * normal(tokens, heads.width),
        rates=np.exp(0.3 * normal(2, heads.H)) * np.array(DECAYS[decay], np.float32)[:, None],
        norm=normal(heads.D),
        memory=normal(heads.H, heads.D, heads.D),
    )


def packed(memory: np.ndarray) -> np.ndarray:
    """The kernel's layout of (H, D keys, D values): (H, D/4, D, 4)."""
    heads, size, _ = memory.shape
    fours = memory.reshape(heads, size // 4, 4, size).transpose(0, 1, 3, 2)
    return np.ascontiguousarray(fours)


@pytest.mark.parametrize(("rung", "case"), RUNG_CASES, indirect=["rung"])
@pytest.mark.parametrize("pos", [0, 9])
def test_any_number_of_tokens(bench: Bench, case: str, pos: int) -> None:
    """At position 0 the memory is zeros, whatever it holds; rows of no token are left alone."""
    own = layer(bench, case)
    runs = []
    for n in (0, *BORDERS):
        before = packed(own.memory if pos else np.full_like(own.memory, np.nan))
        memory = bench.put(before)
        assert memory.shape == own.heads.memory
        runs.append((n, before, memory, own.run(memory, 0, n, rows=70, pos=pos)))
    for n, before, memory, out in runs:
        got, after = bench.get(out), bench.get(memory)
        assert np.all(got[n:] == 7)
        if n == 0:
            assert np.array_equal(after, before, equal_nan=True)
            continue
        want, want_after = own.twin(n, pos=pos)
        assert reference.nmse(got[:n], want) < LIMIT
        assert reference.nmse(after, packed(want_after)) < LIMIT


@natively
@pytest.mark.parametrize("decay", DECAYS)
def test_decay(bench: Bench, decay: str) -> None:
    """Weak: all is remembered; strong: next to nothing of one token is there at the next."""
    own = layer(bench, "as many key heads", decay)
    memory = bench.put(packed(own.memory))
    got = bench.get(own.run(memory, 0, 70, rows=70, pos=1))
    want, after = own.twin(70, pos=1)
    assert reference.nmse(got, want) < LIMIT
    assert reference.nmse(bench.get(memory), packed(after)) < LIMIT


@natively
@pytest.mark.parametrize("case", list(CASES)[:3])
def test_chunks_give_the_bits_of_single_steps(bench: Bench, case: str) -> None:
    total = sum(BORDERS)
    own = layer(bench, case, tokens=total)
    runs = []
    for sizes in (BORDERS, [1] * total):
        memory = bench.put(packed(np.full_like(own.memory, np.nan)))
        outs, at = [], 0
        for n in sizes:
            outs.append((n, own.run(memory, at, n, rows=n, pos=at)))
            at += n
        runs.append((np.concatenate([bench.get(out)[:n] for n, out in outs]), bench.get(memory)))
    for chunked, stepped in zip(*runs, strict=True):
        assert np.array_equal(chunked, stepped)
    assert reference.nmse(runs[0][0], own.twin(total, pos=0)[0]) < LIMIT


def test_gates_far_out_stay_finite(bench: Bench) -> None:
    own = layer(bench, "as many key heads", tokens=6)
    own.x[:, -2 * own.heads.H :] = np.array([-1e4, -90, -6, 19.9, 90, 1e4])[:, None]
    own.x[3, : own.heads.mixed] = 0  # a token of zeros
    own.x[5, own.heads.mixed : -2 * own.heads.H] = -1e4  # closed gates
    own = replace(own, rates=np.full_like(own.rates, -0.01))
    memory = bench.put(packed(own.memory))
    got = bench.get(own.run(memory, 0, 6, rows=6, pos=1))
    want, after = own.twin(6, pos=1)
    assert reference.nmse(got, want) < LIMIT
    assert reference.nmse(bench.get(memory), packed(after)) < LIMIT


def test_a_view_of_the_buffer_of_all_layers(bench: Bench) -> None:
    """A state is a part of one buffer; its neighbours are left alone."""
    own = layer(bench, "one head, size 8", tokens=3)
    rest = np.arange(192, dtype=np.float32)
    rest[64:128] = packed(own.memory).ravel()
    whole = bench.put(rest)
    view = Tensor(whole.handle, own.heads.memory, at=256)
    bench.get(own.run(view, 0, 3, rows=3, pos=1))
    got = bench.get(whole)
    assert np.array_equal(got[:64], rest[:64]) and np.array_equal(got[128:], rest[128:])
    _, after = own.twin(3, pos=1)
    assert reference.nmse(got[64:128], packed(after).ravel()) < LIMIT


def test_head_sizes_that_no_kernel_has(bench: Bench) -> None:
    own = layer(bench, "one head, size 8")
    memory = bench.put(packed(own.memory))
    for size in (4, 12, 264):
        heads = DeltaHeads(1, 1, size)
        wrong = replace(own, heads=heads, x=np.zeros((1, heads.width), np.float32))
        with pytest.raises(ValueError, match=f"not {size}"):
            wrong.run(memory, 0, 1, rows=1, pos=0)
