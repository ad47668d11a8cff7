"""How much work goes into one submit: it follows from how fast this GPU turned out to be.

A submit costs the host a fraction of a millisecond, so short steps travel together; a long one
keeps the page's own drawing waiting, and a stopped reply too, so what is slow goes alone.
"""

SUBMIT_S = 0.008
"""Steps of decoding that a submit holds at most, in seconds of GPU time."""
MOST_STEPS = 8
CHUNK_S = 0.1
"""Seconds of GPU time that a chunk of a prompt may take."""
_STEPS_PER_TOKEN = 16
"""A token of a prompt costs at most this part of a step: the guess until one was measured."""


class Pace:
    """Seconds per step and per token of a prompt, as measured last."""

    def __init__(self) -> None:
        self._step_s: float | None = None
        self._token_s: float | None = None

    def stepped(self, steps: int, seconds: float) -> None:
        """Note that steps took so long; the GPU was busy with nothing else."""
        measured = seconds / steps
        self._step_s = measured if self._step_s is None else (self._step_s + measured) / 2

    def prefilled(self, tokens: int, seconds: float) -> None:
        """Note that a chunk took so long."""
        self._token_s = seconds / tokens

    def steps(self) -> int:
        """How many steps the next submit should have."""
        if self._step_s is None:
            return 1
        return max(1, min(MOST_STEPS, int(SUBMIT_S / max(self._step_s, 1e-6))))

    def chunk(self, sizes: tuple[int, ...]) -> int:
        """The largest of these chunks that stays short, or the smallest."""
        token_s = self._token_s
        if token_s is None and self._step_s is not None:
            token_s = self._step_s / _STEPS_PER_TOKEN
        short = [size for size in sizes if token_s is not None and size * token_s <= CHUNK_S]
        return max(short, default=sizes[0])
