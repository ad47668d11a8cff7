"""Gemma 4, dense: a vector of each token for each block; the last blocks share caches.

Reference: transformers/models/gemma4. Blocks that slide a window and blocks that see all differ in
their heads' size, their number of key heads and their rotation.
"""

from math import sqrt

from py_engine.layers.build import (
    UNSCALED,
    Block,
    Config,
    Decoder,
    Gated,
    Part,
    PerLayerEmbedding,
    PerLayerGate,
    Scaled,
    Scope,
    SharedCaches,
    Weights,
    rotation,
)

WINDOWED = True


def model(weights: Weights, config: Config, context: int) -> Decoder:
    config.neutral("expert_count", 0)
    slides = config.slides(None)
    base, turned = config.real("rope.freq_base_swa", 10000.0), config.rotated(near=True)
    near = rotation(
        weights, config, context, base=base, scaling=UNSCALED, rotated=turned, divided=False
    )
    far = rotation(weights, config, context)
    per_layer = None
    if config.value("embedding_length_per_layer_input"):
        per_layer = PerLayerEmbedding(weights, config)
    caches = SharedCaches(config, context)
    window = config.size("attention.sliding_window", most=2**64)

    def attention(at: Scope, i: int) -> Part:
        sliding = slides[i]
        heads = config.heads(
            i,
            neox=True,
            near=sliding,
            window=window if sliding else 0,
            scale=1.0,
            value_norm=True,
            tied=not (sliding or at.has("attn_v") or at.has("attn_qkv")),
        )
        return caches.attention(at, i, heads, near if sliding else far)

    def block(at: Scope, i: int) -> Block:
        norm, post = at.norm("ffn_norm"), at.norm("post_ffw_norm")
        inner = config.feed_forward(i)
        parts: list[Part] = [
            attention(at, i),
            Gated(at, inner, norm=norm, activation="gelu", post=post),
        ]
        if per_layer:
            parts.append(PerLayerGate(at, per_layer, i))
        if at.has("layer_output_scale"):
            parts.append(Scaled(at, "layer_output_scale"))
        return parts

    return Decoder(
        weights,
        config,
        block,
        before=[per_layer] if per_layer else (),
        embedding_scale=sqrt(config.embedding_length),
        logit_cap=config.factor("final_logit_softcapping", 0.0),
    )
