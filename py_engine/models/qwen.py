"""Qwen 1: fused queries, keys and values with a bias.

Reference: modeling_qwen.py of Qwen/Qwen-7B; its `feed_forward_length` counts gate and up together.
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
            Gated(at, config.feed_forward(i) // 2, norm=at.norm("ffn_norm")),
        )

    return Decoder(weights, config, block)
