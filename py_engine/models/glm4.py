"""GLM-4-0414: norms before and after each part, one tensor for gate and up, half rotated.

Reference: transformers/models/glm4; files with sections of positions pair as GPT-NeoX does.
"""

from py_engine.layers.build import Block, Config, Decoder, Scope, Weights, dense, rotation


def model(weights: Weights, config: Config, context: int) -> Decoder:
    sections = config.value("rope.dimension_sections")
    neox = isinstance(sections, list) and any(sections)
    freqs = rotation(weights, config, context)

    def block(at: Scope, i: int) -> Block:
        heads = config.heads(i, neox=neox)
        return dense(at, heads, freqs, context, config.feed_forward(i), norms="around", packed=True)

    return Decoder(weights, config, block)
