"""The sequencer and its programs on a device that plays back a script instead of computing."""

import asyncio
import dataclasses
import struct
from collections.abc import Awaitable, Sequence
from pathlib import Path

import pytest

from py_engine.base.errors import BadRequest, ContextFull
from py_engine.engine import CONTEXT
from py_engine.formats.gguf import read_gguf
from py_engine.generate.loop import Sequencer
from py_engine.generate.pace import AHEAD, Pace
from py_engine.generate.programs import CHUNKS, Programs
from py_engine.generate.sampling import Sampling
from py_engine.gpu.device import Handle, Program
from py_engine.gpu.dry import DryDevice
from py_engine.gpu.recorder import Library
from py_engine.gpu.tensor import Memory
from py_engine.hosts.files import open_sources
from py_engine.models import built
from tests import fixtures
from tests.unit.test_recorder import read

GREEDY = Sampling(temperature=0, seed=1)


class ScriptedDevice(DryDevice):
    """Remembers what is fed and submitted; the i-th sampled token is 100 + i.

    `waiting` counts reads that were submitted and not yet awaited.
    """

    def __init__(self) -> None:
        super().__init__()
        self.log: list[tuple[object, ...]] = []
        self.keys: dict[Program, object] = {}
        self.state: Handle = 0
        self.ring: Handle = 0
        self.waiting = self.most_waiting = 0
        self._sampled = 0

    def write(self, handle: Handle, at: int, data: bytes) -> None:
        super().write(handle, at, data)
        if handle == self.state:
            pos, n, step, seed = struct.unpack("<4I", data)
            assert step == 0
            self.log.append(("feed", pos, n))
            self.seed = seed

    def read(
        self, handle: Handle, at: int, nbytes: int, programs: Sequence[Program] = ()
    ) -> Awaitable[bytes]:
        self.log.append(("run", *(self.keys[program] for program in programs), at // 8))
        self.waiting += 1
        self.most_waiting = max(self.most_waiting, self.waiting)
        data = bytes(nbytes)
        if handle == self.ring:
            first = 100 + self._sampled
            self._sampled += nbytes // 8
            tokens = range(first, 100 + self._sampled)
            data = b"".join(struct.pack("<If", token, -0.5) for token in tokens)
        return self._later(data)

    async def _later(self, data: bytes) -> bytes:
        await asyncio.sleep(0)
        self.waiting -= 1
        return data

    def restart(self) -> None:
        """Forget the log and count tokens from the start."""
        self.log.clear()
        self._sampled = 0

    def of(self, kind: str) -> list[tuple[object, ...]]:
        return [entry[1:] for entry in self.log if entry[0] == kind]


class Rig:
    """A sequencer over a model of one layer, with a context of 1024 positions."""

    def __init__(self, path: Path, device: ScriptedDevice | None = None) -> None:
        self.device = device or ScriptedDevice()
        memory = Memory(self.device)
        (source,) = open_sources(str(path))
        try:
            gguf = asyncio.run(read_gguf(source))
        finally:
            source.close()
        model, context = built(gguf, memory, None, usual=CONTEXT)
        self.programs = Programs(model, memory, Library(read, self.device), context)
        asyncio.run(self._ready())
        self.sequencer = Sequencer(self.programs)
        self.pace(step_s=1.0, token_s=1e-4)

    def pace(self, *, step_s: float, token_s: float) -> None:
        """Fix what was measured: the scripted device takes no time."""
        pace = self.sequencer.pace = Pace()
        pace.stepped(1, step_s)
        pace.prefilled(CHUNKS[-1], CHUNKS[-1] * token_s)
        pace.stepped = pace.prefilled = lambda *measured: None  # type: ignore[method-assign]

    async def _ready(self) -> None:
        await self.programs.compile()
        for tokens in CHUNKS:
            await self.programs.prepare(tokens, scored=True)
        self.device.keys = {program: str(key) for key, program in self.programs._programs.items()}
        self.device.state = self.programs._act.state.handle
        self.device.ring = self.programs._ring.handle

    def generate(
        self, prompt: Sequence[int], sampling: Sampling = GREEDY, *, take: int = 10**9
    ) -> list[int]:
        """Up to `take` tokens, then the iterator is closed."""

        async def go() -> list[int]:
            ids: list[int] = []
            async with self.sequencer.generate(prompt, sampling) as tokens:
                async for token in tokens:
                    ids.append(token.id)
                    assert token.log_probability == -0.5
                    if len(ids) == take:
                        break
            return ids

        self.device.restart()
        ids = asyncio.run(go())
        assert self.device.waiting == 0  # steps ahead are awaited, whoever ends the reply
        assert self.device.most_waiting <= AHEAD
        return ids


async def first_of(rig: Rig, prompt: Sequence[int]) -> int:
    """The first token of a reply that is left then."""
    async with rig.sequencer.generate(prompt, GREEDY) as tokens:
        return (await anext(tokens)).id


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small model with a long context."""
    patch = pytest.MonkeyPatch()
    shape = dataclasses.replace(fixtures.MODELS["qwen2"], layers=1, context=1024)
    patch.setitem(fixtures.MODELS, "long", shape)
    path = fixtures.write(tmp_path_factory.mktemp("loop") / "m.gguf", "long", "Q4_0").path
    patch.undo()
    return path


@pytest.fixture
def rig(model: Path) -> Rig:
    return Rig(model)


def test_a_prompt_then_steps(rig: Rig) -> None:
    ids = rig.generate([1, 2, 3, 4, 5], Sampling(max_tokens=3, seed=9))
    assert ids == [100, 101, 102]
    assert rig.device.of("feed") == [(0, 5)] and rig.device.seed == 9
    assert rig.device.of("run") == [
        ("prefill 16", "last 1", "logits", "sample", 0),
        ("decode 1", "logits", "sample", 1),
        ("decode 1", "logits", "sample", 2),
    ]  # no step beyond max_tokens


def test_a_long_prompt_goes_in_chunks(rig: Rig) -> None:
    prompt = list(range(570)) + list(range(30))
    rig.pace(step_s=1.0, token_s=0.09 / 256)
    rig.generate(prompt, take=1)
    assert rig.device.of("feed") == [(0, 256), (256, 256), (512, 88)]
    assert [run[0] for run in rig.device.of("run")][:3] == ["prefill 256"] * 3
    rig.pace(step_s=1.0, token_s=1e-5)
    rig.generate([3, *prompt], take=1)
    assert rig.device.of("feed") == [(0, 512), (512, 89)]
    for length, size in ((1, 16), (16, 16), (17, 64), (64, 64), (65, 256), (256, 256)):
        rig.generate([500 - length, *range(length - 1)], take=1)
        assert rig.device.of("feed") == [(0, length)]
        assert rig.device.of("run")[0][0] == f"prefill {size}"


def test_splits_follow_the_position(rig: Rig) -> None:
    rig.generate(list(range(254)), Sampling(max_tokens=5))
    assert [run[0] for run in rig.device.of("run")[1:]] == [
        "decode 1",  # position 254
        "decode 1",  # position 255, the 256th
        "decode 8",
        "decode 8",
    ]


def test_the_ring_wraps(rig: Rig) -> None:
    ids = rig.generate([7], Sampling(max_tokens=70))
    assert ids == list(range(100, 170))
    assert [run[-1] for run in rig.device.of("run")] == [i % 64 for i in range(70)]


def test_a_shared_prefix_is_not_computed_again(rig: Rig) -> None:
    rig.generate(list(range(40)), Sampling(max_tokens=3))
    # 40 of the prompt and two of the reply, 100 and 101, are cached; 102 never was an input
    rig.generate([*range(40), 100, 101, 102, 5], take=1)
    assert rig.device.of("feed") == [(42, 2)] and rig.sequencer.prefilled == 2
    rig.generate([*range(30), 9, 9], take=1)
    assert rig.device.of("feed") == [(30, 2)]
    rig.generate([*range(30), 9, 9], take=1)  # all cached, yet its last token is needed
    assert rig.device.of("feed") == [(31, 1)]
    rig.generate(list(range(10)), take=1)
    assert rig.device.of("feed") == [(9, 1)]
    rig.generate([8, 8], take=1)
    assert rig.device.of("feed") == [(0, 2)]


def test_steps_ahead_are_dropped_and_their_positions_free(rig: Rig) -> None:
    assert rig.generate(list(range(20)), take=2) == [100, 101]
    assert 2 <= len(rig.device.of("run")) <= 2 + AHEAD
    # 101 may be in the cache by a step ahead, but nobody asked for what follows it
    rig.generate([*range(20), 100, 101, 6], take=1)
    assert rig.device.of("feed") == [(21, 2)]


def test_a_step_is_tried_before_anything_is_generated(rig: Rig) -> None:
    rig.device.restart()
    assert asyncio.run(rig.programs.try_steps(2)) >= 0
    assert asyncio.run(rig.programs.try_steps(0)) >= 0
    assert rig.device.of("feed") == [(0, 1)] * 2
    assert rig.device.of("run") == [("decode 1", "logits") * 2 + (0,), (0,)]
    rig.generate([1, 2], take=1)
    assert rig.device.of("feed") == [(0, 2)]  # what it left in the cache counts for nothing


def test_short_steps_travel_together(rig: Rig) -> None:
    rig.pace(step_s=0.0021, token_s=1e-4)
    ids = rig.generate(list(range(250)), Sampling(max_tokens=65))
    assert ids == list(range(100, 165))
    runs = rig.device.of("run")
    kinds = [[word for word in run[:-1] if str(word).startswith("decode")] for run in runs[1:]]
    assert kinds[:3] == [["decode 1"] * 3, ["decode 1"] * 3, ["decode 8"] * 3]
    # the ring of 64 begins anew with a submit, and nothing is computed beyond max_tokens
    assert [run[-1] for run in runs] == [*(0, 1, 4, 7), *range(10, 64, 3), 0]
    assert sum(map(len, kinds)) == 64
    # an end in the midst of a submit leaves only what was asked for
    assert rig.generate([5, 6], take=3) == [100, 101, 102]
    rig.generate([5, 6, 100, 101, 102, 9], take=1)
    assert rig.device.of("feed") == [(4, 2)]


def test_the_pace_follows_what_was_measured() -> None:
    pace = Pace()
    assert (pace.steps(), pace.chunk(CHUNKS)) == (1, 16)
    for step_s, steps, chunk in ((0.3, 1, 16), (0.02, 1, 64), (0.002, 4, 512), (1e-9, 8, 512)):
        pace = Pace()
        pace.stepped(2, 2 * step_s)
        assert (pace.steps(), pace.chunk(CHUNKS)) == (steps, chunk)
    pace.prefilled(64, 0.064)
    assert pace.chunk(CHUNKS) == 64  # 256 would take 0.256 s


def test_nothing_is_cached_but_what_was_awaited(rig: Rig) -> None:
    """A task cancelled while its prompt is computed leaves no claim on the cache."""

    async def cancelled() -> None:
        task = asyncio.ensure_future(first_of(rig, [1, 2, 3]))
        while not rig.device.of("run"):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    rig.device.restart()
    asyncio.run(cancelled())
    rig.device.waiting = rig.device.most_waiting = 0  # the cancelled read
    rig.generate([1, 2, 3, 4], take=1)
    assert rig.device.of("feed") == [(0, 4)]
    rig.generate([1, 2, 3, 4], take=1)
    assert rig.device.of("feed") == [(3, 1)]


def test_a_second_reply_waits_for_the_first(rig: Rig) -> None:
    """What both write to the GPU would mix."""

    async def go() -> tuple[int, int]:
        async with rig.sequencer.generate([5, 6], GREEDY) as first:
            await anext(first)
            waiting = asyncio.ensure_future(first_of(rig, [5, 7]))
            for _ in range(5):
                await asyncio.sleep(0)
            assert not waiting.done()
            fed = len(rig.device.of("feed"))
        await waiting
        return fed, len(rig.device.of("feed"))

    rig.device.restart()
    assert asyncio.run(go()) == (1, 2)


def test_the_context_ends_a_reply(rig: Rig) -> None:
    prompt = [i % 600 for i in range(1020)]
    assert len(rig.generate(prompt)) == 4
    assert len(rig.generate(prompt, Sampling(max_tokens=2))) == 2
    assert len(rig.generate(prompt[:1] * 1023)) == 1
    for length in (1024, 1025, 5000):
        with pytest.raises(ContextFull, match="1024"):
            rig.generate([1] * length)
    with pytest.raises(BadRequest):
        rig.generate([])


def test_a_seed_is_drawn_where_none_is_given(rig: Rig) -> None:
    seeds = set()
    for _ in range(4):
        rig.generate([1, 2], Sampling(), take=1)
        seeds.add(rig.device.seed)
    assert len(seeds) == 4


def test_scoring_goes_from_an_empty_cache(rig: Rig) -> None:
    row = 4 * rig.programs.model.vocabulary

    async def rows(ids: Sequence[int], by_step: bool) -> list[int]:
        return [len(r) async for r in rig.sequencer.score(ids, by_step=by_step)]

    rig.generate(list(range(40)), take=1)
    rig.device.restart()
    assert asyncio.run(rows(list(range(40)), False)) == [row] * 40
    assert rig.device.of("feed") == [(0, 16), (16, 16), (32, 8)]
    assert {run[1] for run in rig.device.of("run")} == {"all logits"}
    rig.device.restart()
    assert asyncio.run(rows([3, 4, 5], True)) == [row] * 3
    assert rig.device.of("feed") == [(0, 1), (1, 1), (2, 1)]
    assert {run[:2] for run in rig.device.of("run")} == {("decode 1", "logits")}
    rig.generate([3, 4, 5, 6], take=1)  # what was scored is cached
    assert rig.device.of("feed") == [(3, 1)]
    with pytest.raises(ContextFull):
        asyncio.run(rows([1] * 1025, False))


@pytest.mark.parametrize("by_step", [False, True])
def test_scoring_gives_others_their_turn(rig: Rig, by_step: bool) -> None:
    """A caller who does not go on keeps nobody waiting; what a reply overwrote is scored again."""
    size = 1 if by_step else 16

    async def go() -> int:
        rows = rig.sequencer.score(list(range(3 * size)), by_step=by_step)
        for _ in range(size + 1):
            await anext(rows)
        assert rig.device.of("feed") == [(0, size), (size, size)]
        assert await asyncio.wait_for(first_of(rig, [7, 7]), 5) == 100
        rig.device.restart()
        return size + 1 + len([row async for row in rows])

    rig.device.restart()
    assert asyncio.run(go()) == 3 * size
    assert rig.device.of("feed") == [(0, size), (size, size), (2 * size, size)]


def test_closing_drops_the_programs(rig: Rig) -> None:
    assert rig.device.programs
    rig.programs.close()
    assert not rig.device.programs
