"""The buffers that tokens pass through, made once for the largest chunk.

Roles that are never alive together share a buffer: what a layer reads last and writes next depend
on each other anyway, so no dispatch waits for it.
"""

from dataclasses import dataclass, replace

from py_engine.gpu.tensor import Memory, Tensor
from py_engine.layers.config import Config
from py_engine.ops.attention import partial_size


@dataclass(frozen=True)
class Activations:
    """Views for T tokens. H query heads, K key heads, D head size, C width, F feed-forward."""

    T: int
    state: Tensor
    """(4,) u32, shaders/lib/state.wgsl: what changes from step to step."""
    tokens: Tensor
    """(T,) u32"""
    hidden: Tensor
    """(T, C): the residual stream."""
    normed: Tensor
    """(T, C)"""
    qkv: Tensor
    """(T, (H + 2K) D)"""
    q: Tensor
    """(T, H D): rotated queries; prefill only."""
    attended: Tensor
    """(T, H D)"""
    partial: Tensor
    """Sums of attention's splits; decode only."""
    gate: Tensor
    """(T, 2F): gate and up where their types differ; else a single element."""
    inner: Tensor
    """(T, F)"""
    n_splits: int = 1
    """Parts of the cache that the attention of one token takes side by side."""

    @classmethod
    def allocate(
        cls, memory: Memory, config: Config, tokens: int, context: int, *, split_gate: bool
    ) -> "Activations":
        """Buffers for chunks of up to `tokens` tokens and a cache of `context` positions."""
        heads = config.heads
        width, queries = config.embedding_length, heads.H * heads.D
        inner = config.feed_forward_length
        gates = 2 * inner if split_gate else 1
        wide = memory.tensor((tokens, max(heads.width, inner)), "wide")
        narrow = memory.tensor((tokens, max(width, queries)), "narrow")
        return cls(
            T=tokens,
            state=memory.tensor((4,), "state", "u32"),
            tokens=memory.tensor((tokens,), "tokens", "u32"),
            hidden=memory.tensor((tokens, width), "hidden"),
            normed=replace(narrow, shape=(tokens, width)),
            qkv=replace(wide, shape=(tokens, heads.width)),
            q=replace(narrow, shape=(tokens, queries)),
            attended=replace(wide, shape=(tokens, queries)),
            partial=memory.tensor((partial_size(heads, context),), "partial"),
            gate=memory.tensor((tokens, gates), "gate"),
            inner=replace(wide, shape=(tokens, inner)),
        )

    def one(self, n_splits: int = 1) -> "Activations":
        """The same buffers for one token: attention reads qkv while it writes its result."""
        one = self.first(1)
        return replace(one, attended=one.q, n_splits=n_splits)

    def first(self, tokens: int) -> "Activations":
        """The same buffers, seen as `tokens` rows."""
        rows = {}
        for name in ("tokens", "hidden", "normed", "qkv", "q", "attended", "gate", "inner"):
            whole = getattr(self, name)
            rows[name] = replace(whole, shape=(tokens, *whole.shape[1:]))
        return replace(self, T=tokens, **rows)
