"""LFM2: short convolutions, and some attention.   Reference: transformers/models/lfm2"""

from py_engine.layers.build import (
    Attention,
    Block,
    Config,
    Decoder,
    Gated,
    Scope,
    ShortConv,
    States,
    Weights,
    rotation,
)

WINDOWED = True


def model(weights: Weights, config: Config, context: int) -> Decoder:
    config.neutral("expert_count", 0)
    freqs, states = rotation(weights, config, context), States(weights.memory)
    width = config.size("shortconv.l_cache", most=16)
    shared = config.head_counts("attention.head_count_kv")

    def mixer(at: Scope, i: int) -> Attention | ShortConv:
        norm = at.norm("attn_norm")
        if not shared[i]:
            return ShortConv(at, width, states, norm=norm)
        heads = config.heads(i, neox=True, window=config.window())
        return Attention(at, heads, at.cache(heads, context), freqs, norm=norm, head_norm="head")

    def block(at: Scope, i: int) -> Block:
        return mixer(at, i), Gated(at, config.feed_forward(i), norm=at.norm("ffn_norm"))

    return Decoder(weights, config, block, output_norm="token_embd_norm", states=states)
