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
from py_engine.ops.embed import embed


class Block(NamedTuple):
    """A pre-norm block: attention, then the feed-forward layer."""

    attention: Attention
    mlp: SwiGLU


class Decoder:
    """A model: it records its forward pass and never waits.

    Args:
        context: positions of the cache.
        variant: `bias` and `head_norm` as `Attention` has them.
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
            self.output = weights.matrix(["output.weight"], [self.vocabulary], width)
        weights.check_all_used()

    @property
    def split_gate(self) -> bool:
        """Some layer's gate and up differ in type and need a buffer between."""
        return not all(block.mlp.ffn_gate_up.interleaved for block in self.blocks)

    def decode(self, rec: Recorder, act: Activations, n_splits: int) -> None:
        """hidden of the one token in `tokens`, at position state.pos."""
        self._embed(rec, act)
        for block in self.blocks:
            block.attention.decode(rec, act, n_splits)
            block.mlp.decode(rec, act)

    def prefill(self, rec: Recorder, act: Activations) -> None:
        """hidden of the first state.n of T tokens, from position state.pos."""
        self._embed(rec, act)
        for block in self.blocks:
            block.attention.prefill(rec, act)
            block.mlp.prefill(rec, act)

    def logits_last(self, rec: Recorder, act: Activations, logits: Tensor) -> None:
        """logits (V,) of the last of the state.n tokens."""
        self.output.decode(rec, act, act.hidden, logits, norm=self.output_norm, last=True)

    def logits_all(self, rec: Recorder, act: Activations, logits: Tensor) -> None:
        """logits (T, V) of every token."""
        self.output.prefill(rec, act, act.hidden, logits, norm=self.output_norm)

    def _embed(self, rec: Recorder, act: Activations) -> None:
        for weight, first in self.token_embd.parts:
            embed(rec, weight, act.tokens, act.hidden, state=act.state, first_row=first)
