"""Find matvec's tiling for this device: a short trial at the first load, kept for the next ones.

For each weight type and number of columns in a step of decoding, some tilings are timed as
generate/profile.py times kernels; the fastest that gives right results is taken if it gains
enough, and is written down under the adapter and the shader's text. Knows no place to keep it:
hosts do. What is kept is not tried again, so that a model runs the same from then on.
"""

import json
import time
from collections.abc import Awaitable, Iterable
from functools import cached_property
from typing import Literal, Protocol
from zlib import crc32

from py_engine.generate.profile import replay_seconds
from py_engine.generate.programs import SLOW_COMPILE_S, Programs
from py_engine.generate.selfcheck import SelfCheck
from py_engine.gpu.device import Device, Dispatch
from py_engine.gpu.recorder import Library
from py_engine.ops.weight import weight_type

Key = tuple[str, int]
"""A weight's type and columns."""
Tiling = tuple[int, ...]
"""Threads, rows and teams, as ops/matmul.py has them; () is what it takes untuned."""

Tune = bool | Literal["again"]
"""What a caller may ask of a load: "again" forgets what is kept."""

CANDIDATES: tuple[Tiling, ...] = (
    (128, 4, 4), (128, 4, 2), (32, 8, 1), (128, 2, 4), (128, 2, 2),
    (256, 2, 4), (128, 4, 16), (64, 2, 2), (32, 2, 1),
)  # fmt: skip
"""The likeliest first, for the time may be over before all are tried."""
_BUDGET_S = 1.0
_SLOWEST_STEP_S = 0.05
"""Where a step of decoding took longer, or its pipelines do, a trial would too: there is none."""
_SHORT_S, _LONG_S = 0.004, 0.02
"""How long a tiling runs to be compared with others, and at last with the default."""
_GAIN = 0.95
"""A tiling must take less than this share of the default's time."""


class Tunings(Protocol):
    """A place where texts are kept from load to load; it may forget, and never raises."""

    def get(self, key: str) -> Awaitable[str]:
        """What was put there, or nothing."""

    def put(self, key: str, text: str) -> Awaitable[None]:
        """Keep a text."""


class Tuner:
    """Tunes one library.

    Args:
        kept: where; None does not tune.
        again: what is kept does not count.
    """

    def __init__(
        self, library: Library, device: Device, kept: Tunings | None, *, again: bool
    ) -> None:
        self._library, self._device, self._kept = library, device, kept
        self._again = again
        self._found: dict[str, Tiling] = {}

    @cached_property
    def _place(self) -> str:
        sample = self._library.shader("matvec", {}, {"lib/weight.wgsl": "lib/weight_q4_k.wgsl"})
        return f"{self._device.info} {crc32(f'{sample.code}{CANDIDATES}'.encode()):08x}"

    async def recall(self) -> None:
        """Set the library's tilings to what is kept; before programs are recorded."""
        if self._again or self._kept is None:
            return
        try:
            found = json.loads(await self._kept.get(self._place) or "{}")
            for name, tiling in found.items():
                type, columns = name.split()
                if not tiling or tuple(tiling) in CANDIDATES:
                    self._found[name] = self._library.tilings[type, int(columns)] = tuple(tiling)
        except (ValueError, TypeError, AttributeError):
            self._library.tilings.clear()  # damaged: it is made anew

    async def tune(self, programs: Programs) -> None:
        """Try tilings for what is not known yet, and build the programs anew with the best.

        The weights are loaded, the programs built; the activations are scratch.
        """
        if self._kept is None or self._library.narrow:
            return  # a CPU is narrow: its compilers take longer than there is to gain
        usual = {
            key: dispatches
            for key, dispatches in _products(programs.trial()).items()
            if key not in self._library.tilings
        }
        if not usual:
            return
        await programs.settled()
        best = await self._best(programs, usual)
        self._library.tilings |= best
        self._found |= {f"{type} {columns}": best[type, columns] for type, columns in best}
        await self._kept.put(self._place, json.dumps(self._found))
        if any(best.values()):
            await programs.rebuild()

    async def _best(
        self, programs: Programs, usual: dict[Key, list[Dispatch]]
    ) -> dict[Key, Tiling]:
        """The tiling of each key, () where nothing is better."""
        end = time.perf_counter() + _BUDGET_S
        tilings = self._library.tilings
        best: dict[Key, tuple[float, Tiling, list[Dispatch]]] = {}
        if programs.compile_s > SLOW_COMPILE_S:
            return dict.fromkeys(usual, ())
        for key, dispatches in usual.items():
            best[key] = (await replay_seconds(programs, dispatches, _SHORT_S), (), dispatches)
        if sum(seconds for seconds, _, _ in best.values()) > _SLOWEST_STEP_S:
            return dict.fromkeys(usual, ())
        longest = 0.0
        for candidate in CANDIDATES:
            begin = time.perf_counter()
            if begin + longest > end:
                break
            for type, columns in usual:
                team = candidate[0] // candidate[2]
                fits = team <= max(columns // 32, 32)
                tilings[type, columns] = candidate if fits else ()
            trial = _products(programs.trial())
            fresh = {key: trial[key] for key in usual if not _same(trial[key], usual[key])}
            await self._device.compile([d.shader for some in fresh.values() for d in some])
            for key, dispatches in fresh.items():
                seconds = await replay_seconds(programs, dispatches, _SHORT_S)
                best[key] = min(best[key], (seconds, candidate, dispatches), key=lambda b: b[0])
            longest = max(longest, time.perf_counter() - begin)
        return {
            key: tiling if tiling and await self._holds(programs, usual[key], dispatches) else ()
            for key, (_, tiling, dispatches) in best.items()
        }

    async def _holds(
        self, programs: Programs, usual: list[Dispatch], better: list[Dispatch]
    ) -> bool:
        """Whether a tiling is faster in a longer trial, and right."""
        check = SelfCheck(self._library, self._device)
        if await check.wrong(list({d.shader.code: d.shader for d in better}.values())):
            return False
        took = await replay_seconds(programs, better, _LONG_S)
        return took < _GAIN * await replay_seconds(programs, usual, _LONG_S)


def _products(dispatches: Iterable[Dispatch]) -> dict[Key, list[Dispatch]]:
    """The products with one token, by their weight."""
    found: dict[Key, list[Dispatch]] = {}
    for dispatch in dispatches:
        shader = dispatch.shader
        if shader.name == "matvec":
            key = weight_type(shader), shader.constants["K"]
            found.setdefault(key, []).append(dispatch)
    return found


def _same(one: list[Dispatch], other: list[Dispatch]) -> bool:
    return [d.shader.code for d in one] == [d.shader.code for d in other]
