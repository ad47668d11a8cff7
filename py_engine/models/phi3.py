"""Phi-3, Phi-3.5, Phi-4 and Phi-4-mini: fused rows, LongRoPE, some dimensions unrotated.

Reference: transformers/models/phi3. A window is not slid: contexts stay within it.
"""

from py_engine.layers.build import Block, Config, Decoder, Scope, Weights, dense, rotation


def model(weights: Weights, config: Config, context: int) -> Decoder:
    freqs = rotation(weights, config, context)

    def block(at: Scope, i: int) -> Block:
        heads = config.heads(i, neox=True)
        return dense(at, heads, freqs, context, config.feed_forward(i), packed=True)

    return Decoder(weights, config, block)
