"""AFM of Arcee: a feed-forward layer without a gate.   Reference: transformers/models/arcee"""

from py_engine.layers.build import (
    Attention,
    Block,
    Config,
    Decoder,
    Plain,
    Scope,
    Weights,
    rotation,
)


def model(weights: Weights, config: Config, context: int) -> Decoder:
    freqs = rotation(weights, config, context)

    def block(at: Scope, i: int) -> Block:
        heads = config.heads(i, neox=False)
        cache = at.cache(heads, context)
        return (
            Attention(at, heads, cache, freqs, norm=at.norm("attn_norm")),
            Plain(at, config.feed_forward(i), norm=at.norm("ffn_norm"), activation="relu2"),
        )

    return Decoder(weights, config, block)
