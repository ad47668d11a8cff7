"""openPangu-Embedded: biases on all of attention.

Reference: modeling_openpangu_dense.py of openPangu-Embedded-1B
"""

from py_engine.layers.build import Block, Config, Decoder, Scope, Weights, dense, rotation


def model(weights: Weights, config: Config, context: int) -> Decoder:
    weights.leave_out("rope_freqs.weight")  # llama.cpp reads them, and turns without
    freqs = rotation(weights, config, context)

    def block(at: Scope, i: int) -> Block:
        heads = config.heads(i, neox=True)
        return dense(at, heads, freqs, context, config.feed_forward(i))

    return Decoder(weights, config, block)
