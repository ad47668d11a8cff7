"""EXAONE 3 and 3.5.   Reference: modeling_exaone.py of LGAI-EXAONE/EXAONE-3.5-2.4B-Instruct"""

from py_engine.layers.build import Block, Config, Decoder, Scope, Weights, dense, rotation


def model(weights: Weights, config: Config, context: int) -> Decoder:
    freqs = rotation(weights, config, context)

    def block(at: Scope, i: int) -> Block:
        heads = config.heads(i, neox=True)
        return dense(at, heads, freqs, context, config.feed_forward(i))

    return Decoder(weights, config, block)
