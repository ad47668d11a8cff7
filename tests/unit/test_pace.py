"""The pace on simulated GPUs: slow, far, and both, in time that passes only as tests let it."""

import asyncio
import selectors
from collections.abc import Awaitable, Coroutine, Sequence
from dataclasses import dataclass
from math import floor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from py_engine.generate import loop, programs
from py_engine.generate.loop import Sequencer
from py_engine.generate.pace import CHUNK_S, MOST_STEPS, SUBMIT_S, Pace
from py_engine.generate.programs import CHUNKS
from py_engine.generate.sampling import Sampling
from py_engine.gpu.device import Handle, Program
from py_engine.ops.sample import RING
from tests.unit.test_loop import Rig, ScriptedDevice, model  # noqa: F401

PROMPT, TOKENS = 512, 400


class Clock:
    """Time that passes only while an event loop waits."""

    now = 100.0

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        with asyncio.Runner(loop_factory=self._events) as runner:
            return runner.run(work)

    def _events(self) -> asyncio.AbstractEventLoop:
        selector = selectors.DefaultSelector()
        select = selector.select

        def wait(timeout: float | None = None) -> Any:
            self.now += timeout or 0.0
            return select(0)

        selector.select = wait  # type: ignore[method-assign]
        events = asyncio.SelectorEventLoop(selector)
        events.time = lambda: self.now  # type: ignore[method-assign]
        return events


@dataclass(frozen=True)
class Gpu:
    """Seconds of a step, of a token of a prompt, and of a result's way back.

    With `timer_s` they are looked for at its multiples only, as some browsers do.
    """

    step_s: float
    token_s: float
    way_s: float = 0.0
    timer_s: float = 0.0


class SimulatedDevice(ScriptedDevice):
    """One submit after the other, each for as long as its programs take."""

    def __init__(self, gpu: Gpu, clock: Clock) -> None:
        super().__init__()
        self.gpu, self.clock = gpu, clock
        self.free_at = 0.0
        self.submits: list[tuple[str, int, float]] = []
        """Of each submit the first program's kind, steps or tokens of the chunk, GPU seconds."""

    def read(
        self, handle: Handle, at: int, nbytes: int, programs: Sequence[Program] = ()
    ) -> Awaitable[bytes]:
        kinds = [str(self.keys[program]).partition(" ") for program in programs]
        steps = [kind for kind, _, _ in kinds].count("decode")
        tokens = sum(int(size) for kind, _, size in kinds if kind == "prefill")
        took = steps * self.gpu.step_s + tokens * self.gpu.token_s
        if kinds:
            self.submits.append((kinds[0][0], steps or tokens, took))
        self.free_at = max(self.free_at, self.clock.now) + took
        back_at = self.free_at + self.gpu.way_s
        if self.gpu.timer_s:
            back_at = (floor(back_at / self.gpu.timer_s + 1e-6) + 1) * self.gpu.timer_s
        events = asyncio.get_running_loop()
        back: asyncio.Future[None] = events.create_future()
        events.call_at(back_at, back.set_result, None)
        data = asyncio.ensure_future(super().read(handle, at, nbytes, programs))

        async def come() -> bytes:
            await back
            return await data

        return come()


