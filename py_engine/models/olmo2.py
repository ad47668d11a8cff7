"""OLMo 2 and 3: norms after each part and none before; in OLMo 3 three of four blocks slide.

Reference: transformers/models/olmo2 and olmo3. Queries and keys have a norm over the whole row.
What scales positions (YaRN) is for the blocks that see all.
"""

from py_engine.layers.build import UNSCALED, Block, Config, Decoder, Scope, Weights, dense, rotation

WINDOWED = True


def model(weights: Weights, config: Config, context: int) -> Decoder:
    slides = config.slides(4) if config.window() else [False] * config.block_count
    near = rotation(weights, config, context, scaling=UNSCALED)
    far = rotation(weights, config, context)

    def block(at: Scope, i: int) -> Block:
        window = config.window() if slides[i] else 0
        heads = config.heads(i, neox=True, window=window)
        return dense(
            at,
            heads,
            near if slides[i] else far,
            context,
            config.feed_forward(i),
            norms="after",
            head_norm="row",
        )

    return Decoder(weights, config, block)
