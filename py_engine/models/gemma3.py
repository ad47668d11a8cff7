"""Gemma 3: norms around each part and of heads; five of six blocks slide a window.

Reference: transformers/models/gemma3. What scales positions is for the blocks that see all; those
that slide turn faster, from a base of 10000.
"""

from math import sqrt

from py_engine.layers.build import UNSCALED, Block, Config, Decoder, Scope, Weights, dense, rotation

WINDOWED = True


def model(weights: Weights, config: Config, context: int) -> Decoder:
    slides = config.slides(6) if config.window() else [False] * config.block_count
    base = config.real("rope.freq_base_swa", 10000.0)
    near = rotation(weights, config, context, base=base, scaling=UNSCALED)
    far = rotation(weights, config, context)
    count = config.head_counts("attention.head_count")[0]
    large = config.block_count == 62  # 27B, whose queries are scaled by another size
    scale = 1 / sqrt(config.embedding_length / count) if large else 0.0

    def block(at: Scope, i: int) -> Block:
        window = config.window() if slides[i] else 0
        heads = config.heads(i, neox=True, window=window, scale=scale)
        freqs, inner = near if slides[i] else far, config.feed_forward(i)
        return dense(
            at, heads, freqs, context, inner, norms="around", head_norm="head", activation="gelu"
        )

    return Decoder(
        weights,
        config,
        block,
        embedding_scale=sqrt(config.embedding_length),
        logit_cap=config.factor("final_logit_softcapping", 0.0),
    )
