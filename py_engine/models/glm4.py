"""GLM-4-0414: norms before and after each part, one tensor for gate and up, half rotated.

Reference: transformers/models/glm4; files with sections of positions pair as GPT-NeoX does.
"""

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


def model(weights: Weights, config: Config, context: int) -> Decoder:
    sections = config.value("rope.dimension_sections")
    neox = isinstance(sections, list) and any(sections)
    freqs = rotation(weights, config, context)

    def block(at: Scope, i: int) -> Block:
        heads = config.heads(i, neox=neox)
        cache = at.cache(heads, context)
        return (
            Attention(
                at,
                heads,
                cache,
                freqs,
                norm=at.norm("attn_norm"),
                post=at.norm("post_attention_norm"),
            ),
            Gated(
                at,
                config.feed_forward(i),
                norm=at.norm("ffn_norm"),
                packed=True,
                post=at.norm("post_ffw_norm"),
            ),
        )

    return Decoder(weights, config, block)
