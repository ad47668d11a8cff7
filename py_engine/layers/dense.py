"""The block of most models: attention, then a gated feed-forward layer, with norms about them."""

from typing import Literal

from py_engine.gpu.tensor import Tensor
from py_engine.layers.attention import Attention, HeadNorm
from py_engine.layers.feed_forward import Gated
from py_engine.layers.part import Block
from py_engine.layers.scope import Scope
from py_engine.ops.attention import Heads


def dense(
    at: Scope,
    heads: Heads,
    freqs: Tensor,
    context: int,
    inner: int,
    *,
    norms: Literal["before", "after", "around"] = "before",
    ffn_norm: str = "ffn_norm",
    head_norm: HeadNorm = "",
    activation: str = "silu",
    packed: bool = False,
    scale: float = 1.0,
) -> Block:
    """A block whose attention has a cache of its own.

    Args:
        freqs, head_norm: as `Attention` has them.
        context: positions of the cache.
        inner, activation, packed: as `Gated` has them.
        norms: of each part's input, of its result, or of both.
        ffn_norm: the name of that of the feed-forward layer's input.
        scale: of both results.
    """
    before, after = norms != "after", norms != "before"
    return (
        Attention(
            at,
            heads,
            at.cache(heads, context),
            freqs,
            norm=at.norm("attn_norm") if before else None,
            head_norm=head_norm,
            post=at.norm("post_attention_norm") if after else None,
            scale=scale,
        ),
        Gated(
            at,
            inner,
            norm=at.norm(ffn_norm) if before else None,
            activation=activation,
            packed=packed,
            post=at.norm("post_ffw_norm") if after else None,
            scale=scale,
        ),
    )
