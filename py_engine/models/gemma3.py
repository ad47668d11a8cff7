"""Gemma 3: norms around each part and of heads; five of six blocks slide a window.

Reference: transformers/models/gemma3. What scales positions is for the blocks that see all; those
that slide turn faster, from a base of 10000.
"""

from math import sqrt

from py_engine.layers.build import (
    UNSCALED,
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
    slides = config.slides(6) if config.window() else [False] * config.block_count
    base = config.real("rope.freq_base_swa", 10000.0)
    far = rotation(weights, config, context)
    near = rotation(weights, config, context, base=base, scaling=UNSCALED)
    heads = config.head_counts("attention.head_count")[0]
    large = config.block_count == 62  # 27B, whose queries are scaled by another size
    scale = 1 / sqrt(config.embedding_length / heads) if large else 0.0

    def block(at: Scope, i: int) -> Block:
        heads = config.heads(
            i,
            neox=True,
            window=config.window() if slides[i] else 0,
            scale=scale,
        )
        cache = at.cache(heads, context)
        return (
            Attention(
                at,
                heads,
                cache,
                near if slides[i] else far,
                norm=at.norm("attn_norm"),
                head_norm="head",
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
        logit_cap=config.factor("final_logit_softcapping", 0.0),
    )
