"""Qwen3: an RMSNorm over each query and key head.   Reference: transformers/models/qwen3"""

from py_engine.layers.build import Block, Config, Decoder, Scope, Weights, dense, rotation


def model(weights: Weights, config: Config, context: int) -> Decoder:
    freqs = rotation(weights, config, context)

    def block(at: Scope, i: int) -> Block:
        heads = config.heads(i, neox=True)
        return dense(at, heads, freqs, context, config.feed_forward(i), head_norm="head")

    return Decoder(weights, config, block)
