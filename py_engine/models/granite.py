"""Granite 3 and 4, dense: scales on the embedding, both branches, the scores and the logits.

Reference: transformers/models/granite; `rope.scaling.finetuned` false says that positions do not
count (llama.cpp, src/models/granite.cpp).
"""

from py_engine.layers.build import Block, Config, Decoder, Scope, Weights, dense, rotation


def model(weights: Weights, config: Config, context: int) -> Decoder:
    config.neutral("expert_count", 0)
    rotated = config.flag("rope.scaling.finetuned", True)
    scale = config.factor("residual_scale")
    scores = config.factor("attention.scale", 0.0)
    freqs = rotation(weights, config, context)

    def block(at: Scope, i: int) -> Block:
        heads = config.heads(i, neox=False, rotated=rotated, scale=scores)
        return dense(at, heads, freqs, context, config.feed_forward(i), scale=scale)

    return Decoder(
        weights,
        config,
        block,
        embedding_scale=config.factor("embedding_scale"),
        logit_scale=1 / config.factor("logit_scale"),
    )
