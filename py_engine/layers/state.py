"""Recurrent states: what a model keeps in place of a cache, and copies of it to go back to.

A state after n tokens cannot be turned into one after fewer. All states of a model lie in one
buffer, so that a copy is one pass.
"""

from math import prod

from py_engine.gpu.recorder import Recorder
from py_engine.gpu.tensor import SIZES, Memory, Tensor
from py_engine.ops.copy import copy

COPIES = 2
"""As many prompts back a conversation may depart from what was said, and find a copy."""
_ALIGNED = 256
"""Where a binding may begin."""


class States:
    """The states of one model: mixers `reserve` theirs, then the model has them allocated."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._nbytes = 0
        self._buffers: list[Tensor] = []

    def reserve(self, *shape: int) -> int:
        """Where a state of f32 will lie, for `view`."""
        at = self._nbytes
        self._nbytes += -(-prod(shape) * SIZES["f32"] // _ALIGNED) * _ALIGNED
        return at

    def view(self, at: int, *shape: int) -> Tensor:
        """A reserved state; after `allocate`."""
        return Tensor(self._buffers[0].handle, shape, at=at)

    def allocate(self) -> None:
        """Make the buffer and its copies."""
        self._buffers = [
            self._memory.tensor((self._nbytes // 4,), "states" if not i else f"states' copy {i}")
            for i in range(1 + COPIES)
        ]

    def save(self, rec: Recorder, number: int) -> None:
        """Keep a copy of all states; `number` counts from 0."""
        copy(rec, self._buffers[0], self._buffers[1 + number])

    def restore(self, rec: Recorder, number: int) -> None:
        """Take a copy back."""
        copy(rec, self._buffers[1 + number], self._buffers[0])
