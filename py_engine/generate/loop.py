"""Generation: what is in the cache, what to prefill, steps ahead of the readback, when to stop.

Knows token ids only; text and its stop strings belong to the caller, who says when to end.
"""

import asyncio
import secrets
import struct
import time
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Sequence
from dataclasses import dataclass

from py_engine.base.errors import BadRequest, ContextFull
from py_engine.generate.pace import Pace
from py_engine.generate.programs import CHUNKS, SCORED, Programs
from py_engine.generate.sampling import Sampling
from py_engine.ops.sample import RING

_TOKEN = struct.Struct("<If")


@dataclass(frozen=True)
class Sampled:
    """A token and the natural logarithm of its probability under the adjusted logits."""

    id: int
    log_probability: float


class Sequencer:
    """The one conversation that a model's cache holds."""

    def __init__(self, programs: Programs, pace: Pace | None = None) -> None:
        self.programs = programs
        self._cached: list[int] = []
        self.prefilled = 0
        """Tokens that the last prompt had to compute: the rest was in the cache."""
        self.pace = pace or Pace()
        self._turn = asyncio.Lock()

    @property
    def context(self) -> int:
        return self.programs.context

    async def generate(self, prompt: Sequence[int], sampling: Sampling) -> AsyncGenerator[Sampled]:
        """Sample tokens after `prompt` until the caller stops asking or the context is full.

        The caller closes the iterator (`aclose`) to stop; steps that were already in flight are
        awaited and dropped, and their positions are free again. The next one waits for that.

        Raises:
            ContextFull: the prompt leaves no room for a reply.
        """
        if not prompt:
            raise BadRequest("prompt", "", "at least one token")
        if len(prompt) >= self.context:
            raise ContextFull(len(prompt), self.context)
        room = self.context - len(prompt)
        most = room if sampling.max_tokens is None else min(sampling.max_tokens, room)
        flight: deque[tuple[Awaitable[bytes], int, float]] = deque()
        await self._turn.acquire()
        try:
            seed = secrets.randbits(32) if sampling.seed is None else sampling.seed
            self.programs.begin(sampling, seed, prompt)
            at = await self._prefill(prompt)
            flight.append((self.programs.first(prompt[at:], at), 1, time.perf_counter()))
            submitted, received = 1, 0
            fed = list(prompt[at:])
            while received < most:
                while len(flight) < self.pace.steps_ahead():
                    # up to the ring's end, and no more under way than it holds
                    last = min(most, received + RING, submitted - submitted % RING + RING)
                    steps = min(self.pace.steps(), last - submitted)
                    if steps <= 0:
                        break
                    position = len(prompt) + submitted - 1
                    await self.programs.reach(position + 1, position + steps)
                    stepping = self.programs.steps(position, submitted, steps)
                    flight.append((stepping, steps, time.perf_counter()))
                    submitted += steps
                done, steps, begun = flight.popleft()
                data = await done
                seconds = self.pace.took(begun, time.perf_counter())
                if received:
                    self.pace.stepped(steps, seconds)
                for token, log_probability in _TOKEN.iter_unpack(data):
                    # A token is in the cache only after the step that takes it as input.
                    self._cached += fed
                    fed = [token]
                    received += 1
                    yield Sampled(token, log_probability)
        finally:
            try:
                await asyncio.gather(*(pending for pending, *_ in flight), return_exceptions=True)
            finally:
                self._turn.release()

    async def _prefill(self, prompt: Sequence[int]) -> int:
        """Bring all but the last chunk of the prompt into the cache; where that chunk begins."""
        at = self._keep(prompt)
        self.prefilled = len(prompt) - at
        flight: deque[tuple[Awaitable[bytes], Sequence[int], float]] = deque()
        while True:
            size = self.pace.chunk(CHUNKS)
            await self.programs.prepare(min(size, len(prompt) - at))
            if len(prompt) - at <= size:
                break
            chunk = prompt[at : at + size]
            flight.append((self.programs.chunk(chunk, at), chunk, time.perf_counter()))
            at += size
            while len(flight) >= self.pace.chunks_ahead(size):
                await self._chunk_done(*flight.popleft())
        await self.programs.reach(len(prompt))
        while flight:
            await self._chunk_done(*flight.popleft())
        return at

    async def _chunk_done(self, done: Awaitable[bytes], chunk: Sequence[int], begun: float) -> None:
        await done
        self._cached += chunk
        self.pace.prefilled(len(chunk), self.pace.took(begun, time.perf_counter()))

    def _keep(self, prompt: Sequence[int]) -> int:
        """Cut the cache to its longest common prefix with the prompt, its last token excepted."""
        shared = 0
        for cached, wanted in zip(self._cached, prompt[:-1], strict=False):
            if cached != wanted:
                break
            shared += 1
        del self._cached[shared:]
        return shared

    async def score(self, ids: Sequence[int], *, by_step: bool = False) -> AsyncGenerator[bytes]:
        """Logits after each token, (V,) f32 little-endian, from an empty cache.

        Args:
            by_step: one token at a time through decode's kernels, instead of prefill's.

        Raises:
            ContextFull: there are more tokens than the context holds.
        """
        if len(ids) > self.context:
            raise ContextFull(len(ids), self.context)
        self._cached = []
        row = 4 * self.programs.model.vocabulary
        for at in range(0, len(ids), 1 if by_step else SCORED):
            if by_step:
                await self.programs.reach(at + 1)
                logits = await self.programs.score_step(ids[at], at)
                self._cached.append(ids[at])
            else:
                chunk = ids[at : at + SCORED]
                await self.programs.prepare(len(chunk), scored=True)
                logits = await self.programs.score(chunk, at)
                self._cached += chunk
            for begin in range(0, len(logits), row):
                yield logits[begin : begin + row]
