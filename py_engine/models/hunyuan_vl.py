"""HunyuanOCR and Hunyuan-VL, text: as Hunyuan, dense, with a base that the file's alpha raises.

Reference: transformers/models/hunyuan_vl, where all four axes of a text's positions are one.
llama.cpp has zeros on the fourth: in its texts the slowest quarter of the pairs does not turn.
"""

from math import pow

from py_engine.layers.build import Block, Config, Decoder, Scope, Weights, dense, rotation

_MOST_ALPHA = 1e9


def model(weights: Weights, config: Config, context: int) -> Decoder:
    freqs = rotation(weights, config, context, base=_base(config))

    def block(at: Scope, i: int) -> Block:
        heads = config.heads(i, neox=True, turn_first=True)
        return dense(at, heads, freqs, context, config.feed_forward(i), head_norm="head")

    return Decoder(weights, config, block)


def _base(config: Config) -> float:
    """What NTK-aware scaling makes of the rotation's base."""
    name = "rope.scaling.alpha"
    alpha = config.factor(name)
    if not 0 < alpha <= _MOST_ALPHA:
        raise config.refusal(name, alpha, f"a number from 0 to {_MOST_ALPHA:g}")
    size = config.heads(0, neox=True).D
    return config.real("rope.freq_base", 10000.0) * pow(alpha, size / (size - 2))
