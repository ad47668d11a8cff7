"""Generation: what is in the cache, what to prefill, steps ahead of the readback, when to stop.

Knows token ids only; text and its stop strings belong to the caller, who says when to end.
"""

import asyncio
import secrets
import struct
import time
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Collection, Sequence
from dataclasses import dataclass
from typing import Self

from py_engine.base.errors import BadRequest, ContextFull
from py_engine.generate.pace import Pace
from py_engine.generate.programs import CHUNKS, SCORED, Programs
from py_engine.generate.sampling import Sampling
from py_engine.layers.state import COPIES
from py_engine.ops.sample import RING

_TOKEN = struct.Struct("<If")


@dataclass(frozen=True)
class Sampled:
    """A token and the natural logarithm of its probability under the adjusted logits."""

    id: int
    log_probability: float


_BEFORE_END = 16
"""Tokens before a prompt's end where recurrent states are copied. What a template writes last, to
have the model answer, is often not in the next prompt: a copy at the end would fit none."""


class Sequencer:
    """The one conversation that a model's cache holds.

    Keys and values of fewer tokens are those of more, cut off. A recurrent state is that of all
    tokens or of none: to go back, there are copies of it.
    """

    def __init__(self, programs: Programs, pace: Pace | None = None) -> None:
        self.programs = programs
        self.cached: list[int] = []
        """The tokens whose keys and values are in the cache."""
        self.prefilled = 0
        """Tokens that the last prompt had to compute: the rest was in the cache."""
        self.exact = True
        """Recurrent states are those after `cached`, and not further ahead."""
        self._copies: dict[int, int] = {}
        """How many of `cached` each copy of the states has seen, by its number; oldest first."""
        self.pace = pace or Pace()
        self.turn = asyncio.Lock()
        """Held while the cache is changed."""

    @property
    def context(self) -> int:
        return self.programs.context

    def generate(
        self, prompt: Sequence[int], sampling: Sampling, stops: Collection[int] = ()
    ) -> "Generation":
        """Sample tokens after `prompt`: `async with` it, and iterate over what that gives.

        Args:
            stops: tokens after which the caller asks for no more.

        Raises:
            ContextFull: the prompt leaves no room for a reply.
        """
        if not prompt:
            raise BadRequest("prompt", "", "at least one token")
        if len(prompt) >= self.context:
            raise ContextFull(len(prompt), self.context)
        return Generation(self, prompt, sampling, stops)

    async def prefill(self, prompt: Sequence[int]) -> int:
        """Bring all but the last chunk of the prompt into the cache; where that chunk begins."""
        at = await self._keep(prompt)
        self.prefilled = len(prompt) - at
        mark = len(prompt) - _BEFORE_END if self.programs.model.states else 0
        if mark <= at:
            mark = len(prompt)
        flight: deque[tuple[Awaitable[bytes], Sequence[int], float]] = deque()
        while True:
            size = self.pace.chunk(CHUNKS)
            chunk = prompt[at : min(at + size, mark)]
            await self.programs.prepare(len(chunk))
            if at + len(chunk) == len(prompt):
                break
            flight.append((self.programs.chunk(chunk, at), chunk, time.perf_counter()))
            at += len(chunk)
            while len(flight) >= self.pace.chunks_ahead(size):
                await self._chunk_done(*flight.popleft())
            if at == mark:
                await self._copy(at)
                mark = len(prompt)
        await self.programs.reach(len(prompt))
        while flight:
            await self._chunk_done(*flight.popleft())
        return at

    async def _chunk_done(self, done: Awaitable[bytes], chunk: Sequence[int], begun: float) -> None:
        await done
        self.cached += chunk
        self.pace.prefilled(len(chunk), self.pace.took(begun, time.perf_counter()))

    async def _keep(self, prompt: Sequence[int]) -> int:
        """Cut the cache to its longest prefix of the prompt, its last token excepted.

        Where a model has recurrent states, to the longest that they can go on from.
        """
        shared = 0
        for cached, wanted in zip(self.cached, prompt[:-1], strict=False):
            if cached != wanted:
                break
            shared += 1
        if self.programs.model.states and not (self.exact and shared == len(self.cached)):
            known = {number: seen for number, seen in self._copies.items() if seen <= shared}
            number = max(known, key=lambda number: known[number], default=None)
            shared = 0 if number is None else known[number]
            if number is not None:
                await self.programs.return_to(number)
            self._copies = known
        self.exact = False
        del self.cached[shared:]
        return shared

    async def _copy(self, seen: int) -> None:
        """Keep the states after `seen` tokens in place of the oldest copy."""
        number = next((i for i in range(COPIES) if i not in self._copies), None)
        if number is None:
            number = next(iter(self._copies))
            del self._copies[number]
        await self.programs.keep(number)
        self._copies[number] = seen

    async def score(self, ids: Sequence[int], *, by_step: bool = False) -> AsyncGenerator[bytes]:
        """Logits after each token, (V,) f32 little-endian, from an empty cache.

        Others have their turn between two chunks. If they used the cache, what was in it is
        computed again, so a caller who is slow, or left, stops nobody.

        Args:
            by_step: one token at a time through decode's kernels, instead of prefill's.

        Raises:
            ContextFull: there are more tokens than the context holds.
        """
        if len(ids) > self.context:
            raise ContextFull(len(ids), self.context)
        row = 4 * self.programs.model.vocabulary
        size = 1 if by_step else SCORED
        for at in range(0, len(ids), size):
            async with self.turn:
                kept = at if self.exact and self.cached == list(ids[:at]) else 0
                for begin in range(kept, at + size, size):
                    logits = await self._scored(ids[begin : begin + size], begin, by_step=by_step)
            for begin in range(0, len(logits), row):
                yield logits[begin : begin + row]

    async def _scored(self, chunk: Sequence[int], at: int, *, by_step: bool) -> bytes:
        del self.cached[at:]
        self._copies, self.exact = {}, False
        if by_step:
            await self.programs.reach(at + 1)
            logits = await self.programs.score_step(chunk[0], at)
        else:
            await self.programs.prepare(len(chunk), scored=True)
            logits = await self.programs.score(chunk, at)
        self.cached += chunk
        self.exact = True
        return logits


