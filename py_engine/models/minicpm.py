"""MiniCPM 1 and 2: as Granite, with scales that old files do not say.

Reference: modeling_minicpm.py of openbmb/MiniCPM-2B: scale_emb 12, scale_depth 1.4 over the root of
the number of blocks, and logits divided by C / 256.
"""

from math import sqrt

from py_engine.layers.build import Block, Config, Decoder, Scope, Weights, dense, rotation


def model(weights: Weights, config: Config, context: int) -> Decoder:
    config.neutral("expert_count", 0)
    scale = config.factor("residual_scale", 1.4 / sqrt(config.block_count))
    freqs = rotation(weights, config, context)

    def block(at: Scope, i: int) -> Block:
        heads = config.heads(i, neox=False)
        return dense(at, heads, freqs, context, config.feed_forward(i), scale=scale)

    return Decoder(
        weights,
        config,
        block,
        embedding_scale=config.factor("embedding_scale", 12.0),
        logit_scale=1 / config.factor("logit_scale", config.embedding_length / 256),
    )
