"""Baichuan 1 and 2, 7B: plain; the 13B models, with biases for positions (ALiBi), are refused.

Reference: modeling_baichuan.py of baichuan-inc/Baichuan2-7B-Chat
"""

from py_engine.layers.build import (
    Attention,
    Block,
    Config,
    Decoder,
    Gated,
    Scope,
    Weights,
    rotation,
)


def model(weights: Weights, config: Config, context: int) -> Decoder:
    if config.block_count == 40:  # as llama.cpp tells them: no key says it
        raise config.refusal(
            "block_count", 40, "the blocks of a 7B model, which has rotary positions"
        )
    freqs = rotation(weights, config, context)

    def block(at: Scope, i: int) -> Block:
        heads = config.heads(i, neox=False)
        cache = at.cache(heads, context)
        return (
            Attention(at, heads, cache, freqs, norm=at.norm("attn_norm")),
            Gated(at, config.feed_forward(i), norm=at.norm("ffn_norm")),
        )

    return Decoder(weights, config, block)
