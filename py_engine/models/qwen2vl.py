"""Qwen2-VL and Qwen2.5-VL, text: as Qwen2, since all axes of a text's positions are one.

Reference: transformers/models/qwen2_vl
"""

from py_engine.layers.build import Block, Config, Decoder, Scope, Weights, dense, rotation


def model(weights: Weights, config: Config, context: int) -> Decoder:
    weights.leave_out("output.bias")  # llama.cpp reads one, and adds none
    freqs = rotation(weights, config, context)

    def block(at: Scope, i: int) -> Block:
        heads = config.heads(i, neox=True)
        return dense(at, heads, freqs, context, config.feed_forward(i))

    return Decoder(weights, config, block)
