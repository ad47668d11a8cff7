"""The sampler against NumPy: what it keeps, how often it draws it, and what it leaves behind."""

from dataclasses import dataclass

import numpy as np
import pytest

from py_engine.generate.sampling import Sampling
from py_engine.gpu.tensor import Tensor
from py_engine.ops.sample import GROUPS, IN_PROMPT, RING, STOPS, packed_stops, sample
from tests import reference
from tests.gpu.conftest import Bench

one_rung = pytest.mark.parametrize("rung", ["plain"], indirect=True)
"""The second half of the sampler has no variants: its statistics are taken once."""
ALL = {"temperature": 1.0, "top_k": 0, "top_p": 1.0, "min_p": 0.0}
"""Sampling from the logits as they are."""


@dataclass
class Sampler:
    """The buffers of one sampler."""

    bench: Bench
    logits: Tensor
    counts: Tensor
    tokens: Tensor
    ring: Tensor
    state: Tensor

    def start(self, seed: int, step: int = 0, pos: int = 0, n: int = 1) -> None:
        words = np.array([pos, n, step, seed], np.uint32)
        self.bench.device.write(self.state.handle, 0, words.tobytes())

    def drawn(self) -> tuple[np.ndarray, np.ndarray]:
        """The ring: token ids and log probabilities, (RING,) each."""
        ring = self.bench.get(self.ring)
        return ring[:, 0], ring[:, 1].view(np.float32)


def sampler(
    bench: Bench,
    logits: np.ndarray,
    sampling: Sampling,
    *,
    counts: np.ndarray | None = None,
    steps: int = 1,
    stops: list[int] | None = None,
) -> Sampler:
    """Record `steps` draws."""
    vocabulary = len(logits)
    bias = np.zeros(vocabulary, np.float32)
    for token, value in sampling.logit_bias.items():
        bias[token] = value
    own = Sampler(
        bench,
        logits=bench.put(logits.astype(np.float32)),
        counts=bench.put(np.zeros(vocabulary, np.uint32) if counts is None else counts),
        tokens=bench.put(np.full(3, 9, np.uint32)),
        ring=bench.put(np.zeros((RING, 2), np.uint32)),
        state=bench.state(1),
    )
    parts = bench.put(np.zeros((GROUPS, 3), np.uint32))
    bias_tensor = bench.put(bias)
    settings = bench.put(np.frombuffer(sampling.packed(), np.uint32))
    ending = None if stops is None else bench.put(np.frombuffer(packed_stops(stops), np.uint32))
    for _ in range(steps):
        sample(
            bench.rec,
            own.logits,
            parts,
            bias=bias_tensor,
            counts=own.counts,
            settings=settings,
            tokens=own.tokens,
            ring=own.ring,
            state=own.state,
            stops=ending,
        )
    return own


