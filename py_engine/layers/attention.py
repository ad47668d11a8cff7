"""Grouped-query attention with rotary positions and a cache."""

from dataclasses import replace
from typing import Literal

from py_engine.gpu.recorder import Recorder
from py_engine.gpu.tensor import Tensor
from py_engine.layers.activations import Activations, Needs
from py_engine.layers.linear import Linear, Output
from py_engine.layers.norm import Norm
from py_engine.layers.scope import Scope
from py_engine.ops.attention import (
    Cache,
    Heads,
    attention_decode,
    attention_prefill,
    partial_size,
    rope_cache,
)
from py_engine.ops.embed import take_last
from py_engine.ops.gate import sigmoid_gate
from py_engine.ops.norm import qk_norm

HeadNorm = Literal["", "head", "row"]
"""A norm of queries and keys: none, of each head, or over all heads of a row."""


class _Attention:
    """What attention is with a cache of its own, or another layer's: queries, and what follows.

    Args:
        queries: makes the columns that `heads` say of an input, the first H · D of which are these.
        norm: of its input; None has none.
        head_norm: RMSNorm weights of query and key heads, before they turn or after.
    """

    shared = False

    def __init__(
        self,
        heads: Heads,
        cache: Cache,
        freqs: Tensor,
        queries: Linear,
        output: Output,
        *,
        norm: Norm | None,
        head_norm: Tensor | None,
        eps: float,
    ) -> None:
        self.heads, self.cache, self.freqs = heads, cache, freqs
        self.qkv, self.output = queries, output
        self.norm, self.head_norm, self.eps = norm, head_norm, eps

    @property
    def needs(self) -> Needs:
        heads, columns = self.heads, self.qkv.columns
        wide = max(self.qkv.rows, columns)
        return Needs(wide, heads.H * heads.D, partial=partial_size(heads, self.cache.S))

    def apply(self, rec: Recorder, act: Activations) -> None:
        if act.T > 1:
            self._ready(rec, act)
            self._attend(rec, act)
            return
        qkv, attended = self._project(rec, act), act.narrow(self.heads.H * self.heads.D)
        attention_decode(
            rec,
            self.heads,
            qkv,
            self.cache,
            freqs=self.freqs,
            partial=act.partial,
            out=attended,
            state=act.state,
            n_splits=act.n_splits,
            norm=self.head_norm,
            eps=self.eps,
            shared=self.shared,
        )
        self._finish(rec, act, attended, act.wide(self.qkv.columns))

    def _ready(self, rec: Recorder, act: Activations) -> None:
        """Rotated queries go to act.narrow; keys and values, where it has them, to the cache."""
        rope_cache(
            rec,
            self.heads,
            self._project(rec, act),
            self.cache,
            freqs=self.freqs,
            q=act.narrow(self.heads.H * self.heads.D),
            state=act.state,
            norm=self.head_norm,
            eps=self.eps,
            shared=self.shared,
        )

    def _attend(self, rec: Recorder, act: Activations) -> None:
        queries = self.heads.H * self.heads.D
        q, attended = act.narrow(queries), act.wide(queries)
        attention_prefill(rec, self.heads, q, self.cache, out=attended, state=act.state)
        self._finish(rec, act, attended, act.narrow(self.qkv.columns))

    def _finish(self, rec: Recorder, act: Activations, attended: Tensor, between: Tensor) -> None:
        self.output.apply(rec, act, attended, between)

    def _project(self, rec: Recorder, act: Activations) -> Tensor:
        """qkv (T, rows), before rotation."""
        qkv = act.wide(self.qkv.rows)
        self.qkv.apply(rec, act, act.hidden, qkv, norm=self.norm)
        return qkv


class Attention(_Attention):
    """hidden += attention(norm(hidden)); a `Mixer`.

    Args:
        at: its block's tensors.
        freqs: the rotation table, shared by all layers that turn alike.
        norm: of its input; None has none.
        head_norm: of queries and keys, before they turn or after, as `heads` say.
        gated: a query head has as many rows for a gate, whose sigmoid multiplies what it attends.
        post, scale: of its result, as `Output` has them.
    """

    def __init__(
        self,
        at: Scope,
        heads: Heads,
        cache: Cache,
        freqs: Tensor,
        *,
        norm: Norm | None,
        head_norm: HeadNorm = "",
        gated: bool = False,
        post: Norm | None = None,
        scale: float = 1.0,
    ) -> None:
        sizes = heads.sizes
        names = ["attn_q", "attn_k", "attn_v"][: len(sizes)]
        self.gate: Linear | None = None
        if gated:
            qkv, self.gate = at.alternating(names, sizes, at.width, of=heads.D)
        else:
            qkv = at.stack(names, sizes, at.width, fused="attn_qkv")
        output = Output(at.linear("attn_output", at.width, sizes[0]), post, scale)
        normed = {"": None, "head": [heads.D, heads.D], "row": sizes[:2]}[head_norm]
        norms = at.vector(["attn_q_norm", "attn_k_norm"], normed) if normed else None
        self.row_norm = norms if head_norm == "row" else None
        super().__init__(
            heads,
            cache,
            freqs,
            qkv,
            output,
            norm=norm,
            head_norm=norms if head_norm == "head" else None,
            eps=at.eps,
        )

    @property
    def needs(self) -> Needs:
        return replace(super().needs, gate=self.gate.rows if self.gate else 0)

    def remember(self, rec: Recorder, act: Activations) -> None:
        """Keys and values go to the cache, rotated queries to act.narrow."""
        self._ready(rec, act)

    def finish(self, rec: Recorder, act: Activations) -> None:
        self._attend(rec, act)

    def last(self, rec: Recorder, act: Activations, one: Activations) -> None:
        """By a step of decoding, which writes the same key and value once more."""
        take_last(rec, act.hidden, state=act.state)
        self.apply(rec, one)

    def _finish(self, rec: Recorder, act: Activations, attended: Tensor, between: Tensor) -> None:
        if self.gate:
            sigmoid_gate(rec, attended, act.gate(self.gate.rows), state=act.state)
        super()._finish(rec, act, attended, between)

    def _project(self, rec: Recorder, act: Activations) -> Tensor:
        qkv = super()._project(rec, act)
        if self.gate:
            gate = act.gate(self.gate.rows)
            self.gate.apply(rec, act, act.hidden, gate, norm=self.norm)
        if self.row_norm:
            qk_norm(rec, self.heads, qkv, self.row_norm, state=act.state, eps=self.eps)
        return qkv


class SharedAttention(_Attention):
    """The same over the cache of an earlier layer, which leaves no trace: queries alone.

    Tensors for keys and values of its own, which files may have, are left out.

    Args:
        at, freqs, norm, post: as of `Attention`; query heads have a norm.
    """

    shared = True

    def __init__(
        self,
        at: Scope,
        heads: Heads,
        cache: Cache,
        freqs: Tensor,
        *,
        norm: Norm | None,
        post: Norm | None = None,
    ) -> None:
        at.leave_out("attn_k", "attn_v", "attn_k_norm")
        queries = heads.H * heads.D
        super().__init__(
            heads,
            cache,
            freqs,
            at.linear("attn_q", queries, at.width),
            Output(at.linear("attn_output", at.width, queries), post),
            norm=norm,
            head_norm=at.vector(["attn_q_norm"], [heads.D]),
            eps=at.eps,
        )
