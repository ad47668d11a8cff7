"""How much work goes into one submit, and how many submits are under way: by how fast the GPU is.

A submit costs the host a fraction of a millisecond, so short steps travel together; a long one
keeps the page's own drawing waiting, and a stopped reply too, so what is slow goes alone. What
counts is the GPU's time. A result takes a while to come back, in some browsers up to 100 ms by a
timer: that is no time of the GPU's, and more submits under way hide it.
"""

from collections.abc import Awaitable, Callable
from math import ceil

SUBMIT_S = 0.008
"""Steps of decoding that a submit holds at most, in seconds of GPU time."""
MOST_STEPS = 8
CHUNK_S = 0.1
"""Seconds of GPU time that a chunk of a prompt may take."""
AHEAD = 2
"""Submits under way at least: while the tokens of one travel back, the GPU is at the next."""
_STEPS_PER_TOKEN = 16
"""A token of a prompt costs at most this part of a step: the guess until one was measured."""
_GROWTH = 4
"""A chunk is at most so many times as long as the last that was measured."""
_LEAST_STEPS_S, _LEAST_CHUNK_S = 0.001, 0.01
"""No submit counts as shorter when it is asked how many of them hide a round trip."""
_KEPT = 0.8
"""What is known counts so much when something new is measured."""


class _Mean:
    """Seconds per unit; the latest measurements count most."""

    def __init__(self) -> None:
        self._units = self._seconds = 0.0

    def add(self, units: int, seconds: float) -> None:
        # Results that come together were computed in the time that the first of them took.
        together = seconds < (self.value or 0.0) * units / 2
        kept = 1.0 if together else _KEPT
        self._units = self._units * kept + units
        self._seconds = self._seconds * kept + seconds

    @property
    def value(self) -> float | None:
        return self._seconds / self._units if self._units else None


class Pace:
    """Seconds of GPU time per step and per token of a prompt, as measured of late.

    Args:
        round_trip_s: from a submit of no work to its readback.
    """

    def __init__(self, round_trip_s: float = 0.0) -> None:
        self._round_trip_s = self._least_s = round_trip_s
        self._ended = 0.0
        self._step, self._token = _Mean(), _Mean()
        self._longest = 0

    @classmethod
    async def measured(cls, trip: Callable[[int], Awaitable[float]]) -> "Pace":
        """Measure a GPU, before anything is generated.

        Args:
            trip: does so many steps and gives the seconds from their submit to the readback.
        """
        await trip(1)  # it wakes the GPU up
        round_trip_s = await trip(0)
        steps, took = 1, await trip(1)
        # Where the way is long and little of the time is the GPU's, more steps tell it better.
        while max(SUBMIT_S, took / 2) < round_trip_s and steps < MOST_STEPS:
            steps *= 2
            took = await trip(steps)
        pace = cls(round_trip_s)
        pace.stepped(steps, max(took - round_trip_s, 0.0))
        return pace

    def took(self, submitted: float, ended: float) -> float:
        """Seconds of GPU time of a submit, from when it was made and when its result was there.

        To be told of every submit, in order: the GPU begins one when that before it is done. The
        cheapest round trip counts, so that a slow GPU never passes for a long way.
        """
        self._least_s = min(self._least_s, ended - submitted)
        began = max(submitted + self._least_s, self._ended)
        self._ended = ended
        return max(ended - began, 0.0)

    def stepped(self, steps: int, seconds: float) -> None:
        """Note that steps took so much of the GPU's time."""
        self._step.add(steps, seconds)

    def prefilled(self, tokens: int, seconds: float) -> None:
        """Note that a chunk took so much of the GPU's time."""
        self._token.add(tokens, seconds)
        self._longest = tokens

    def steps(self) -> int:
        """How many steps the next submit should have."""
        step_s = self._step.value
        if step_s is None:
            return 1
        return max(1, min(MOST_STEPS, int(SUBMIT_S / max(step_s, 1e-6))))

    def chunk(self, sizes: tuple[int, ...]) -> int:
        """The largest of these chunks that stays short, or the smallest."""
        token_s = self._token_s
        most = _GROWTH * self._longest if self._longest else sizes[-1]
        short = [size for size in sizes if token_s is not None and size * token_s <= CHUNK_S]
        return max((size for size in short if size <= most), default=sizes[0])

    def steps_ahead(self) -> int:
        """How many submits of steps should be under way."""
        return self._ahead(self.steps() * (self._step.value or 0.0), _LEAST_STEPS_S)

    def chunks_ahead(self, size: int) -> int:
        """How many chunks of this size should be under way."""
        return self._ahead(size * (self._token_s or 0.0), _LEAST_CHUNK_S)

    @property
    def _token_s(self) -> float | None:
        step_s = self._step.value
        guess = None if step_s is None else step_s / _STEPS_PER_TOKEN
        return guess if self._token.value is None else self._token.value

    def _ahead(self, submit_s: float, least_s: float) -> int:
        """Submits that keep the GPU busy until the first one's result is back."""
        return max(AHEAD, 1 + ceil(self._round_trip_s / max(submit_s, least_s)))
