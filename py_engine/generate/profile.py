"""How long each kernel of a model takes on the GPU at hand: the figures of DEBUG=2.

A kernel's dispatches, of all layers, are replayed on their own many times in one submit, and the
GPU's clock is read before and after them, or the host's where the GPU tells none. So weights come
from memory as they do in earnest, and a timestamp's 100 µs in browsers are little. By the host's
clock a dispatch's recording is included, which is longer than the shortest kernels.
"""

from collections.abc import Awaitable, Sequence
from dataclasses import dataclass

from py_engine.generate.programs import Key, Kind, Programs, step
from py_engine.gpu.device import Dispatch

_PROFILED = (Kind.DECODE, Kind.LOGITS, Kind.PREFILL, Kind.LAST, Kind.SAMPLE)
_ENOUGH_S = 0.02
_MOST_REPEATS = 256


@dataclass(frozen=True)
class KernelTime:
    """All dispatches of one shader in one program."""

    program: Key
    kernel: str
    dispatches: int
    seconds: float
    """For all of them once."""
    nbytes: int
    """What they read and write at most: see `touched`."""


async def profile(programs: Programs, position: int, tokens: int) -> list[KernelTime]:
    """Time the programs of one decode step at `position` and of one chunk of `tokens` tokens.

    Leaves the cache's positions and the sampler's state meaningless: before the first reply, or
    after the last one.
    """
    times = []
    for kind in _PROFILED:
        key = await programs.place(kind, position, tokens if kind is Kind.PREFILL else 1)
        kernels: dict[str, list[Dispatch]] = {}
        for dispatch in programs.recorded(key):
            kernels.setdefault(dispatch.shader.code, []).append(dispatch)
        for dispatches in kernels.values():
            seconds = await replay_seconds(programs, dispatches, _ENOUGH_S)
            nbytes = sum(touched(d, position, programs.context) for d in dispatches)
            label = dispatches[0].shader.label
            times.append(KernelTime(key, label, len(dispatches), seconds, nbytes))
    return times


def touched(dispatch: Dispatch, position: int, context: int) -> int:
    """Bytes that a dispatch binds, of which of the cache only the positions up to `position` count.

    An embedding's rows are read by number: as much as is written.
    """
    total = 0
    for (name, _), binding in zip(dispatch.shader.bindings, dispatch.bindings, strict=True):
        if name in ("keys", "values"):
            total += binding.nbytes * (position + 1) // context
        elif name != "w" or dispatch.shader.name not in ("embed", "embed_layers"):
            total += binding.nbytes
    return total


def step_bytes(programs: Programs, position: int) -> int:
    """Bytes that a step of decoding at `position` binds: what it reads and writes at most."""
    keys = step(position + 1)
    dispatches = [dispatch for key in keys for dispatch in programs.recorded(key)]
    return sum(touched(dispatch, position, programs.context) for dispatch in dispatches)


async def replay_seconds(
    programs: Programs, dispatches: Sequence[Dispatch], enough_s: float
) -> float:
    """How long these dispatches take once, from replays that last about `enough_s`."""
    device = programs.device
    program = device.record(dispatches)

    def once(repeats: int) -> Awaitable[float]:
        return device.seconds([program] * repeats)

    await once(1)
    empty = min([await once(0) for _ in range(5)])
    repeats, took = 1, await once(1)
    while took - empty < enough_s and repeats < _MOST_REPEATS:
        repeats *= 2
        took = await once(repeats)
    took = min(took, await once(repeats))
    device.drop(program)
    return max(took - empty, 0.0) / repeats


def table(times: Sequence[KernelTime]) -> str:
    """The figures as text, a line a kernel, slowest first in each program."""
    lines = [f"{'program':<14}{'dispatches':>10}{'µs each':>10}{'ms':>9}{'GB/s':>8}  kernel"]
    for program in dict.fromkeys(one.program for one in times):
        mine = [one for one in times if one.program == program]
        for one in sorted(mine, key=lambda t: -t.seconds):
            each, rate = one.seconds / one.dispatches, one.nbytes / max(one.seconds, 1e-9)
            lines.append(
                f"{program!s:<14}{one.dispatches:>10}{each * 1e6:>10.1f}{one.seconds * 1e3:>9.3f}"
                f"{rate / 1e9:>8.1f}  {one.kernel}"
            )
        total = sum(one.seconds for one in mine)
        count = sum(one.dispatches for one in mine)
        lines.append(f"{program!s:<14}{count:>10}{'':>10}{total * 1e3:>9.3f}{'':>8}  all")
    return "\n".join(lines)
