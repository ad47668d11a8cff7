"""Caches that later blocks share: Gemma 3n and Gemma 4."""

from py_engine.gpu.tensor import Tensor
from py_engine.layers.attention import Attention, SharedAttention
from py_engine.layers.config import Config
from py_engine.layers.scope import Scope
from py_engine.ops.attention import Cache, Heads

_SHARED = "attention.shared_kv_layers"


class SharedCaches:
    """The last blocks read the cache of the last earlier block that sees as far as they do.

    Args:
        owners: blocks with a cache of their own, where the file does not say how many have none.
    """

    def __init__(self, config: Config, context: int, owners: int | None = None) -> None:
        self._config, self._context = config, context
        blocks, shared = config.block_count, config.count(_SHARED)
        self.owners = min(owners or blocks, blocks) if shared is None else blocks - shared
        self._last: dict[bool, tuple[Heads, Cache]] = {}

    def attention(
        self, at: Scope, block: int, heads: Heads, freqs: Tensor
    ) -> Attention | SharedAttention:
        """The attention of a block, with norms about it and of its heads.

        Raises:
            UnsupportedConfig: no earlier block has a cache that this one can read.
        """
        norm, post = at.norm("attn_norm"), at.norm("post_attention_norm")
        slides = heads.window > 0
        if block < self.owners:
            cache = at.cache(heads, self._context)
            self._last[slides] = heads, cache
            return Attention(at, heads, cache, freqs, norm=norm, head_norm="head", post=post)
        found = self._last.get(slides)
        if not found or (found[0].K, found[0].D) != (heads.K, heads.D):
            wanted = f"fewer, since block {block} finds no cache of its kind"
            raise self._config.refusal(_SHARED, self._config.value(_SHARED), wanted)
        return SharedAttention(at, heads, found[1], freqs, norm=norm, post=post)
