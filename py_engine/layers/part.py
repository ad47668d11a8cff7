"""What a block is made of. Each part changes the residual stream, mostly hidden += part(hidden).

A part that mixes tokens leaves a trace for those that follow, in a cache or a state. The last such
part of a model need not compute its results for all tokens of a prompt, nor any part after it.
"""

from collections.abc import Sequence
from typing import Protocol, TypeGuard

from py_engine.gpu.recorder import Recorder
from py_engine.layers.activations import Activations, Needs


class Part(Protocol):
    """A layer that leaves no trace: feed-forward, or attention over a cache that others fill."""

    @property
    def needs(self) -> Needs: ...

    def apply(self, rec: Recorder, act: Activations) -> None:
        """hidden += part(hidden), or what else the part does, for T tokens."""


class Mixer(Part, Protocol):
    """A layer that leaves a trace of each token, in a cache or a state, for those that follow."""

    def remember(self, rec: Recorder, act: Activations) -> None:
        """Leave the trace of T tokens, and what `finish` and `last` need."""

    def finish(self, rec: Recorder, act: Activations) -> None:
        """hidden += … for the T tokens that were remembered last."""

    def last(self, rec: Recorder, act: Activations, one: Activations) -> None:
        """The same for the last of them alone: its hidden is the first row, as `one` sees it.

        The state becomes that of a call with this token alone.
        """


Block = Sequence[Part]
"""The parts of a block, in their order."""


def mixes(part: Part) -> TypeGuard[Mixer]:
    return hasattr(part, "remember")
