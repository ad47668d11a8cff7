"""A decoder: embedding, blocks, final norm and output."""

from typing import NamedTuple

from py_engine.gpu.recorder import Recorder
from py_engine.gpu.tensor import Tensor
from py_engine.layers.activations import Activations
from py_engine.layers.attention import Attention, rotation
from py_engine.layers.config import Config
from py_engine.layers.mlp import SwiGLU
from py_engine.layers.norm import Norm
from py_engine.layers.weights import Weights
from py_engine.ops.embed import embed, take_last


class Block(NamedTuple):
    """A pre-norm block: attention, then the feed-forward layer."""

    attention: Attention
    mlp: SwiGLU

    def apply(self, rec: Recorder, act: Activations) -> None:
        """hidden of T tokens."""
        self.attention.apply(rec, act)
        self.mlp.apply(rec, act)

    def finish(self, rec: Recorder, act: Activations) -> None:
        """hidden of many tokens whose keys and values are in the cache."""
        self.attention.attend(rec, act)
        self.mlp.apply(rec, act)


class Decoder:
    """A model: it records its forward pass and never waits.

    Args:
        context: positions of the cache.
        variant: `head_norm` as `Attention` has it.
    """

    def __init__(self, weights: Weights, config: Config, context: int, **variant: bool) -> None:
        self.config = config
        self.weights = weights
        width = config.embedding_length
        self.vocabulary = weights.rows("token_embd.weight")
        self.token_embd = weights.matrix(["token_embd.weight"], [self.vocabulary], width)
        freqs = rotation(weights, config)
        self.blocks = [
            Block(
                Attention(weights, f"blk.{i}", config, freqs=freqs, context=context, **variant),
                SwiGLU(weights, f"blk.{i}", config),
            )
            for i in range(config.block_count)
        ]
        self.output_norm = Norm(weights.vector(["output_norm.weight"], [width]), config.eps)
        self.output = self.token_embd
        if weights.has("output.weight"):
            self.output = weights.linear(["output.weight"], [self.vocabulary], width)
        weights.check_all_used()

    @property
    def split_gate(self) -> bool:
        """Some layer's gate and up differ in type and need a buffer between."""
        return not all(block.mlp.ffn_gate_up.interleaved for block in self.blocks)

    def decode(self, rec: Recorder, act: Activations) -> None:
        """hidden of the one token in `tokens`, at position state.pos."""
        self._embed(rec, act)
        for block in self.blocks:
            block.apply(rec, act)

    def prefill(self, rec: Recorder, act: Activations) -> None:
        """The cache of the first state.n of T tokens, from position state.pos.

        The last block's result is left to `last`, or `logits_all`: only logits need it.
        """
        self._embed(rec, act)
        *whole, last = self.blocks
        for block in whole:
            block.apply(rec, act)
        last.attention.remember(rec, act)

    def last(self, rec: Recorder, act: Activations, n_splits: int) -> None:
        """After `prefill`: hidden of the last of its tokens, and a state as if it came alone."""
        take_last(rec, act.hidden, state=act.state)
        self.blocks[-1].apply(rec, act.one(n_splits))

    def logits(self, rec: Recorder, act: Activations, logits: Tensor) -> None:
        """logits (V,) of one token, after `decode` or `last`."""
        self.output.apply(rec, act, act.hidden, logits, norm=self.output_norm)

    def logits_all(self, rec: Recorder, act: Activations, logits: Tensor) -> None:
        """After `prefill`: logits (T, V) of all its tokens."""
        self.blocks[-1].finish(rec, act)
        self.output.apply(rec, act, act.hidden, logits, norm=self.output_norm)

    def _embed(self, rec: Recorder, act: Activations) -> None:
        for weight, first in self.token_embd.parts:
            embed(rec, weight, act.tokens, act.hidden, state=act.state, first_row=first)
