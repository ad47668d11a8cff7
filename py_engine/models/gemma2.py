"""Gemma 2: norms around each part, soft caps, and every other block slides a window.

Reference: transformers/models/gemma2
"""

from math import sqrt

from py_engine.layers.build import Block, Config, Decoder, Scope, Weights, dense, rotation

WINDOWED = True


def model(weights: Weights, config: Config, context: int) -> Decoder:
    slides = config.slides(2)
    softcap = config.factor("attn_logit_softcapping", 50.0)
    base = config.real("rope.freq_base", 10000.0)
    near = rotation(weights, config, context, base=config.real("rope.freq_base_swa", base))
    far = rotation(weights, config, context)
    count = config.head_counts("attention.head_count")[0]
    large = config.block_count == 46  # 27B, whose queries are scaled by another size
    scale = 1 / sqrt(config.embedding_length / count) if large else 0.0

    def block(at: Scope, i: int) -> Block:
        window = config.window(4096) if slides[i] else 0
        heads = config.heads(i, neox=True, window=window, scale=scale, softcap=softcap)
        freqs, inner = near if slides[i] else far, config.feed_forward(i)
        return dense(at, heads, freqs, context, inner, norms="around", activation="gelu")

    return Decoder(
        weights,
        config,
        block,
        embedding_scale=sqrt(config.embedding_length),
        logit_cap=config.factor("final_logit_softcapping", 30.0),
    )
