"""Maincoder: the norm of query and key heads comes after the rotation.

Reference: modeling_maincoder.py of Maincode/Maincoder-1B
"""

from py_engine.layers.build import Block, Config, Decoder, Scope, Weights, dense, rotation


def model(weights: Weights, config: Config, context: int) -> Decoder:
    freqs = rotation(weights, config, context)

    def block(at: Scope, i: int) -> Block:
        heads = config.heads(i, neox=False, turn_first=True)
        return dense(at, heads, freqs, context, config.feed_forward(i), head_norm="head")

    return Decoder(weights, config, block)