class Simulation:
    """A model on a simulated GPU, loaded as the engine loads it."""

    def __init__(self, path: Path, gpu: Gpu, patch: pytest.MonkeyPatch) -> None:
        self.clock = Clock()
        time = SimpleNamespace(perf_counter=lambda: self.clock.now)
        patch.setattr(loop, "time", time)
        patch.setattr(programs, "time", time)
        self.device = SimulatedDevice(gpu, self.clock)
        self.rig = Rig(path, self.device)
        self.sequencer = self.clock.run(self._begin())

    async def _begin(self) -> Sequencer:
        pace = await Pace.measured(self.rig.programs.try_steps)
        return Sequencer(self.rig.programs, pace)

    def reply(self, prompt: int = PROMPT, tokens: int = TOKENS) -> float:
        """Tokens a second of a reply; the simulation remembers its submits only."""
        self.device.submits.clear()
        self.sequencer.cached.clear()
        self.clock.now += 1.037  # somebody types

        async def go() -> float:
            settings = Sampling(temperature=0, max_tokens=tokens)
            ids = [i % 500 for i in range(prompt)]
            first = 0.0
            async with self.sequencer.generate(ids, settings) as sampled:
                async for _ in sampled:
                    first = first or self.clock.now
            return (tokens - 1) / max(self.clock.now - first, 1e-9)

        return float(self.clock.run(go()))

    def sizes(self, kind: str) -> list[int]:
        """Steps, or tokens of a chunk, of each submit."""
        return [size for what, size, _ in self.device.submits if what == kind]

    def longest_s(self) -> float:
        return max(took for _, _, took in self.device.submits)


QUICK, SLOW = (0.003, 0.003 / 16), (0.09, 0.0055)
"""Seconds of a step and of a token of a prompt."""
WAYS = {
    "near": {},
    "near enough": {"way_s": 0.002},
    "far": {"way_s": 0.1},
    "by a timer": {"timer_s": 0.1},
}


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> dict[str, float]:
    """How results of a GPU come back."""
    return WAYS[request.param]


def test_the_way_back_is_not_the_gpu_s_time(
    model: Path,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    way: dict[str, float],
) -> None:
    """Submits are as long as without it, and so many are under way that the GPU stays busy."""
    simulation = Simulation(model, Gpu(*QUICK, **way), monkeypatch)
    for reply in range(3):
        assert simulation.reply() == pytest.approx(1 / QUICK[0], rel=0.05)
        assert min(simulation.sizes("prefill")) >= 256
        steps = simulation.sizes("decode")
        assert sorted(steps)[len(steps) // 2] == int(SUBMIT_S / QUICK[0])
        if "timer_s" not in way:
            assert max(steps) * QUICK[0] <= SUBMIT_S
        elif reply:  # the first results say little
            assert max(steps) * QUICK[0] <= 2 * SUBMIT_S


def test_a_slow_gpu_gets_short_submits(
    model: Path,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    way: dict[str, float],
) -> None:
    simulation = Simulation(model, Gpu(*SLOW, **way), monkeypatch)
    for _ in range(2):
        assert simulation.reply(tokens=60) == pytest.approx(1 / SLOW[0], rel=0.05)
        assert set(simulation.sizes("decode")) == {1}
        assert set(simulation.sizes("prefill")) == {CHUNKS[0]}
        assert simulation.longest_s() <= CHUNK_S
        assert simulation.device.most_waiting <= 4  # few steps to wait for when a reply is stopped


def test_a_way_without_any_work(
    model: Path,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The ring is what bounds it."""
    simulation = Simulation(model, Gpu(0.0, 0.0, way_s=0.1), monkeypatch)
    assert simulation.reply() == pytest.approx(RING / 0.1, rel=0.1)
    assert set(simulation.sizes("prefill")) == {CHUNKS[-1]}
    assert max(simulation.sizes("decode")) == MOST_STEPS


@pytest.mark.parametrize("pace", [SLOW, (1.0, 0.06)], ids=["a slow GPU", "a CPU"])
def test_a_way_that_was_measured_too_long_is_found_out(
    model: Path,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    pace: tuple[float, float],
) -> None:
    """By the first result that comes sooner; until then a chunk grows by one size at most."""
    simulation = Simulation(model, Gpu(*pace), monkeypatch)
    simulation.sequencer.pace = Pace(0.1)
    simulation.reply(tokens=20)
    assert max(simulation.sizes("prefill")) <= CHUNKS[1]
    simulation.reply(tokens=20)
    assert set(simulation.sizes("decode")) == {1}
    assert set(simulation.sizes("prefill")) == {CHUNKS[0]}
