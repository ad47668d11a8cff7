"""SmolLM3: each fourth block has no positions (NoPE).   Reference: transformers/models/smollm3"""

from py_engine.layers.build import Block, Config, Decoder, Scope, Weights, dense, rotation


def model(weights: Weights, config: Config, context: int) -> Decoder:
    freqs = rotation(weights, config, context)

    def block(at: Scope, i: int) -> Block:
        heads = config.heads(i, neox=False, rotated=(i + 1) % 4 > 0)
        return dense(at, heads, freqs, context, config.feed_forward(i))

    return Decoder(weights, config, block)
