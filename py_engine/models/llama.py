"""Llama 2, 3, 3.1, 3.2, Mistral, SmolLM2.

Reference: transformers/models/llama; GGUF files keep queries and keys permuted, so that rotated
pairs are neighbours (llama.cpp, convert_hf_to_gguf.py).
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
    config.neutral("expert_count", 0)
    freqs = rotation(weights, config, context)

    def block(at: Scope, i: int) -> Block:
        heads = config.heads(i, neox=False)
        cache = at.cache(heads, context)
        return (
            Attention(at, heads, cache, freqs, norm=at.norm("attn_norm")),
            Gated(at, config.feed_forward(i), norm=at.norm("ffn_norm")),
        )

    return Decoder(weights, config, block)
