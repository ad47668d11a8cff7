"""InternLM 2, 2.5 and 3.   Reference: modeling_internlm2.py of internlm/internlm2-chat-7b"""

from py_engine.layers.build import Block, Config, Decoder, Scope, Weights, dense, rotation


def model(weights: Weights, config: Config, context: int) -> Decoder:
    freqs = rotation(weights, config, context)

    def block(at: Scope, i: int) -> Block:
        heads = config.heads(i, neox=False)
        return dense(at, heads, freqs, context, config.feed_forward(i))

    return Decoder(weights, config, block)
