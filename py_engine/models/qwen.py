"""Qwen 1: fused queries, keys and values with a bias.

Reference: modeling_qwen.py of Qwen/Qwen-7B; its `feed_forward_length` counts gate and up together.
"""

from py_engine.layers.build import Block, Config, Decoder, Scope, Weights, dense, rotation


def model(weights: Weights, config: Config, context: int) -> Decoder:
    freqs = rotation(weights, config, context)

    def block(at: Scope, i: int) -> Block:
        heads = config.heads(i, neox=True)
        return dense(at, heads, freqs, context, config.feed_forward(i) // 2)

    return Decoder(weights, config, block)
