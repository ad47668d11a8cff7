"""Gemma 1: GELU in the gate, a scaled embedding.   Reference: transformers/models/gemma"""

from math import sqrt

from py_engine.layers.build import Block, Config, Decoder, Scope, Weights, dense, rotation


def model(weights: Weights, config: Config, context: int) -> Decoder:
    freqs = rotation(weights, config, context)

    def block(at: Scope, i: int) -> Block:
        heads = config.heads(i, neox=True)
        return dense(at, heads, freqs, context, config.feed_forward(i), activation="gelu")

    return Decoder(weights, config, block, embedding_scale=sqrt(config.embedding_length))
