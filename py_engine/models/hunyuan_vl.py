"""HunyuanOCR and Hunyuan-VL, text: as Hunyuan, dense, with a base that the file's alpha raises.

Reference: transformers/models/hunyuan_vl, where all four axes of a text's positions are one.
llama.cpp has zeros on the fourth: in its texts the slowest quarter of the pairs does not turn.
"""

from py_engine.layers.build import (
    Block,
    Config,
    Decoder,
    Scope,
    Weights,
    dense,
    ntk_base,
    rotation,
)


def model(weights: Weights, config: Config, context: int) -> Decoder:
    freqs = rotation(weights, config, context, base=ntk_base(config))

    def block(at: Scope, i: int) -> Block:
        heads = config.heads(i, neox=True, turn_first=True)
        return dense(at, heads, freqs, context, config.feed_forward(i), head_norm="head")

    return Decoder(weights, config, block)
