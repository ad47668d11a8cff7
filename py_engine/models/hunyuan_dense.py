"""Hunyuan, dense: the norm of query and key heads comes after the rotation.

Reference: transformers/models/hunyuan_v1_dense
"""

from py_engine.layers.build import (
    Block,
    Config,
    Decoder,
    Scope,
    Weights,
    dense,
    ntk_base,
    rotation,
)


def model(weights: Weights, config: Config, context: int) -> Decoder:
    freqs = rotation(weights, config, context, base=ntk_base(config))

    def block(at: Scope, i: int) -> Block:
        heads = config.heads(i, neox=True, turn_first=True)
        return dense(at, heads, freqs, context, config.feed_forward(i), head_norm="head")

    return Decoder(weights, config, block)
