"""A decoder: embedding, blocks, final norm and output. It knows no architecture."""

from collections.abc import Callable

from py_engine.gpu.recorder import Recorder
from py_engine.gpu.tensor import Tensor
from py_engine.layers.activations import Activations, Needs
from py_engine.layers.config import Config
from py_engine.layers.norm import Norm
from py_engine.layers.part import Block, mixes
from py_engine.layers.scope import Scope
from py_engine.layers.state import States
from py_engine.layers.weights import Weights
from py_engine.ops.embed import embed, take_last


class Decoder:
    """A model: it records its forward pass and never waits.

    Args:
        block: the parts of block i, from its tensors.
        before, after: parts between the embedding and block 0, and between the last and the norm.
        output_norm: the name of the final norm.
        embedding_scale, logit_scale: what multiplies the embedding, and the logits.
        logit_cap: logits become cap · tanh(logit / cap); 0: they stay.
        states: of its recurrent mixers, if any.
    """

    def __init__(
        self,
        weights: Weights,
        config: Config,
        block: Callable[[Scope, int], Block],
        *,
        before: Block = (),
        after: Block = (),
        output_norm: str = "output_norm",
        embedding_scale: float = 1.0,
        logit_scale: float = 1.0,
        logit_cap: float = 0.0,
        states: States | None = None,
    ) -> None:
        self.weights, self.width = weights, config.embedding_length
        self.embedding_scale, self.logit_scale = embedding_scale, logit_scale
        self.logit_cap = logit_cap
        self.vocabulary = weights.rows("token_embd.weight")
        shape = [self.vocabulary], self.width
        self.token_embd = weights.matrix(["token_embd.weight"], *shape)
        blocks = range(config.block_count)
        self.parts = list(before)
        for i in blocks:
            self.parts += block(Scope(weights, config, f"blk.{i}"), i)
        self.parts += after
        norm = weights.vector([f"{output_norm}.weight"], [self.width])
        self.output_norm = Norm(norm, config.eps)
        self.output = self.token_embd
        if weights.has("output.weight"):
            self.output = weights.linear(["output.weight"], *shape)
        weights.check_all_used()
        self.states = states
        if states:
            states.allocate()
        traces = [i for i, part in enumerate(self.parts) if mixes(part)]
        self._before, self._after = self.parts[: traces[-1]], self.parts[traces[-1] + 1 :]
        mixer = self.parts[traces[-1]]
        assert mixes(mixer)
        self._mixer = mixer

    @property
    def needs(self) -> Needs:
        """What its parts ask of the activations."""
        return Needs.most(part.needs for part in self.parts)

    def decode(self, rec: Recorder, act: Activations) -> None:
        """hidden of the one token in `tokens`, at position state.pos."""
        self._embed(rec, act)
        for part in self.parts:
            part.apply(rec, act)

    def prefill(self, rec: Recorder, act: Activations) -> None:
        """What the first state.n of T tokens leave for later ones, from position state.pos.

        The results of the last part that leaves something, and of those after it, are left to
        `last`, or `logits_all`: only logits need them.
        """
        self._embed(rec, act)
        for part in self._before:
            part.apply(rec, act)
        self._mixer.remember(rec, act)

    def last(self, rec: Recorder, act: Activations, n_splits: int) -> None:
        """After `prefill`: hidden of the last of its tokens, and a state as if it came alone."""
        one = act.one(n_splits)
        for rows in act.lasting:
            take_last(rec, rows, state=act.state, alone=False)
        self._mixer.last(rec, act, one)
        for part in self._after:
            part.apply(rec, one)

    def logits(self, rec: Recorder, act: Activations, logits: Tensor) -> None:
        """logits (V,) of one token, after `decode` or `last`."""
        self.output.apply(
            rec,
            act,
            act.hidden,
            logits,
            norm=self.output_norm,
            scale=self.logit_scale,
            cap=self.logit_cap,
        )

    def logits_all(self, rec: Recorder, act: Activations, logits: Tensor) -> None:
        """After `prefill`: logits (T, V) of all its tokens."""
        self._mixer.finish(rec, act)
        for part in self._after:
            part.apply(rec, act)
        self.logits(rec, act, logits)

    def _embed(self, rec: Recorder, act: Activations) -> None:
        scale = self.embedding_scale
        for weight, first in self.token_embd.parts:
            embed(
                rec, weight, act.tokens, act.hidden, state=act.state, first_row=first, scale=scale
            )
