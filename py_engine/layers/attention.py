"""Grouped-query attention with rotary positions and a cache."""

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


class Attention:
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
        self.heads, self.cache, self.freqs, self.norm = heads, cache, freqs, norm
        queries, keys = heads.H * heads.D, heads.K * heads.D
        names, sizes = ["attn_q", "attn_k", "attn_v"], [queries, keys, keys]
        self.gate: Linear | None = None
        if gated:
            self.qkv, self.gate = at.alternating(names, sizes, at.width, of=heads.D)
        else:
            self.qkv = at.stack(names, sizes, at.width, fused="attn_qkv")
        self.output = Output(at.linear("attn_output", at.width, queries), post, scale)
        self.eps = at.eps
        normed = {"": None, "head": [heads.D, heads.D], "row": [queries, keys]}[head_norm]
        norms = at.vector(["attn_q_norm", "attn_k_norm"], normed) if normed else None
        self.head_norm = norms if head_norm == "head" else None
        self.row_norm = norms if head_norm == "row" else None

    @property
    def needs(self) -> Needs:
        heads = self.heads
        wide, queries = max(heads.width, self.qkv.columns), heads.H * heads.D
        gate = queries if self.gate else 0
        return Needs(wide, queries, gate, partial_size(heads, self.cache.S))

    def apply(self, rec: Recorder, act: Activations) -> None:
        if act.T > 1:
            self.remember(rec, act)
            self.finish(rec, act)
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
        )
        self._finish(rec, act, attended, act.wide(self.qkv.columns))

    def remember(self, rec: Recorder, act: Activations) -> None:
        """Keys and values go to the cache, rotated queries to act.narrow."""
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
        )

    def finish(self, rec: Recorder, act: Activations) -> None:
        queries = self.heads.H * self.heads.D
        q, attended = act.narrow(queries), act.wide(queries)
        attention_prefill(rec, self.heads, q, self.cache, out=attended, state=act.state)
        self._finish(rec, act, attended, act.narrow(self.qkv.columns))

    def last(self, rec: Recorder, act: Activations, one: Activations) -> None:
        """By a step of decoding, which writes the same key and value once more."""
        take_last(rec, act.hidden, state=act.state)
        self.apply(rec, one)

    def _finish(self, rec: Recorder, act: Activations, attended: Tensor, between: Tensor) -> None:
        if self.gate:
            sigmoid_gate(rec, attended, act.gate(self.gate.rows), state=act.state)
        self.output.apply(rec, act, attended, between)

    def _project(self, rec: Recorder, act: Activations) -> Tensor:
        """qkv (T, (H + 2K) D), before rotation."""
        qkv = act.wide(self.heads.width)
        self.qkv.apply(rec, act, act.hidden, qkv, norm=self.norm)
        if self.gate:
            gate = act.gate(self.gate.rows)
            self.gate.apply(rec, act, act.hidden, gate, norm=self.norm)
        if self.row_norm:
            qk_norm(rec, self.heads, qkv, self.row_norm, state=act.state, eps=self.eps)
        return qkv