class Generation:
    """The tokens of one reply, until the caller stops asking or the context is full.

    The end of `async with` stops it: steps that are in flight are awaited and dropped, and their
    positions are free again. The next reply waits for that.

    This is no async generator, because the one who iterates is one. Python closes every generator
    that is left when the loop ends, all at once; the inner one of two would be closed by its outer
    one at the same time, which Python refuses.
    """

    def __init__(
        self,
        sequencer: Sequencer,
        prompt: Sequence[int],
        sampling: Sampling,
        stops: Collection[int],
    ) -> None:
        self._sequencer, self._programs = sequencer, sequencer.programs
        self._prompt, self._sampling, self._stops = prompt, sampling, stops
        room = sequencer.context - len(prompt)
        self._most = room if sampling.max_tokens is None else min(sampling.max_tokens, room)
        self._flight: deque[tuple[Awaitable[bytes], int, float]] = deque()
        self._ready: deque[tuple[int, float]] = deque()
        self._fed: list[int] = []
        self._submitted = self._received = self._given = 0
        self._last = -1

    async def __aenter__(self) -> Self:
        await self._sequencer.turn.acquire()
        try:
            sampling, prompt = self._sampling, self._prompt
            seed = secrets.randbits(32) if sampling.seed is None else sampling.seed
            self._programs.begin(sampling, seed, prompt, self._stops)
            at = await self._sequencer.prefill(prompt)
            self._fed = list(prompt[at:])
            self._submit(self._programs.first(self._fed, at), 1)
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        try:
            pending = [pending for pending, *_ in self._flight]
            results = await asyncio.gather(*pending, return_exceptions=True)
            # Else steps went on after the last token that was asked for.
            whole = self._given == self._submitted or self._last in self._stops
            failed = any(isinstance(result, BaseException) for result in results)
            self._sequencer.exact = bool(self._given) and whole and not failed
        finally:
            self._sequencer.turn.release()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Sampled:
        if not self._ready:
            if self._received == self._most:
                raise StopAsyncIteration
            await self._receive()
        token, log_probability = self._ready.popleft()
        self._given += 1
        self._last = token
        # A token is in the cache only after the step that takes it as input.
        self._sequencer.cached += self._fed
        self._fed = [token]
        return Sampled(token, log_probability)

    async def _receive(self) -> None:
        """Submit what may be in flight, then wait for the tokens of the oldest submit."""
        pace = self._sequencer.pace
        while len(self._flight) < pace.steps_ahead():
            # up to the ring's end, and no more under way than it holds
            ring = min(self._received, self._submitted - self._submitted % RING) + RING
            steps = min(pace.steps(), min(self._most, ring) - self._submitted)
            if steps <= 0:
                break
            position = len(self._prompt) + self._submitted - 1
            await self._programs.reach(position + 1, position + steps)
            self._submit(self._programs.steps(position, self._submitted, steps), steps)
        done, steps, begun = self._flight.popleft()
        data = await done
        seconds = pace.took(begun, time.perf_counter())
        if self._received:
            pace.stepped(steps, seconds)
        self._ready += _TOKEN.iter_unpack(data)
        self._received += steps

    def _submit(self, pending: Awaitable[bytes], steps: int) -> None:
        self._flight.append((pending, steps, time.perf_counter()))
        self._submitted += steps
