"""Gemma 2: norms around each part, soft caps, and every other block slides a window.

Reference: transformers/models/gemma2
"""

from math import sqrt

from py_engine.layers.build import (
    Attention,
    Block,
    Config,
    Decoder,
    Gated,
    Scope,
    Weights,
    rotation,
)

WINDOWED = True


def model(weights: Weights, config: Config, context: int) -> Decoder:
    slides = config.slides(2)
    softcap = config.factor("attn_logit_softcapping", 50.0)
    far = near = rotation(weights, config, context)
    if config.value("rope.freq_base_swa") is not None:
        near = rotation(weights, config, context, base=config.real("rope.freq_base_swa"))
    heads = config.head_counts("attention.head_count")[0]
    large = config.block_count == 46  # 27B, whose queries are scaled by another size
    scale = 1 / sqrt(config.embedding_length / heads) if large else 0.0

    def block(at: Scope, i: int) -> Block:
        heads = config.heads(
            i,
            neox=True,
            window=config.window(4096) if slides[i] else 0,
            scale=scale,
            softcap=softcap,
        )
        cache = at.cache(heads, context)
        return (
            Attention(
                at,
                heads,
                cache,
                near if slides[i] else far,
                norm=at.norm("attn_norm"),
                post=at.norm("post_attention_norm"),
            ),
            Gated(
                at,
                config.feed_forward(i),
                norm=at.norm("ffn_norm"),
                activation="gelu",
                post=at.norm("post_ffw_norm"),
            ),
        )

    return Decoder(
        weights,
        config,
        block,
        embedding_scale=sqrt(config.embedding_length),
        logit_cap=config.factor("final_logit_softcapping", 30.0),
    )
