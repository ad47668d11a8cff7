"""Llama 2, 3, 3.1, 3.2, Mistral, SmolLM2.

Reference: transformers/models/llama; GGUF files keep queries and keys permuted, so that rotated
pairs are neighbours (llama.cpp, convert_hf_to_gguf.py).
"""

from py_engine.layers.build import Block, Config, Decoder, Scope, Weights, dense, rotation


def model(weights: Weights, config: Config, context: int) -> Decoder:
    config.neutral("expert_count", 0)
    freqs = rotation(weights, config, context)

    def block(at: Scope, i: int) -> Block:
        heads = config.heads(i, neox=False)
        return dense(at, heads, freqs, context, config.feed_forward(i))

    return Decoder(weights, config, block)
