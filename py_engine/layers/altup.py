"""Gemma 3n's residual streams (AltUp, arXiv 2301.13310) and its learned residual (Laurel).

A block predicts all streams from all, sends the first through its layers as `hidden`, and corrects
all by what became of it. Reference: transformers/models/gemma3n.
"""

from collections.abc import Sequence
from math import sqrt

from py_engine.gpu.recorder import Recorder
from py_engine.gpu.tensor import Tensor
from py_engine.layers.activations import Activations, Needs
from py_engine.layers.linear import Linear
from py_engine.layers.norm import Norm
from py_engine.layers.per_layer import PerLayerEmbedding
from py_engine.layers.scope import Scope
from py_engine.ops import altup
from py_engine.ops.gate import add, layer_mul
from py_engine.ops.norm import rms_norm


class StreamsFromOne:
    """Before the blocks: streams from the embedding in hidden.

    Args:
        projections: one for each stream but the first, (C, C).
    """

    def __init__(self, projections: Sequence[Linear]) -> None:
        self.projections, self.count = projections, len(projections) + 1

    @property
    def needs(self) -> Needs:
        return Needs(wide=len(self.projections) * self.projections[0].rows, streams=self.count)

    def apply(self, rec: Recorder, act: Activations) -> None:
        projected = act.wide(self.needs.wide)
        for projection in self.projections:
            projection.apply(rec, act, act.hidden, projected)
        altup.rescale(rec, act.hidden, projected, act.streams, state=act.state)


class StreamsToOne:
    """After the blocks: hidden from all streams.

    Args:
        projections: as of `StreamsFromOne`.
    """

    def __init__(self, projections: Sequence[Linear]) -> None:
        self.projections = projections

    @property
    def needs(self) -> Needs:
        return Needs(wide=len(self.projections) * self.projections[0].rows)

    def apply(self, rec: Recorder, act: Activations) -> None:
        projected = act.wide(self.needs.wide)
        for i, projection in enumerate(self.projections, 1):
            projection.apply(rec, act, act.stream(i), projected)
        altup.rescale(rec, act.stream(0), projected, act.hidden, state=act.state, merge=True)


class _Router:
    """How a token's streams go together: (T, N), before its tanh."""

    def __init__(self, at: Scope, count: int, norm: Norm) -> None:
        self.linear, self.norm = at.linear("altup_router", count, at.width), norm

    def apply(self, rec: Recorder, act: Activations, x: Tensor) -> Tensor:
        router, scale = act.gate(self.linear.rows), 1 / self.linear.columns
        self.linear.apply(rec, act, x, router, norm=self.norm, scale=scale)
        return router


class AltUp:
    """The parts of a block that see its streams: `predict` begins it, `correct` ends it.

    Args:
        number: of its block, which picks its part of the embedding's inputs.
    """

    def __init__(self, at: Scope, count: int, embedding: PerLayerEmbedding, number: int) -> None:
        router = _Router(at, count, at.norm("altup_router_norm"))
        predicting = at.table("altup_predict_coef", (count * count, count))
        self.predict = _Predict(router, predicting)
        self.correct = _Correct(at, router, embedding, number, count)


class _Predict:
    """streams = streams + coefficients · streams; hidden is the first."""

    def __init__(self, router: _Router, table: Tensor) -> None:
        self.router, self.table = router, table

    @property
    def needs(self) -> Needs:
        return Needs(gate=self.router.linear.rows)

    def apply(self, rec: Recorder, act: Activations) -> None:
        router = self.router.apply(rec, act, act.stream(0))
        altup.predict(rec, act.streams, router, self.table, act.hidden, state=act.state)


class _Correct:
    """streams += what hidden brings; then all but the first get the block's inputs."""

    def __init__(
        self, at: Scope, router: _Router, embedding: PerLayerEmbedding, number: int, count: int
    ) -> None:
        self.router, self.embedding, self.first = router, embedding, number * embedding.width
        self.table = at.table("altup_correct_coef", (count, count))
        self.weight = at.vector(["altup_correct_scale"], [at.width])
        self.gate = at.linear("inp_gate", embedding.width, at.width)
        self.projection = at.linear("proj", at.width, embedding.width)
        self.post, self.count = at.norm("post_norm"), count

    @property
    def needs(self) -> Needs:
        return Needs(wide=self.embedding.width, gate=self.count)

    def apply(self, rec: Recorder, act: Activations) -> None:
        state, width = act.state, self.projection.rows
        router = self.router.apply(rec, act, act.hidden)
        altup.correct(
            rec, act.streams, router, self.table, act.hidden, weight=self.weight, state=state
        )
        x, y = act.wide(self.embedding.width), act.narrow(width)
        self.gate.apply(rec, act, act.hidden, x, activation="gelu")
        layer_mul(rec, x, act.inputs(self.embedding.size), at=self.first, state=state)
        self.projection.apply(rec, act, x, y)
        for i in range(1, self.count):
            stream = act.stream(i)
            rms_norm(rec, y, self.post.weight, stream, state=state, eps=self.post.eps, add=True)


class Laurel:
    """hidden = (hidden + n + norm(R L n)) / √2, where n = norm(the first stream).

    Args:
        norm: the one of attention's input.
        rank: rows of L.
    """

    def __init__(self, at: Scope, rank: int, *, norm: Norm) -> None:
        self.norm, self.post = norm, at.norm("laurel_post_norm")
        self.left = at.linear("laurel_l", rank, at.width)
        self.right = at.linear("laurel_r", at.width, rank)

    @property
    def needs(self) -> Needs:
        return Needs(wide=self.left.rows, gate=self.left.columns)

    def apply(self, rec: Recorder, act: Activations) -> None:
        state, width = act.state, self.left.columns
        n, low, high = act.gate(width), act.wide(self.left.rows), act.narrow(width)
        rms_norm(rec, act.stream(0), self.norm.weight, n, state=state, eps=self.norm.eps)
        self.left.apply(rec, act, n, low)
        self.right.apply(rec, act, low, high)
        rms_norm(rec, high, self.post.weight, n, state=state, eps=self.post.eps, add=True)
        add(rec, n, act.hidden, state=state, scale=1 / sqrt(2))
