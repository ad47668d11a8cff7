"""Per-layer embeddings: each block gets of each token a vector of its own (Gemma 3n, Gemma 4).

Reference: transformers/models/gemma3n, Gemma3nTextModel.project_per_layer_inputs.
"""

from math import sqrt

from py_engine.gpu.recorder import Recorder
from py_engine.layers.activations import Activations, Needs
from py_engine.layers.config import Config
from py_engine.layers.linear import Output
from py_engine.layers.scope import Scope
from py_engine.layers.weights import Weights
from py_engine.ops.embed import embed_layers
from py_engine.ops.gate import layer_mul

_NAME = "embedding_length_per_layer_input"


class PerLayerEmbedding:
    """inputs = (norm(W hidden / √C) + √P · embedding's row of the token) / √2, of all blocks.

    A part that comes before the blocks; P is the width of a block's inputs.
    """

    def __init__(self, weights: Weights, config: Config) -> None:
        self.width, self.eps = config.size(_NAME), config.eps
        self.size = self.width * config.block_count
        names = [f"per_layer_{name}.weight" for name in ("token_embd", "model_proj", "proj_norm")]
        self.table = weights.matrix(names[:1], [weights.rows("token_embd.weight")], self.size)
        self.projection = weights.linear(names[1:2], [self.size], config.embedding_length)
        self.norm = weights.vector(names[2:], [self.width])

    @property
    def needs(self) -> Needs:
        return Needs(inputs=self.size)

    def apply(self, rec: Recorder, act: Activations) -> None:
        inputs, scale = act.inputs(self.size), 1 / sqrt(self.projection.columns)
        self.projection.apply(rec, act, act.hidden, inputs, scale=scale)
        for weight, first in self.table.parts:
            embed_layers(
                rec,
                weight,
                act.tokens,
                self.norm,
                inputs,
                state=act.state,
                first_row=first,
                scale=sqrt(self.width),
                eps=self.eps,
            )


class PerLayerGate:
    """hidden += norm(W (gelu(gate · hidden) · inputs of this block)).

    Args:
        number: of its block, which picks its part of the inputs.
    """

    def __init__(self, at: Scope, embedding: PerLayerEmbedding, number: int) -> None:
        self.embedding, self.first = embedding, number * embedding.width
        self.gate = at.linear("inp_gate", embedding.width, at.width)
        self.output = Output(at.linear("proj", at.width, embedding.width), at.norm("post_norm"))

    @property
    def needs(self) -> Needs:
        return Needs(wide=self.embedding.width)

    def apply(self, rec: Recorder, act: Activations) -> None:
        x = act.wide(self.embedding.width)
        self.gate.apply(rec, act, act.hidden, x, activation="gelu")
        layer_mul(rec, x, act.inputs(self.embedding.size), at=self.first, state=act.state)
        self.output.apply(rec, act, x, act.narrow(self.gate.columns))
