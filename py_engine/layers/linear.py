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
    ) -> None:
        """out = W norm(x) + bias for act.T tokens; `add`: out += ….

        One token's norm is folded into the product; that of many leaves theirs in act.normed.
        """
        gated, bias, state = self.interleaved, self.bias, act.state
        if norm and act.T > 1:
            rms_norm(rec, x, norm.weight, act.normed, state=state, eps=norm.eps)
            x = act.normed
        for weight, first in self.parts:
            at = first // 2 if gated else first
            if act.T > 1:
                matmul(rec, weight, x, out, state=state, bias=bias, add=add, gated=gated, out_at=at)
            else:
                matvec(
                    rec,
                    weight,
                    x,
                    out,
                    norm=norm.weight if norm else None,
                    eps=norm.eps if norm else 0.0,
                    bias=bias,
                    add=add,
                    gated=gated,
                    out_at=at,
                )
