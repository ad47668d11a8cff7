"""Llama 2, 3, 3.1, 3.2, Mistral, SmolLM2.

Reference: transformers/models/llama; GGUF files keep queries and keys permuted, so that rotated
pairs are neighbours (llama.cpp, convert_hf_to_gguf.py).
"""

from py_engine.layers.config import Config
from py_engine.layers.decoder import Decoder
from py_engine.layers.weights import Weights


def config(weights: Weights) -> Config:
    return Config.read(weights.gguf.metadata, "llama", neox=False)


def model(weights: Weights, config: Config, context: int) -> Decoder:
    return Decoder(weights, config, context)
