"""EXAONE 4: norms after each part and none before; in the 32B model three of four blocks slide.

Reference: transformers/models/exaone4. Blocks that see all have no positions where others slide.
"""

from py_engine.layers.build import Block, Config, Decoder, Scope, Weights, dense, rotation

WINDOWED = True


def model(weights: Weights, config: Config, context: int) -> Decoder:
    large = config.block_count == 64  # as llama.cpp tells them: smaller files name a window too
    slides = config.slides(4) if large else [False] * config.block_count
    freqs = rotation(weights, config, context)

    def block(at: Scope, i: int) -> Block:
        window = config.window(4096) if slides[i] else 0
        heads = config.heads(i, neox=True, window=window, rotated=slides[i] or not large)
        return dense(
            at, heads, freqs, context, config.feed_forward(i), norms="after", head_norm="head"
        )

    return Decoder(weights, config, block)
