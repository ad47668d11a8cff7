"""Feed-forward layers: gated (Shazeer, arXiv 2002.05202), plain, a single matrix, and a scale."""

from py_engine.gpu.recorder import Recorder
from py_engine.layers.activations import Activations, Needs
from py_engine.layers.linear import Output
from py_engine.layers.norm import Norm
from py_engine.layers.scope import Scope
from py_engine.ops.gate import gate_mul, scale, sparse_gate
from py_engine.ops.norm import rms_norm


class Gated:
    """hidden += down(activation(gate(norm(hidden))) · up(norm(hidden)))

    Args:
        inner: the width between its matrices.
        norm: of its input; None has none.
        activation: `silu` (SwiGLU) or `gelu` (GeGLU).
        packed: one tensor `ffn_up` holds the rows of the gate, then those of up.
        deviations: max(gate - cutoff, 0) is taken for the gate, where the cutoff is the mean of a
            token's gates and so many of their standard deviations; None: the gate.
        post, scale: of its result, as `Output` has them.
    """

    def __init__(
        self,
        at: Scope,
        inner: int,
        *,
        norm: Norm | None,
        activation: str = "silu",
        deviations: float | None = None,
        packed: bool = False,
        post: Norm | None = None,
        scale: float = 1.0,
    ) -> None:
        self.inner, self.norm, self.activation = inner, norm, activation
        self.deviations = deviations
        if deviations is not None:
            self.gate_up = at.stack(["ffn_gate", "ffn_up"], [inner, inner], at.width)
        elif packed:
            self.gate_up = at.halves("ffn_up", inner, at.width)
        else:
            self.gate_up = at.pair("ffn_gate", "ffn_up", inner, at.width)
        self.output = Output(at.linear("ffn_down", at.width, inner), post, scale)

    @property
    def needs(self) -> Needs:
        return Needs(self.inner, gate=0 if self.gate_up.interleaved else 2 * self.inner)

    def apply(self, rec: Recorder, act: Activations) -> None:
        fused, inner = self.gate_up.interleaved, act.wide(self.inner)
        target = inner if fused else act.gate(2 * self.inner)
        activation = self.activation if fused else ""
        self.gate_up.apply(rec, act, act.hidden, target, norm=self.norm, activation=activation)
        if self.deviations is not None:
            sparse_gate(
                rec,
                target,
                inner,
                state=act.state,
                activation=self.activation,
                deviations=self.deviations,
            )
        elif not fused:
            gate_mul(rec, target, inner, activation=self.activation, state=act.state)
        self.output.apply(rec, act, inner, act.narrow(self.gate_up.columns))


class Plain:
    """hidden += down(activation(up(norm(hidden))))

    Args:
        activation: `relu2`, the square of what is above 0.
        inner, norm, post, scale: as `Gated` has them.
    """

    def __init__(
        self,
        at: Scope,
        inner: int,
        *,
        norm: Norm | None,
        activation: str,
        post: Norm | None = None,
        scale: float = 1.0,
    ) -> None:
        self.inner, self.norm, self.activation = inner, norm, activation
        self.up = at.linear("ffn_up", inner, at.width)
        self.output = Output(at.linear("ffn_down", at.width, inner), post, scale)

    @property
    def needs(self) -> Needs:
        return Needs(self.inner)

    def apply(self, rec: Recorder, act: Activations) -> None:
        inner, activation = act.wide(self.inner), self.activation
        self.up.apply(rec, act, act.hidden, inner, norm=self.norm, activation=activation)
        self.output.apply(rec, act, inner, act.narrow(self.up.columns))


class Scaled:
    """hidden *= a number of the file, by this name."""

    def __init__(self, at: Scope, name: str) -> None:
        self.factor = at.vector([name], [1])

    @property
    def needs(self) -> Needs:
        return Needs()

    def apply(self, rec: Recorder, act: Activations) -> None:
        scale(rec, act.hidden, self.factor, state=act.state)


class Mapped:
    """hidden += W norm(hidden), with a square matrix of this name."""

    def __init__(self, at: Scope, name: str, *, norm: Norm) -> None:
        self.norm, self.output = norm, Output(at.linear(name, at.width, at.width))

    @property
    def needs(self) -> Needs:
        return Needs(self.output.linear.columns)

    def apply(self, rec: Recorder, act: Activations) -> None:
        columns, norm = self.output.linear.columns, self.norm
        normed = act.narrow(columns)
        rms_norm(rec, act.hidden, norm.weight, normed, state=act.state, eps=norm.eps)
        self.output.apply(rec, act, normed, act.wide(columns))
