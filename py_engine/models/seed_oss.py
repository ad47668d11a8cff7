"""Seed-OSS: biases on queries, keys and values; another name for the feed-forward norm.

Reference: transformers/models/seed_oss
"""

from py_engine.layers.build import Block, Config, Decoder, Scope, Weights, dense, rotation


def model(weights: Weights, config: Config, context: int) -> Decoder:
    freqs = rotation(weights, config, context)

    def block(at: Scope, i: int) -> Block:
        heads = config.heads(i, neox=True)
        return dense(
            at, heads, freqs, context, config.feed_forward(i), ffn_norm="post_attention_norm"
        )

    return Decoder(weights, config, block)
