"""Qwen2-VL and Qwen2.5-VL, text: as Qwen2, since all axes of a text's positions are one.

Reference: transformers/models/qwen2_vl
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
        heads = config.heads(i, neox=True)
        cache = at.cache(heads, context)
        return (
            Attention(at, heads, cache, freqs, norm=at.norm("attn_norm")),
            Gated(at, config.feed_forward(i), norm=at.norm("ffn_norm")),
        )

    return Decoder(weights, config, block)
