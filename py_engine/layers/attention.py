"""Grouped-query attention with rotary positions, a cache, and optional biases and head norms."""

from py_engine.gpu.recorder import Recorder
from py_engine.gpu.tensor import Tensor
from py_engine.layers.activations import Activations
from py_engine.layers.config import Config
from py_engine.layers.norm import Norm
from py_engine.layers.weights import Weights
from py_engine.ops.attention import (
    Cache,
    attention_decode,
    attention_prefill,
    rates,
    rope_cache,
    rope_divide,
)


def rotation(weights: Weights, config: Config) -> Tensor:
    """The kernels' table of rotation rates, (pairs, 4) u32, shared by all layers.

    `rope_freqs.weight`, where a file has it (Llama 3.1 and later), divides them.
    """
    heads = config.heads
    pairs = heads.rot // 2
    table = weights.memory.tensor((pairs, 4), "rotation", "u32")
    plain = [config.freq_scale * config.freq_base ** (-2.0 * i / heads.rot) for i in range(pairs)]
    weights.memory.device.write(table.handle, 0, rates(plain))
    if weights.has("rope_freqs.weight"):
        factors = weights.vector(["rope_freqs.weight"], [pairs])
        weights.afterwards(lambda rec: rope_divide(rec, factors, table))
    return table


class Attention:
    """One layer's attention and its part of the residual stream.

    Args:
        prefix: "blk.0" and so on.
        freqs: the rotation table, shared by all layers.
        head_norm: query and key heads have an RMSNorm of their own (Qwen3).
    """

    def __init__(
        self,
        weights: Weights,
        prefix: str,
        config: Config,
        *,
        freqs: Tensor,
        context: int,
        head_norm: bool = False,
    ) -> None:
        heads, width = config.heads, config.embedding_length
        self.heads, self.eps, self.freqs = heads, config.eps, freqs
        sizes = (heads.H * heads.D, heads.K * heads.D, heads.K * heads.D)
        names = [f"{prefix}.attn_{part}" for part in "qkv"]
        self.attn_norm = Norm(weights.vector([f"{prefix}.attn_norm.weight"], [width]), config.eps)
        self.attn_qkv = weights.linear([f"{name}.weight" for name in names], sizes, width)
        self.attn_output = weights.linear(
            [f"{prefix}.attn_output.weight"], [width], heads.H * heads.D
        )
        self.norm: Tensor | None = None
        if head_norm:
            norms = [f"{prefix}.attn_q_norm.weight", f"{prefix}.attn_k_norm.weight"]
            self.norm = weights.vector(norms, [heads.D, heads.D])
        cached = (heads.K, heads.D // 8, context, 4)
        self.cache = Cache(
            weights.memory.tensor(cached, f"{prefix} keys", "u32"),
            weights.memory.tensor(cached, f"{prefix} values", "u32"),
            context,
        )

    def apply(self, rec: Recorder, act: Activations) -> None:
        """hidden += attention of T tokens, whose keys and values go to the cache."""
        if act.T > 1:
            self.remember(rec, act)
            self.attend(rec, act)
            return
        self.attn_qkv.apply(rec, act, act.hidden, act.qkv, norm=self.attn_norm)
        attention_decode(
            rec,
            self.heads,
            act.qkv,
            self.cache,
            freqs=self.freqs,
            partial=act.partial,
            out=act.attended,
            state=act.state,
            n_splits=act.n_splits,
            norm=self.norm,
            eps=self.eps,
        )
        self.attn_output.apply(rec, act, act.attended, act.hidden, add=True)

    def remember(self, rec: Recorder, act: Activations) -> None:
        """Keys and values of many tokens to the cache, their queries to act.q."""
        self.attn_qkv.apply(rec, act, act.hidden, act.qkv, norm=self.attn_norm)
        rope_cache(
            rec,
            self.heads,
            act.qkv,
            self.cache,
            freqs=self.freqs,
            q=act.q,
            state=act.state,
            norm=self.norm,
            eps=self.eps,
        )

    def attend(self, rec: Recorder, act: Activations) -> None:
        """hidden += attention of the tokens that were remembered last."""
        attention_prefill(rec, self.heads, act.q, self.cache, out=act.attended, state=act.state)
        self.attn_output.apply(rec, act, act.attended, act.hidden, add=True)
