"""Qwen2 and Qwen2.5: biases on queries, keys and values.   Reference: transformers/models/qwen2"""

from py_engine.layers.attention import Attention, rotation
from py_engine.layers.config import Config
from py_engine.layers.decoder import Block, Decoder
from py_engine.layers.mlp import SwiGLU
from py_engine.layers.weights import Weights


def config(weights: Weights) -> Config:
    return Config.read(weights.gguf.metadata, "qwen2", neox=True)


def model(weights: Weights, config: Config, context: int) -> Decoder:
    freqs = rotation(weights, config)

    def block(i: int) -> Block:
        return Block(
            Attention(weights, f"blk.{i}", config, freqs=freqs, context=context, bias=True),
            SwiGLU(weights, f"blk.{i}", config),
        )

    return Decoder(weights, config, block)
