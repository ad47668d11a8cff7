"""Qwen3: an RMSNorm over each query and key head.   Reference: transformers/models/qwen3"""

from py_engine.layers.config import Config
from py_engine.layers.decoder import Decoder
from py_engine.layers.weights import Weights


def config(weights: Weights) -> Config:
    return Config.read(weights.gguf.metadata, "qwen3", neox=True)


def model(weights: Weights, config: Config, context: int) -> Decoder:
    return Decoder(weights, config, context, head_norm=True)
