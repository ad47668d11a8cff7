"""The buffers that tokens pass through, made once for the largest chunk.

Roles that are never alive together share a buffer: what a layer reads last and writes next depend
on each other anyway, so no dispatch waits for it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace

from py_engine.gpu.tensor import Memory, Tensor

_ALIGNED = 64
"""Elements at whose multiples a binding may begin."""


@dataclass(frozen=True)
class Needs:
    """Elements that a part of a block wants of the shared buffers: a token's, but for `partial`."""

    wide: int = 0
    narrow: int = 0
    gate: int = 0
    inputs: int = 0
    partial: int = 0
    streams: int = 0
    """Residual streams; 0: `hidden` is the only one."""

    @classmethod
    def most(cls, parts: Iterable["Needs"]) -> "Needs":
        """What is enough for each of them."""
        asked = [cls(), *parts]
        return cls(**{f.name: max(getattr(one, f.name) for one in asked) for f in fields(cls)})


@dataclass(frozen=True)
class Activations:
    """Views for T tokens; C is the embedding length."""

    T: int
    state: Tensor
    """(4,) u32, shaders/lib/state.wgsl: what changes from step to step."""
    tokens: Tensor
    """(T,) u32"""
    hidden: Tensor
    """(T, C): the residual stream."""
    partial: Tensor
    """Sums of attention's splits; decode only."""
    streams: Tensor
    """Streams of all tokens, (number, stride): see `stream`."""
    buffers: dict[str, Tensor]
    n_splits: int = 1
    """Parts of the cache that the attention of one token takes side by side."""

    @classmethod
    def allocate(cls, memory: Memory, needs: Needs, width: int, tokens: int) -> "Activations":
        """Buffers for chunks of up to `tokens` tokens."""
        narrow = max(needs.narrow, width)
        stride = -(-tokens * width // _ALIGNED) * _ALIGNED
        roles = {"wide": needs.wide, "narrow": narrow, "gate": needs.gate, "inputs": needs.inputs}
        return cls(
            T=tokens,
            state=memory.tensor((4,), "state", "u32"),
            tokens=memory.tensor((tokens,), "tokens", "u32"),
            hidden=memory.tensor((tokens, width), "hidden"),
            partial=memory.tensor((max(needs.partial, 1),), "partial"),
            streams=memory.tensor(
                (max(needs.streams, 1), stride if needs.streams else 1), "streams"
            ),
            buffers={
                role: memory.tensor((tokens, max(size, 1)), role) for role, size in roles.items()
            },
        )

    def wide(self, width: int) -> Tensor:
        """(T, width): what comes out of a part's first matrix, and may be worked on in place."""
        return self._view("wide", width)

    def narrow(self, width: int) -> Tensor:
        """(T, width): what goes into a matrix, as a norm's result does."""
        return self._view("narrow", width)

    def gate(self, width: int) -> Tensor:
        """(T, width): what lives beside both, such as a gate that no product carries."""
        return self._view("gate", width)

    def inputs(self, width: int) -> Tensor:
        """(T, width): what all blocks get of each token beside the residual stream."""
        return self._view("inputs", width)

    @property
    def lasting(self) -> list[Tensor]:
        """What holds a row of each token for all blocks to come, beside `hidden`."""
        size, (streams, stride) = self.buffers["inputs"].shape[1], self.streams.shape
        inputs = [self.inputs(size)] if size > 1 else []
        return inputs + ([self.stream(i) for i in range(streams)] if stride > 1 else [])

    def stream(self, number: int) -> Tensor:
        """(T, C): one of the residual streams."""
        _, stride = self.streams.shape
        return replace(self.hidden, handle=self.streams.handle, at=4 * number * stride)

    def one(self, n_splits: int = 1) -> "Activations":
        """The same buffers for one token."""
        return replace(self.first(1), n_splits=n_splits)

    def first(self, tokens: int) -> "Activations":
        """The same buffers, seen as `tokens` rows."""
        hidden = replace(self.hidden, shape=(tokens, *self.hidden.shape[1:]))
        return replace(self, T=tokens, tokens=replace(self.tokens, shape=(tokens,)), hidden=hidden)

    def _view(self, role: str, width: int) -> Tensor:
        whole = self.buffers[role]
        assert width <= whole.shape[1], f"{role}: {width} of {whole.shape[1]}"
        return replace(whole, shape=(self.T, width))
