"""Ministral 3: YaRN, and queries that grow with the logarithm of the position.

Reference: transformers/models/ministral3
"""

from py_engine.layers.build import Block, Config, Decoder, Scope, Weights, dense, rotation


def model(weights: Weights, config: Config, context: int) -> Decoder:
    config.neutral("expert_count", 0)
    warmth = config.factor("attention.temperature_scale", 0.0)
    original = config.size("rope.scaling.original_context_length", config.context_length)
    freqs = rotation(weights, config, context)

    def block(at: Scope, i: int) -> Block:
        heads = config.heads(i, neox=False, warmth=warmth, warm_from=original)
        return dense(at, heads, freqs, context, config.feed_forward(i))

    return Decoder(weights, config, block)
