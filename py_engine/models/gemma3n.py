"""Gemma 3n: four residual streams; else as Gemma 4, whose last blocks share caches.

Reference: transformers/models/gemma3n.
"""

from math import sqrt

from py_engine.layers.build import (
    UNSCALED,
    AltUp,
    Attention,
    Block,
    Cache,
    Config,
    Decoder,
    Gated,
    Laurel,
    PerLayerEmbedding,
    Scope,
    SharedAttention,
    StreamsFromOne,
    StreamsToOne,
    Weights,
    rotation,
)

WINDOWED = True
_OWNERS, _SPARSE = 20, 10
"""Blocks with a cache of their own, where the file does not say it; with sparse gates."""
_DEVIATIONS = 1.6448536
"""Above which lie 5 % of normal gates."""


def model(weights: Weights, config: Config, context: int) -> Decoder:
    config.neutral("altup.active_idx", 0)
    slides, count = config.slides(5), config.size("altup.num_inputs", 4, most=4)
    base = config.real("rope.freq_base_swa", 10000.0)
    near = rotation(weights, config, context, base=base, scaling=UNSCALED)
    far = rotation(weights, config, context)
    owners = min(_OWNERS, config.block_count)
    if config.value("attention.shared_kv_layers"):
        owners = config.block_count
        owners -= config.size("attention.shared_kv_layers", most=owners - 1)
    per_layer = PerLayerEmbedding(weights, config)
    rank = weights.rows("blk.0.laurel_l.weight")
    caches: dict[bool, Cache] = {}

    def attention(at: Scope, i: int) -> Attention | SharedAttention:
        window = config.window() if slides[i] else 0
        heads = config.heads(i, neox=True, window=window, scale=1.0, value_norm=True)
        freqs = near if slides[i] else far
        norm, post = at.norm("attn_norm"), at.norm("post_attention_norm")
        if i >= owners:
            return SharedAttention(at, heads, caches[slides[i]], freqs, norm=norm, post=post)
        cache = caches[slides[i]] = at.cache(heads, context)
        return Attention(at, heads, cache, freqs, norm=norm, head_norm="head", post=post)

    def block(at: Scope, i: int) -> Block:
        altup, mixer = AltUp(at, count, per_layer, i), attention(at, i)
        assert mixer.norm
        feed_forward = Gated(
            at,
            config.feed_forward(i),
            norm=at.norm("ffn_norm"),
            activation="gelu",
            deviations=_DEVIATIONS if i < _SPARSE else None,
            post=at.norm("post_ffw_norm"),
        )
        return altup.predict, mixer, Laurel(at, rank, norm=mixer.norm), feed_forward, altup.correct

    projections = [
        weights.slabs(f"{name}.weight", count - 1, *[config.embedding_length] * 2)
        for name in ("altup_proj", "altup_unembd_proj")
    ]
    return Decoder(
        weights,
        config,
        block,
        before=[per_layer, StreamsFromOne(projections[0])],
        after=[StreamsToOne(projections[1])],
        embedding_scale=sqrt(config.embedding_length),
        logit_cap=config.factor("final_logit_softcapping", 30.0),
    )
