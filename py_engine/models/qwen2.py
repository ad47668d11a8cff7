"""Qwen2 and Qwen2.5: biases on queries, keys and values.   Reference: transformers/models/qwen2"""

from py_engine.layers.config import Config
from py_engine.layers.decoder import Decoder
from py_engine.layers.weights import Weights


def config(weights: Weights) -> Config:
    return Config.read(weights.gguf.metadata, "qwen2", neox=True)


def model(weights: Weights, config: Config, context: int) -> Decoder:
    return Decoder(weights, config, context)
