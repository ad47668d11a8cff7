"""Mixers that keep a state in place of a cache: short convolutions and gated delta nets."""

from py_engine.gpu.recorder import Recorder
from py_engine.gpu.tensor import Tensor
from py_engine.layers.activations import Activations, Needs
from py_engine.layers.linear import Output
from py_engine.layers.norm import Norm
from py_engine.layers.scope import Scope
from py_engine.layers.state import States
from py_engine.ops.conv import short_conv
from py_engine.ops.delta import DeltaHeads, gated_delta
from py_engine.ops.embed import take_last


class Recurrent:
    """hidden += output · mixed; a `Mixer`, which its subclasses make one by `mix`.

    Its state must not be advanced twice: what was mixed stays in a buffer until it is multiplied.
    """

    output: Output
    columns: int
    """C, which is what comes in and goes out."""

    def mix(self, rec: Recorder, act: Activations) -> None:
        """Advance the state by T tokens; what comes of them goes to `mixed`."""
        raise NotImplementedError

    def mixed(self, act: Activations) -> Tensor:
        """(T, columns of the output's matrix)."""
        raise NotImplementedError

    def apply(self, rec: Recorder, act: Activations) -> None:
        self.mix(rec, act)
        self.finish(rec, act)

    def remember(self, rec: Recorder, act: Activations) -> None:
        self.mix(rec, act)

    def finish(self, rec: Recorder, act: Activations) -> None:
        self.output.apply(rec, act, self.mixed(act), act.wide(self.columns))

    def last(self, rec: Recorder, act: Activations, one: Activations) -> None:
        take_last(rec, self.mixed(act), state=act.state, alone=False)
        take_last(rec, act.hidden, state=act.state)
        self.finish(rec, one)


class ShortConv(Recurrent):
    """A gated convolution over a few tokens (LFM2): out · (c ⊙ conv(b ⊙ v)).

    One matrix gives b, c and v.

    Args:
        width: tokens that it sees, the present included.
    """

    def __init__(self, at: Scope, width: int, states: States, *, norm: Norm) -> None:
        columns = self.columns = at.width
        self.norm, self.states = norm, states
        self.parts = at.linear("shortconv.in_proj", 3 * columns, columns)
        self.kernel = at.table("shortconv.conv", (columns, width))
        self.output = Output(at.linear("shortconv.out_proj", columns, columns))
        self.past = (width - 1, columns)
        self.at = states.reserve(*self.past)

    @property
    def needs(self) -> Needs:
        return Needs(3 * self.columns, self.columns)

    def mix(self, rec: Recorder, act: Activations) -> None:
        parts = act.wide(3 * self.columns)
        self.parts.apply(rec, act, act.hidden, parts, norm=self.norm)
        short_conv(
            rec,
            parts,
            self.kernel,
            self.mixed(act),
            past=self.states.view(self.at, *self.past),
            state=act.state,
            gated=True,
        )

    def mixed(self, act: Activations) -> Tensor:
        return act.narrow(self.columns)


class DeltaNet(Recurrent):
    """A gated delta net (arXiv 2412.06464) as Qwen3.5 has it.

    Args:
        width: tokens that its convolution sees, the present included.
    """

    def __init__(
        self, at: Scope, heads: DeltaHeads, width: int, states: States, *, norm: Norm
    ) -> None:
        self.columns, self.heads, self.norm, self.eps = at.width, heads, norm, at.eps
        values = heads.H * heads.D
        names = ["attn_qkv", "attn_gate", "ssm_alpha", "ssm_beta"]
        self.inputs = at.stack(names, [heads.mixed, values, heads.H, heads.H], at.width)
        self.kernel = at.table("ssm_conv1d", (heads.mixed, width))
        self.rates = at.rates(["ssm_a", "ssm_dt.bias"], heads.H)
        self.head_norm = at.vector(["ssm_norm"], [heads.D])
        self.output = Output(at.linear("ssm_out", at.width, values))
        self.states, self.past = states, (width - 1, heads.mixed)
        self.past_at = states.reserve(*self.past)
        self.memory_at = states.reserve(*heads.memory)

    @property
    def needs(self) -> Needs:
        wide = max(self.heads.width, self.columns)
        return Needs(wide, self.heads.mixed, self.heads.H * self.heads.D)

    def mix(self, rec: Recorder, act: Activations) -> None:
        heads = self.heads
        inputs, qkv = act.wide(heads.width), act.narrow(heads.mixed)
        self.inputs.apply(rec, act, act.hidden, inputs, norm=self.norm)
        past = self.states.view(self.past_at, *self.past)
        short_conv(rec, inputs, self.kernel, qkv, past=past, state=act.state)
        gated_delta(
            rec,
            heads,
            qkv,
            inputs,
            self.mixed(act),
            memory=self.states.view(self.memory_at, *heads.memory),
            rates=self.rates,
            norm=self.head_norm,
            state=act.state,
            eps=self.eps,
        )

    def mixed(self, act: Activations) -> Tensor:
        return act.gate(self.heads.H * self.heads.D)
