"""Qwen3: an RMSNorm over each query and key head.   Reference: transformers/models/qwen3"""

from py_engine.layers.attention import Attention, rotation
from py_engine.layers.config import Config
from py_engine.layers.decoder import Block, Decoder
from py_engine.layers.mlp import SwiGLU
from py_engine.layers.weights import Weights


def config(weights: Weights) -> Config:
    return Config.read(weights.gguf.metadata, "qwen3", neox=True)


def model(weights: Weights, config: Config, context: int) -> Decoder:
    freqs = rotation(weights, config)

    def block(i: int) -> Block:
        return Block(
            Attention(weights, f"blk.{i}", config, freqs=freqs, context=context, head_norm=True),
            SwiGLU(weights, f"blk.{i}", config),
        )

    return Decoder(weights, config, block)
