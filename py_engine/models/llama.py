"""Llama 2, 3, 3.1, 3.2, Mistral, SmolLM2.

Reference: transformers/models/llama; GGUF files keep queries and keys permuted, so that rotated
pairs are neighbours (llama.cpp, convert_hf_to_gguf.py).
"""

from py_engine.layers.attention import Attention, rotation
from py_engine.layers.config import Config
from py_engine.layers.decoder import Block, Decoder
from py_engine.layers.mlp import SwiGLU
from py_engine.layers.weights import Weights


def config(weights: Weights) -> Config:
    return Config.read(weights.gguf.metadata, "llama", neox=False)


def model(weights: Weights, config: Config, context: int) -> Decoder:
    freqs = rotation(weights, config)

    def block(i: int) -> Block:
        return Block(
            Attention(weights, f"blk.{i}", config, freqs=freqs, context=context),
            SwiGLU(weights, f"blk.{i}", config),
        )

    return Decoder(weights, config, block)
