"""What a model file says its net with: the parts, and the tables and keys that they take."""

from py_engine.layers.altup import AltUp, Laurel, StreamsFromOne, StreamsToOne
from py_engine.layers.attention import Attention
from py_engine.layers.config import Config
from py_engine.layers.decoder import Decoder
from py_engine.layers.dense import dense
from py_engine.layers.feed_forward import Gated, Mapped, Plain, Scaled
from py_engine.layers.part import Block, Part
from py_engine.layers.per_layer import PerLayerEmbedding, PerLayerGate
from py_engine.layers.recurrent import DeltaNet, ShortConv
from py_engine.layers.rotation import UNSCALED, ntk_base, rotation
from py_engine.layers.scope import Scope
from py_engine.layers.shared import SharedCaches
from py_engine.layers.state import States
from py_engine.layers.weights import Weights
from py_engine.ops.delta import DeltaHeads

__all__ = (
    "UNSCALED",
    "AltUp",
    "Attention",
    "Block",
    "Config",
    "Decoder",
    "DeltaHeads",
    "DeltaNet",
    "Gated",
    "Laurel",
    "Mapped",
    "Part",
    "PerLayerEmbedding",
    "PerLayerGate",
    "Plain",
    "Scaled",
    "Scope",
    "SharedCaches",
    "ShortConv",
    "States",
    "StreamsFromOne",
    "StreamsToOne",
    "Weights",
    "dense",
    "ntk_base",
    "rotation",
)
