"""The recorded programs of one model, and the few buffers that steer them.

Mechanism only: which program a step takes and what is written before it. What to generate and
when to stop is loop.py's business. There is a program for each class of shapes: decode by the
number of attention splits, prefill by the size of the chunk. What a step needs is built at
load, a prompt's after it or when it is first needed, since compilers of shaders are slow.
"""

import asyncio
import struct
import time
from array import array
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import suppress
from enum import StrEnum
from typing import NamedTuple

from py_engine.base.errors import InferaivedError
from py_engine.generate.sampling import Sampling
from py_engine.gpu.device import Dispatch, Program
from py_engine.gpu.recorder import Library, Recorder
from py_engine.gpu.tensor import Memory, Tensor
from py_engine.gpu.wgsl import Shader
from py_engine.layers.activations import Activations
from py_engine.layers.decoder import Decoder
from py_engine.ops.attention import SPAN, splits
from py_engine.ops.sample import (
    GROUPS,
    IN_PROMPT,
    RING,
    SETTINGS_BYTES,
    STOPS,
    packed_stops,
    sample,
)

CHUNKS = (16, 64, 256, 512)
"""Tokens of a prefill program; a chunk takes the smallest that holds it."""
_FIRST = 64
"""Tokens of the chunk that is built ahead of the others: most first prompts fit."""
SLOW_COMPILE_S = 3.0
"""Where a step's programs took longer, as on CPUs, the compiler is better left alone."""
SCORED = 16
"""Tokens of a scoring program: their logits are kept, all of them."""
Check = Callable[[Sequence[Shader]], Awaitable[bool]]
"""Sees shaders before they are used; True: it changed the library, so record anew."""


class Kind(StrEnum):
    """What a program computes, by its name for people."""

    DECODE = "decode"
    PREFILL = "prefill"
    LAST = "last"
    LOGITS = "logits"
    ALL_LOGITS = "all logits"
    SAMPLE = "sample"
    SAVE = "save"
    RESTORE = "restore"


class Key(NamedTuple):
    """One program: its kind and the class of shapes that it is for."""

    kind: Kind
    size: int = 0
    """Splits of attention (decode, last), tokens of a chunk (prefill), a copy's number; else 0."""

    @classmethod
    def of(cls, kind: Kind, *, positions: int = 1, tokens: int = 1) -> "Key":
        """The program for `tokens` tokens, of which the last sees `positions` with itself."""
        if kind in (Kind.DECODE, Kind.LAST):
            return cls(kind, splits(positions))
        if kind is Kind.PREFILL:
            return cls(kind, next(size for size in CHUNKS if size >= tokens))
        return cls(kind)

    def __str__(self) -> str:
        return f"{self.kind} {self.size}" if self.size else self.kind


_LOGITS, _SAMPLE = Key(Kind.LOGITS), Key(Kind.SAMPLE)


def step(positions: int) -> tuple[Key, Key, Key]:
    """The programs of a step of decoding whose token sees so many positions, itself included."""
    return Key.of(Kind.DECODE, positions=positions), _LOGITS, _SAMPLE