def draws(bench: Bench, logits: np.ndarray, sampling: Sampling, n: int) -> np.ndarray:
    """n draws, RING under each seed, from logits that sampling leaves as they are.

    So their scan, which costs most on a CPU, is done once, and its result drawn from repeatedly.
    """
    assert sampling.temperature == 1 and not sampling.penalises and not sampling.logit_bias
    own = sampler(bench, logits, sampling)
    own.drawn()  # compiles
    program = bench.device.record(bench.rec.dispatches[-1:] * RING)
    ids = []
    for seed in range(n // RING):
        own.start(seed)
        bench.device.submit([program])
        ids.append(own.drawn()[0])
    bench.device.drop(program)
    return np.concatenate(ids)


def spread(vocabulary: int, kept: int, step: float) -> np.ndarray:
    """Logits that fall by `step` from rank to rank over `kept` random ids; the rest far below."""
    rng = np.random.default_rng(vocabulary)
    logits = np.full(vocabulary, -27.0)
    logits[rng.permutation(vocabulary)[:kept]] = 3 - step * np.arange(kept)
    return logits.astype(np.float32)


GREEDY = {
    "one token": np.zeros(1),
    "all equal": np.full(571, -3.5),
    "ties": np.where(np.isin(np.arange(571), (570, 77, 311)), 5.0, -1e4),
    "extreme": np.where(np.arange(32003) == 32002, 1e4, -1e4),
    "ties across slices": np.where(np.isin(np.arange(32003), (501, 500, 1001)), 1e4, -1e4),
    "random": 3 * np.random.default_rng(0).standard_normal(32003),
    "large": 3 * np.random.default_rng(1).standard_normal(151936),
    "below zero": -1e4 - np.random.default_rng(2).random(97),
}


@pytest.mark.parametrize("case", GREEDY)
def test_greedy_is_argmax(bench: Bench, case: str) -> None:
    logits = GREEDY[case].astype(np.float32)
    own = sampler(bench, logits, Sampling(temperature=0))
    ids, log_probabilities = own.drawn()
    assert ids[0] == np.argmax(logits)  # the lowest of equal ones
    exact = logits.astype(np.float64)
    want = -np.log(np.exp(exact - exact.max()).sum())
    assert log_probabilities[0] == pytest.approx(want, rel=1e-6, abs=2e-6)
    assert np.array_equal(bench.get(own.logits), logits)


def test_what_a_step_leaves_behind(bench: Bench) -> None:
    counts = np.array([0, IN_PROMPT, 2, 5], np.uint32)
    own = sampler(bench, np.array([0, 9, 1, 2]), Sampling(temperature=0), counts=counts)
    own.start(seed=77, step=RING + 5, pos=40, n=12)
    ids, _ = own.drawn()
    assert ids[5] == 1 and not ids[:5].any() and not ids[6:].any()
    assert bench.get(own.state).tolist() == [52, 1, RING + 6, 77]
    assert bench.get(own.tokens).tolist() == [1, 9, 9]
    assert bench.get(own.counts).tolist() == [0, IN_PROMPT + 1, 2, 5]


@pytest.mark.parametrize("stops", [[2], [9, 8, 2, 7], [*range(9, 8 + STOPS), 2]])
def test_the_state_stops_at_the_end_of_a_reply(bench: Bench, stops: list[int]) -> None:
    """Greedy goes through the tokens in turn; from the third on no step has a token to compute."""
    sampling = Sampling(temperature=0, presence_penalty=50)
    own = sampler(bench, np.array([5.0, 4.0, 3.0, 2.0]), sampling, stops=stops)
    own.start(seed=3, pos=40, n=12)
    states = [bench.get(own.state).tolist()]
    program = bench.device.record(bench.rec.dispatches)
    for _ in range(4):
        bench.device.submit([program])
        states.append(bench.get(own.state).tolist())
    # positions count the tokens that were computed: the prompt's 12, then the first and the second
    assert [state[:3] for state in states] == [
        [52, 1, 1], [53, 1, 2], [54, 0, 3], [54, 0, 4], [54, 0, 5]
    ]  # fmt: skip
    assert bench.get(own.ring)[:3, 0].tolist() == [0, 1, 2]
    own.start(seed=3, step=5, pos=54, n=1)  # the host writes it anew; token 3 is drawn again
    bench.device.submit([program])
    assert bench.get(own.state).tolist()[:2] == [55, 1]


@one_rung
def test_no_token_ends_a_reply_unless_it_is_told(bench: Bench) -> None:
    for stops in (None, [], [1, 2]):
        own = sampler(bench, np.array([5.0, 4.0, 3.0]), Sampling(temperature=0), stops=stops)
        assert bench.get(own.state).tolist() == [1, 1, 1, 0]
    with pytest.raises(ValueError, match="65 tokens"):
        packed_stops(range(65))


ADJUSTED = {
    "temperature": Sampling(temperature=0.6),
    "coldest": Sampling(temperature=1e-9),
    "repetition": Sampling(temperature=1, repetition_penalty=1.7),
    "presence": Sampling(temperature=1, presence_penalty=0.8),
    "frequency": Sampling(temperature=1, frequency_penalty=-0.3),
    "bias": Sampling(temperature=1, logit_bias={0: -100.0, 96: 4.5}),
    "all": Sampling(
        temperature=1.9,
        repetition_penalty=0.8,
        presence_penalty=-0.5,
        frequency_penalty=0.25,
        logit_bias={3: 1.5, 20: -2.0},
    ),
    "greedy with penalties": Sampling(temperature=0, repetition_penalty=2, presence_penalty=3),
}


@pytest.mark.parametrize("case", ADJUSTED)
def test_penalties_bias_and_temperature(bench: Bench, case: str) -> None:
    sampling = ADJUSTED[case]
    rng = np.random.default_rng(5)
    logits = (3 * rng.standard_normal(97)).astype(np.float32)
    prompt, reply = rng.integers(0, 97, 30), rng.integers(0, 40, 25)
    counts = np.zeros(97, np.uint32)
    np.add.at(counts, reply, 1)
    counts[prompt] |= np.uint32(IN_PROMPT)
    assert set(prompt) & set(reply) and logits[reply].min() < 0 < logits[reply].max()
    own = sampler(bench, logits, sampling, counts=counts)
    ids, log_probabilities = own.drawn()
    floor = 1e-3  # the lowest temperature but 0
    want = reference.adjust(logits, sampling, prompt, reply)
    if case == "coldest":
        want = logits / np.float64(floor)
    np.testing.assert_allclose(bench.get(own.logits), want, rtol=2e-6, atol=2e-6)
    if sampling.temperature == 0:
        assert ids[0] == np.argmax(want)
    p = want - want.max()
    assert log_probabilities[0] == pytest.approx(
        p[ids[0]] - np.log(np.exp(p).sum()), rel=1e-6, abs=5e-5 if case == "coldest" else 5e-6
    )


CUTS = {
    "top-k": {"top_k": 7},
    "top-k of one": {"top_k": 1},
    "top-k of all": {"top_k": 97},
    "top-p": {"top_p": 0.9},
    "smallest top-p": {"top_p": 1e-9},
    "min-p": {"min_p": 0.1},
    "min-p of one": {"min_p": 1.0},
    "top-k, then top-p": {"top_k": 20, "top_p": 0.8},
    "top-k, and a min-p that cuts less": {"top_k": 10, "min_p": 0.1},
    "all three": {"top_k": 40, "top_p": 0.95, "min_p": 0.25},
}


@one_rung
@pytest.mark.parametrize("case", CUTS)
def test_kept_tokens(bench: Bench, case: str) -> None:
    """The tokens drawn in many draws are those that the twin keeps, the last one included."""
    logits, sampling = spread(97, 60, 0.04), Sampling(**{**ALL, **CUTS[case]})
    want = reference.kept(logits, sampling)
    kept = np.flatnonzero(want)
    n = RING * int(np.clip(12 / want[kept].min() / RING, 4, 40))
    ids = draws(bench, logits, sampling, n)
    possible = kept[want[kept] * n > 8]
    assert set(possible) <= set(ids) <= set(kept)
    assert len(kept) < 60 or len(possible) > 40


@one_rung
def test_equal_logits_are_kept_together(bench: Bench) -> None:
    logits = np.array([1.0, 2.0, 1.0, -3.0, 1.0])
    for cut in ({"top_k": 2}, {"top_p": 0.6}):
        ids = draws(bench, logits, Sampling(**{**ALL, **cut}), 4 * RING)
        assert set(ids) == {0, 1, 2, 4}


@one_rung
def test_cuts_in_a_large_vocabulary(bench: Bench) -> None:
    logits = spread(32003, 300, 0.01)
    order = np.argsort(-logits, kind="stable")
    ids = draws(bench, logits, Sampling(**{**ALL, "top_k": 9}), 3 * RING)
    assert set(ids) == set(order[:9])
    ids = draws(bench, logits, Sampling(**{**ALL, "top_k": 100, "top_p": 0.1}), 3 * RING)
    assert set(ids) == set(np.flatnonzero(reference.kept(logits, Sampling(top_k=100, top_p=0.1))))


@one_rung
@pytest.mark.parametrize("case", ["all", "top-k, then top-p"])
def test_draws_follow_the_distribution(bench: Bench, case: str) -> None:
    """Pearson's chi-square over tokens; 99.99 % of fair samplers are below the bound."""
    logits = spread(97, 24, 0.15)
    sampling = Sampling(**{**ALL, **CUTS.get(case, {})})
    want = reference.kept(logits, sampling)
    n = 64 * RING
    counts = np.bincount(draws(bench, logits, sampling, n), minlength=97)
    drawn = want * n > 5
    assert not counts[want == 0].any()
    chi_square = ((counts - want * n)[drawn] ** 2 / (want * n)[drawn]).sum()
    free = drawn.sum() - 1
    assert chi_square < free + 3.72 * np.sqrt(2 * free) + 10
    assert np.abs(counts / n - want).sum() / 2 < 0.03  # total variation; measured 0.01 to 0.02


@one_rung
def test_rare_tokens_come_as_often_as_they_should(bench: Bench) -> None:
    """The tail of the noise: one token of e^5.3, 200 of e^0, 0.5 of all draws."""
    logits = np.zeros(200)
    logits[123] = np.log(199)
    ids = draws(bench, logits, Sampling(**ALL), 32 * RING)
    assert np.mean(ids == 123) == pytest.approx(0.5, abs=0.045)
    assert len(set(ids)) > 190


def test_same_seed_same_tokens(bench: Bench) -> None:
    logits = spread(571, 300, 0.01)
    own = sampler(bench, logits, Sampling(**ALL), steps=6)
    first = own.drawn()[0][:6]
    program = bench.device.record(bench.rec.dispatches)
    runs = {}
    for seed in (0, 6, 0xFFFFFFFF):
        own.start(seed)
        bench.device.submit([program])
        runs[seed] = own.drawn()[0][:6]
    assert np.array_equal(runs[0], first)
    assert len({*runs[0], *runs[6], *runs[0xFFFFFFFF]}) > 15
    own.start(0, step=4)  # a step's noise does not depend on the steps before it
    bench.device.submit([program])
    assert np.array_equal(own.drawn()[0][4:6], first[4:])


def test_penalties_follow_the_reply(bench: Bench) -> None:
    """Each draw counts at once: a large penalty makes greedy go through the tokens in turn."""
    logits = np.array([5.0, 4.0, 3.0, 2.0])
    sampling = Sampling(temperature=0, presence_penalty=50)
    own = sampler(bench, logits, sampling)
    ids = [own.drawn()[0][0]]
    program = bench.device.record(bench.rec.dispatches)
    for step in range(1, 4):
        bench.device.write(own.logits.handle, 0, logits.astype(np.float32).tobytes())
        bench.device.submit([program])
        ids.append(own.drawn()[0][step])
    assert ids == [0, 1, 2, 3]
