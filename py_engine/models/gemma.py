"""Gemma 1: GELU in the gate, a scaled embedding.   Reference: transformers/models/gemma"""

from math import sqrt

from py_engine.layers.build import (
    Attention,
    Block,
    Config,
    Decoder,
    Gated,
    Scope,
    Weights,
    rotation,
)


def model(weights: Weights, config: Config, context: int) -> Decoder:
    freqs = rotation(weights, config, context)

    def block(at: Scope, i: int) -> Block:
        heads = config.heads(i, neox=True)
        cache = at.cache(heads, context)
        return (
            Attention(at, heads, cache, freqs, norm=at.norm("attn_norm")),
            Gated(at, config.feed_forward(i), norm=at.norm("ffn_norm"), activation="gelu"),
        )

    return Decoder(weights, config, block, embedding_scale=sqrt(config.embedding_length))
