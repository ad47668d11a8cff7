"""DeciLM and Llama-Nemotron: blocks of different heads and widths, some without a part.

Reference: modeling_decilm.py of nvidia/Llama-3_1-Nemotron-51B-Instruct
"""

from py_engine.layers.build import (
    Attention,
    Block,
    Config,
    Decoder,
    Gated,
    Mapped,
    Scope,
    Weights,
    rotation,
)


def model(weights: Weights, config: Config, context: int) -> Decoder:
    freqs = rotation(weights, config, context)
    queries = config.head_counts("attention.head_count")
    shared = config.head_counts("attention.head_count_kv")

    def attention(at: Scope, i: int) -> Block:
        if not queries[i]:
            return ()
        if not shared[i]:
            return (Mapped(at, "attn_output", norm=at.norm("attn_norm")),)
        heads = config.heads(i, neox=False)
        cache = at.cache(heads, context)
        return (Attention(at, heads, cache, freqs, norm=at.norm("attn_norm")),)

    def block(at: Scope, i: int) -> Block:
        if not config.sizes("feed_forward_length", least=0)[i]:
            return attention(at, i)
        return (*attention(at, i), Gated(at, config.feed_forward(i), norm=at.norm("ffn_norm")))

    return Decoder(weights, config, block)
