"""A matrix applied to activations: picks mat-vec or mat-mat by the number of tokens."""

from dataclasses import dataclass, replace

from py_engine.gpu.recorder import Recorder
from py_engine.gpu.tensor import Tensor
from py_engine.layers.activations import Activations
from py_engine.layers.norm import Norm
from py_engine.ops.matmul import matmul, matvec
from py_engine.ops.norm import rms_norm
from py_engine.ops.weight import Weight


@dataclass(frozen=True)
class Linear:
    """Rows of one or more GGUF matrices; `parts` are weights and their first row."""

    parts: tuple[tuple[Weight, int], ...]
    rows: int
    columns: int
    interleaved: bool = False
    """Rows 2r and 2r + 1 belong together: gate and up of a gated layer."""
    bias: Tensor | None = None

    def with_bias(self, bias: Tensor | None) -> "Linear":
        return replace(self, bias=bias)

    def apply(
        self,
        rec: Recorder,
        act: Activations,
        x: Tensor,
        out: Tensor,
        *,
        norm: Norm | None = None,
        add: bool = False,
        scale: float = 1.0,
        activation: str = "",
        cap: float = 0.0,
    ) -> None:
        """out = scale · activation(W norm(x) + bias) for act.T tokens; `add`: out += ….

        One token's norm is folded into the product; that of many leaves theirs in act.narrow.

        Args:
            activation: of shaders/lib: that of a gate where rows are interleaved, else of each row.
            cap: instead, each row becomes cap · tanh(row / cap).
        """
        if norm and act.T > 1:
            normed = act.narrow(self.columns)
            rms_norm(rec, x, norm.weight, normed, state=act.state, eps=norm.eps)
            x, norm = normed, None
        for weight, first in self.parts:
            at = first // 2 if self.interleaved else first
            if act.T > 1:
                matmul(
                    rec,
                    weight,
                    x,
                    out,
                    state=act.state,
                    bias=self.bias,
                    add=add,
                    scale=scale,
                    gated=self.interleaved,
                    activation=activation,
                    cap=cap,
                    out_at=at,
                )
            else:
                matvec(
                    rec,
                    weight,
                    x,
                    out,
                    norm=norm.weight if norm else None,
                    eps=norm.eps if norm else 0.0,
                    bias=self.bias,
                    add=add,
                    scale=scale,
                    gated=self.interleaved,
                    activation=activation,
                    cap=cap,
                    out_at=at,
                )


@dataclass(frozen=True)
class Output:
    """The last matrix of a part of a block: hidden += scale · post(W x + bias)."""

    linear: Linear
    post: Norm | None = None
    scale: float = 1.0

    def apply(self, rec: Recorder, act: Activations, x: Tensor, between: Tensor) -> None:
        """`between` (T, C) takes what a post norm reads; it and x do not share a buffer."""
        if not self.post:
            self.linear.apply(rec, act, x, act.hidden, add=True, scale=self.scale)
            return
        self.linear.apply(rec, act, x, between)
        rms_norm(
            rec,
            between,
            self.post.weight,
            act.hidden,
            state=act.state,
            eps=self.post.eps,
            add=True,
            scale=self.scale,
        )
