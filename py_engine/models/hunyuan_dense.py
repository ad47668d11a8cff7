"""Hunyuan, dense: the norm of query and key heads comes after the rotation.

Reference: transformers/models/hunyuan_v1_dense
"""

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
        heads = config.heads(i, neox=True, turn_first=True)
        cache = at.cache(heads, context)
        return (
            Attention(at, heads, cache, freqs, norm=at.norm("attn_norm"), head_norm="head"),
            Gated(at, config.feed_forward(i), norm=at.norm("ffn_norm")),
        )

    return Decoder(weights, config, block)
