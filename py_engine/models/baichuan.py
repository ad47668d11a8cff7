"""Baichuan 1 and 2, 7B: plain; the 13B models, with biases for positions (ALiBi), are refused.

Reference: modeling_baichuan.py of baichuan-inc/Baichuan2-7B-Chat
"""

from py_engine.layers.build import Block, Config, Decoder, Scope, Weights, dense, rotation


def model(weights: Weights, config: Config, context: int) -> Decoder:
    if config.block_count != 32:  # as llama.cpp tells them: no key says it
        wanted = "32, as of the 7B models, which have rotary positions"
        raise config.refusal("block_count", config.block_count, wanted)
    freqs = rotation(weights, config, context)

    def block(at: Scope, i: int) -> Block:
        heads = config.heads(i, neox=False)
        return dense(at, heads, freqs, context, config.feed_forward(i))

    return Decoder(weights, config, block)