class Programs:
    """A model ready to run.

    Args:
        library: the shaders; None only makes the buffers, and nothing can be built.
        context: positions of the cache.
        check: sees each shader before its first use.
    """

    def __init__(
        self,
        model: Decoder,
        memory: Memory,
        library: Library | None,
        context: int,
        check: Check | None = None,
    ) -> None:
        self.model, self.memory, self.context = model, memory, context
        self.device = memory.device
        vocabulary = model.vocabulary
        self._act = Activations.allocate(memory, model.needs, model.width, CHUNKS[-1])
        self._logits = memory.tensor((vocabulary,), "logits")
        self._parts = memory.tensor((GROUPS, 3), "parts")
        self._bias = memory.tensor((vocabulary,), "bias")
        self._counts = memory.tensor((vocabulary,), "counts", "u32")
        self._settings = memory.tensor((SETTINGS_BYTES // 4,), "sampling", "u32")
        self._ring = memory.tensor((RING, 2), "ring", "u32")
        self._stops = memory.tensor((STOPS,), "stops", "u32") if model.states else None
        self._biased = False
        self._seed = 0
        self._recorders: dict[Key, Recorder] = {}
        self._programs: dict[Key, Program] = {}
        self._building = asyncio.Lock()
        self._ahead: asyncio.Future[None] | None = None
        self.compile_s = 0.0
        """How long those of a step took to build."""
        self._all_logits: Tensor | None = None
        self._library = library
        self._check = check

    @property
    def warnings(self) -> list[str]:
        """What was found not to work on this device as it should."""
        return self._library.warnings if self._library else []

    def _recorder(self, key: Key) -> Recorder:
        """A program's dispatches, recorded when they are first asked for."""
        rec = self._recorders.get(key)
        if rec:
            return rec
        assert self._library
        rec = self._recorders[key] = Recorder(self._library, self.memory)
        match key.kind:
            case Kind.DECODE:
                self.model.decode(rec, self._act.one(key.size))
            case Kind.PREFILL:
                self.model.prefill(rec, self._act.first(key.size))
            case Kind.LAST:
                self.model.last(rec, self._act, key.size)
            case Kind.LOGITS:
                self.model.logits(rec, self._act.one(), self._logits)
            case Kind.ALL_LOGITS:
                assert self._all_logits, "prepare comes first"
                self.model.logits_all(rec, self._act.first(SCORED), self._all_logits)
            case Kind.SAMPLE:
                self._record_sample(rec)
            case Kind.SAVE:
                assert self.model.states
                self.model.states.save(rec, key.size)
            case Kind.RESTORE:
                assert self.model.states
                self.model.states.restore(rec, key.size)
        return rec

    def _record_sample(self, rec: Recorder) -> None:
        sample(
            rec,
            self._logits,
            self._parts,
            bias=self._bias,
            counts=self._counts,
            settings=self._settings,
            tokens=self._act.tokens,
            ring=self._ring,
            state=self._act.state,
            stops=self._stops,
        )

    def recorded(self, key: Key) -> Sequence[Dispatch]:
        """The dispatches of a program."""
        return self._recorder(key).dispatches

    async def place(self, kind: Kind, position: int, tokens: int = 1) -> Key:
        """Give a program `tokens` tokens without a meaning; the last one is at `position`.

        Returns:
            The program's key; it is built.
        """
        at = max(position + 1 - tokens, 0)
        key = Key.of(kind, positions=position + 1, tokens=tokens)
        await self._build([key])
        self._feed([0] * tokens, at)
        return key

    async def compile(self) -> None:
        """Build what every reply begins with; errors of allocation come up here too.

        What most first prompts need is built after it, beside other work. A slow compiler builds
        all of it now, so that it never stops a reply in the middle.
        """
        begin = time.perf_counter()
        wide = self._library and not self._library.narrow
        aside = wide and self.device.compiles_aside
        if aside:  # it begins when the step's kernels are with the compiler
            self._ahead = asyncio.ensure_future(self._build_ahead([_prefill(_FIRST)]))
        await self._build([*_reaching(1), _LOGITS, _SAMPLE])
        self.compile_s = time.perf_counter() - begin
        if not aside or self.compile_s > SLOW_COMPILE_S:
            await self._build(self._longer())
        if wide and not aside and self.compile_s < SLOW_COMPILE_S:
            self._ahead = asyncio.ensure_future(self._build_ahead([_prefill(_FIRST)]))

    def build_ahead(self) -> None:
        """Go on with longer replies and prompts: the weights are there, and Python has time."""
        if self._ahead and self.device.compiles_aside and self.compile_s < SLOW_COMPILE_S:
            keys = [*self._longer(), *map(_prefill, CHUNKS)]
            self._ahead = asyncio.ensure_future(self._build_ahead(keys, self._ahead))

    def _longer(self) -> list[Key]:
        positions = (*range(1, self.context, SPAN), self.context)
        return list(dict.fromkeys(key for seen in positions for key in _reaching(seen)))

    async def reach(self, *positions: int) -> None:
        """Have the programs of steps, and of a prompt's last token, that see so many positions."""
        await self._build([key for seen in positions for key in _reaching(seen)])

    async def _build_ahead(
        self, keys: Sequence[Key], before: asyncio.Future[None] | None = None
    ) -> None:
        if before:
            await before
        with suppress(InferaivedError):  # who needs it meets it again
            await self._build(keys)

    async def settled(self) -> None:
        """Wait until nothing is built but what is asked for."""
        if self._ahead:
            await asyncio.wait([self._ahead])

    async def try_steps(self, count: int) -> float:
        """Seconds of so many steps, from submit to readback, before anything was generated.

        The weights are loaded, the programs built. Leaves something in the cache at position 0.
        """
        self._feed([0], 0)
        decode, logits, _ = step(1)
        programs = [self._programs[decode], self._programs[logits]] * count
        begin = time.perf_counter()
        await self.device.read(self._act.state.handle, 0, 16, programs)
        return time.perf_counter() - begin

    async def prepare(self, tokens: int, *, scored: bool = False) -> None:
        """Have the program for a chunk of `tokens` tokens, and for all its logits if `scored`."""
        await self._build([_prefill(tokens)])
        if scored and not self._all_logits:
            shape = (SCORED, self.model.vocabulary)
            self._all_logits = self.memory.tensor(shape, "logits of a chunk")
            await self._build([Key(Kind.ALL_LOGITS)])

    async def _build(self, keys: Sequence[Key]) -> None:
        missing = [key for key in keys if key not in self._programs]
        if not missing:
            return
        await self._compile(missing)  # beside what another task builds
        async with self._building:
            missing = [key for key in missing if key not in self._programs]
            shaders = await self._compile(missing)
            while self._check and await self._check(shaders):
                self._recorders.clear()
                shaders = await self._compile(missing)
            for key in missing:
                self._programs[key] = self.device.record(self._recorder(key).dispatches)

    async def _compile(self, keys: Sequence[Key]) -> list[Shader]:
        shaders = [d.shader for key in keys for d in self._recorder(key).dispatches]
        await self.device.compile(shaders)
        return shaders

    def trial(self) -> Sequence[Dispatch]:
        """A short step up to its logits, recorded with the library as it is, and not kept."""
        assert self._library
        rec = Recorder(self._library, self.memory)
        self.model.decode(rec, self._act.one())
        self.model.logits(rec, self._act.one(), self._logits)
        return rec.dispatches

    def rebuild(self) -> Awaitable[None]:
        """Record and build anew what is built, after the library was changed."""
        keys = list(self._programs)
        self.close()
        self._recorders.clear()
        return self._build(keys)

    def close(self) -> None:
        """Forget the programs; the buffers are the memory's."""
        if self._ahead:
            self._ahead.cancel()
        for program in self._programs.values():
            self.device.drop(program)
        self._programs.clear()

    async def keep(self, number: int) -> None:
        """Keep a copy of the recurrent states as they are after what was submitted."""
        await self._run(Key(Kind.SAVE, number))

    async def return_to(self, number: int) -> None:
        """Take a copy of the recurrent states back."""
        await self._run(Key(Kind.RESTORE, number))

    async def _run(self, key: Key) -> None:
        await self._build([key])
        self.device.submit([self._programs[key]])

    def begin(
        self, sampling: Sampling, seed: int, prompt: Sequence[int], stops: Collection[int] = ()
    ) -> None:
        """Make the sampler ready for a reply, which `stops` end."""
        self._seed = seed
        if self._stops:
            self.device.write(self._stops.handle, 0, packed_stops(stops))
        self.device.write(self._settings.handle, 0, sampling.packed())
        vocabulary = self.model.vocabulary
        if sampling.penalises:
            counts = array("I", bytes(4 * vocabulary))
            for token in prompt:
                counts[token] = IN_PROMPT
            self.device.write(self._counts.handle, 0, counts.tobytes())
        if sampling.logit_bias or self._biased:
            bias = array("f", bytes(4 * vocabulary))
            for token, value in sampling.logit_bias.items():
                bias[token] = value
            self.device.write(self._bias.handle, 0, bias.tobytes())
            self._biased = bool(sampling.logit_bias)

    def chunk(self, ids: Sequence[int], at: int) -> Awaitable[bytes]:
        """Submit tokens to the cache from position `at`; resolves when they are in it.

        `prepare` comes first.
        """
        self._feed(ids, at)
        return self.device.read(self._act.state.handle, 0, 16, [self._programs[_prefill(len(ids))]])

    def first(self, ids: Sequence[int], at: int) -> Awaitable[bytes]:
        """Submit the last chunk of a prompt and sample: (token, log probability) in 8 bytes.

        `prepare` and `reach` come first.
        """
        self._feed(ids, at)
        keys = (_prefill(len(ids)), _last(at + len(ids)), _LOGITS, _SAMPLE)
        return self._ring_slots(0, 1, [self._programs[key] for key in keys])

    def steps(self, at: int, index: int, count: int) -> Awaitable[bytes]:
        """Submit steps, from the token sampled last at position `at`: 8 bytes each, as `first`.

        `reach` comes first.

        Args:
            index: number of the first in its reply; the ring's end is not among them.
        """
        programs = []
        for position in range(at, at + count):
            programs += [self._programs[key] for key in step(position + 1)]
        return self._ring_slots(index, count, programs)

    def score(self, ids: Sequence[int], at: int) -> Awaitable[bytes]:
        """Submit up to SCORED tokens; their logits, (len(ids), V) f32."""
        self._feed(ids, at)
        assert self._all_logits, "prepare comes first"
        keys = (_prefill(len(ids)), Key(Kind.ALL_LOGITS))
        programs = [self._programs[key] for key in keys]
        nbytes = 4 * len(ids) * self.model.vocabulary
        return self.device.read(self._all_logits.handle, 0, nbytes, programs)

    def score_step(self, token: int, at: int) -> Awaitable[bytes]:
        """Submit one token the way decode does, after `reach`; its logits, (V,) f32."""
        self._feed([token], at)
        decode, logits, _ = step(at + 1)
        programs = [self._programs[decode], self._programs[logits]]
        return self.device.read(self._logits.handle, 0, self._logits.nbytes, programs)

    def _feed(self, ids: Sequence[int], at: int) -> None:
        self.device.write(self._act.tokens.handle, 0, array("I", ids).tobytes())
        state = struct.pack("<4I", at, len(ids), 0, self._seed)
        self.device.write(self._act.state.handle, 0, state)

    def _ring_slots(self, index: int, count: int, programs: Sequence[Program]) -> Awaitable[bytes]:
        return self.device.read(self._ring.handle, index % RING * 8, count * 8, programs)


def _reaching(positions: int) -> tuple[Key, Key]:
    """The programs for a token that sees so many positions: of a step, and a prompt's last."""
    return Key.of(Kind.DECODE, positions=positions), _last(positions)


def _last(positions: int) -> Key:
    return Key.of(Kind.LAST, positions=positions)


def _prefill(tokens: int) -> Key:
    return Key.of(Kind.PREFILL, tokens=tokens)
