"""Gemma 3n: four residual streams; else as Gemma 4, whose last blocks share caches.

Reference: transformers/models/gemma3n.
"""

from math import sqrt

from py_engine.layers.build import (
    UNSCALED,
    AltUp,
    Block,
    Config,
    Decoder,
    Gated,
    Laurel,
    PerLayerEmbedding,
    Scope,
    SharedCaches,
    StreamsFromOne,
    StreamsToOne,
    Weights,
    rotation,
)

WINDOWED = True
_OWNERS = 20
"""Blocks with a cache of their own, where the file does not say it."""
_SPARSE = 10
"""Blocks whose gates are sparse, where the file does not say it."""
_DEVIATIONS = 1.6448536
"""So many standard deviations above the mean: 5 % of a normal distribution are larger."""


def model(weights: Weights, config: Config, context: int) -> Decoder:
    config.neutral("altup.active_idx", 0)
    slides, count = config.slides(5), config.size("altup.num_inputs", 4, most=4)
    base = config.real("rope.freq_base_swa", 10000.0)
    near = rotation(weights, config, context, base=base, scaling=UNSCALED)
    far = rotation(weights, config, context)
    per_layer = PerLayerEmbedding(weights, config)
    rank = weights.rows("blk.0.laurel_l.weight")
    caches = SharedCaches(config, context, _OWNERS)
    window = config.size("attention.sliding_window", most=2**64)
    dense = [0.0] * max(config.block_count - _SPARSE, 0)
    sparsity = config.reals("activation_sparsity_scale", [_DEVIATIONS] * _SPARSE + dense)

    def block(at: Scope, i: int) -> Block:
        own = window if slides[i] else 0
        heads = config.heads(i, neox=True, window=own, scale=1.0, value_norm=True)
        mixer = caches.attention(at, i, heads, near if slides[i] else far)
        altup = AltUp(at, count, per_layer, i)
        assert mixer.norm
        feed_forward = Gated(
            at,
            config.feed_forward(i),
            norm=at.norm("ffn_norm"),
            activation="gelu",
            deviations=sparsity[i] or None,
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
