"""Causal attention with grouped queries over a cache of halves, and its rotary embedding.

Letters: T tokens of this call, H query heads, K key and value heads, D head size, S positions of
the cache. Keys lie as (K, D/8, S) and values as (K, S, D/8) elements of 8 halves, so that both
are read side by side: a lane takes a position of the keys, and eight dimensions of the values.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from math import pi
from struct import pack
from typing import TypedDict

from py_engine.gpu.recorder import Recorder
from py_engine.gpu.tensor import Tensor
from py_engine.gpu.wgsl import Value

SPAN = 256
"""Positions that one split of `attention_decode` may have; the shader's constant."""
_SHORT, _BUSY = 64, 32
POSITIONS = 2**20
"""As many rope.wgsl counts exactly."""


@dataclass(frozen=True)
class Heads:
    """The shape of an attention layer and what it does to its heads and scores.

    A head's size D is a multiple of 8, of at most 512; `rot` of its dimensions are rotated.
    """

    H: int
    K: int
    D: int
    rot: int
    neox: bool
    """Pairs are (i, i + rot/2) as in GPT-NeoX, else (2i, 2i + 1) as in Llama's GGUF files."""
    scale: float = 0.0
    """Of the scores; 0: 1/sqrt(D)."""
    window: int = 0
    """Positions that a query sees, its own included; 0: all up to its own."""
    softcap: float = 0.0
    """Scores become softcap · tanh(score / softcap), before the mask; 0: they stay."""
    turn_first: bool = False
    """The heads' norm comes after the rotation."""
    warmth: float = 0.0
    """Queries are multiplied by 1 + warmth · ln(1 + floor(position / warm_from))."""
    warm_from: int = 0
    value_norm: bool = False
    """Values pass an RMSNorm without weights, a head each, with the head norms' epsilon."""
    tied: bool = False
    """Values are the keys before their norm and rotation."""

    @property
    def sizes(self) -> list[int]:
        """Columns of the queries, of the keys and, unless they are tied, of the values."""
        keys = self.K * self.D
        return [self.H * self.D, keys] if self.tied else [self.H * self.D, keys, keys]

    @property
    def width(self) -> int:
        """Columns of all these, stacked."""
        return sum(self.sizes)


class HeadOptions(TypedDict, total=False):
    """The fields of `Heads` that have defaults."""

    scale: float
    window: int
    softcap: float
    turn_first: bool
    warmth: float
    warm_from: int
    value_norm: bool
    tied: bool


@dataclass(frozen=True)
class Cache:
    """Keys and values of one layer for S positions."""

    keys: Tensor
    values: Tensor
    S: int


def splits(positions: int) -> int:
    """The number of splits, a power of two, for a step that sees `positions` positions.

    One as long as that is enough; then so many that a large GPU is busy, up to a split for 64.
    """
    needed = -(-positions // SPAN)
    if needed > 1:
        needed = max(needed, min(-(-positions // _SHORT), _BUSY))
    return 1 << (needed - 1).bit_length()


def _splits(heads: Heads, n: int) -> int:
    """So many of n splits as the layer's window needs."""
    return min(n, splits(heads.window)) if heads.window else n


def partial_size(heads: Heads, positions: int) -> int:
    """Elements of `attention_decode`'s scratch for a cache of so many positions."""
    return _splits(heads, splits(positions)) * heads.H * (heads.D + 2)


def most_positions(heads: Heads, largest: int) -> int:
    """Positions of the longest cache of which no part needs a buffer above `largest` bytes."""
    cached = largest // (2 * heads.K * heads.D)
    return bisect_right(range(1, cached + 1), largest // 4, key=lambda n: partial_size(heads, n))


def rates(frequencies: Sequence[float], magnitude: float = 1.0) -> bytes:
    """The shader's table of turns per position, from radians per position of each pair.

    Args:
        magnitude: by which each pair is multiplied as it is turned (YaRN, LongRoPE).
    """
    table = bytearray()
    for frequency in frequencies:
        turn = int(frequency / (2 * pi) * 2.0**64) & (2**64 - 1)
        table += pack("<2IfI", turn >> 32, turn & 0xFFFFFFFF, magnitude, 0)
    return bytes(table)


def rope_divide(rec: Recorder, factors: Tensor, freqs: Tensor) -> None:
    """Divide the rotation's rates by factors, in place.   factors (P,) f32, freqs (P, 4) u32"""
    (pairs,) = factors.shape
    rec.run("load/rope_divide", -(-pairs // 64), {"factors": factors, "freqs": freqs}, P=pairs)


def _constants(heads: Heads, cache: Cache, shared: bool) -> dict[str, Value]:
    """Of the kernels that make queries, keys and values ready."""
    return {
        "D": heads.D,
        "H": heads.H,
        "KV": heads.K,
        "S": cache.S,
        "ROT": heads.rot,
        "NEOX": heads.neox,
        "SCALE": float(heads.scale or heads.D**-0.5),
        "WARMTH": float(heads.warmth),
        "WARM_FROM": heads.warm_from or 1,
        "TURN_FIRST": heads.turn_first,
        "VALUE_NORM": heads.value_norm and not shared,
        "TIED": heads.tied and not shared,
        "SHARED": shared,
    }


def _window(heads: Heads, cache: Cache) -> int:
    """The kernels' constant; 0 where nothing that is cached can lie before the window."""
    return heads.window if heads.window < cache.S else 0


def _buffers(
    qkv: Tensor, cache: Cache, freqs: Tensor, state: Tensor, norm: Tensor | None
) -> tuple[dict[str, Tensor], dict[str, str]]:
    """What the same kernels bind, but for their result, and their includes."""
    buffers = {"qkv": qkv, "keys": cache.keys, "values": cache.values}
    buffers |= {"freqs": freqs, "state": state}
    if norm is None:
        return buffers, {}
    return buffers | {"head_weight": norm}, {"lib/no_head_norm.wgsl": "lib/head_norm.wgsl"}


def attention_decode(
    rec: Recorder,
    heads: Heads,
    qkv: Tensor,
    cache: Cache,
    *,
    freqs: Tensor,
    partial: Tensor,
    out: Tensor,
    state: Tensor,
    n_splits: int,
    norm: Tensor | None,
    eps: float,
    shared: bool = False,
) -> None:
    """One token's attention, its key and value kept in the cache; see attention_decode.wgsl.

    Args:
        qkv: (1, heads.width), before norm and rotation.
        partial: scratch of at least `partial_size` elements; unused for one split.
        out: (1, H · D).
        n_splits: `splits` of the positions up to this token's; a window needs no more than its own.
        norm: (2, D), RMSNorm weights of query and key heads, or None.
        shared: the cache is another layer's, which kept this token in it; qkv is (1, H · D), and
            of norm the first row is read.
    """
    n_splits = _splits(heads, n_splits)
    buffers, includes = _buffers(qkv, cache, freqs, state, norm)
    together = _heads_per_group(heads, n_splits)
    many = min(2 * heads.D, 256)  # 16 teams of D / 8 threads for long splits, 8 of D / 4 to merge
    threads = many if n_splits >= _BUSY or heads.D > 128 else 128
    rec.run(
        "attention_decode",
        (heads.H // together, n_splits, 1),
        buffers | {"out": out if n_splits == 1 else partial},
        params={"splits": n_splits, "eps": eps},
        includes=includes,
        GW=together,
        WG=rec.library.threads(threads, heads.D // 8),
        WINDOW=_window(heads, cache),
        SOFTCAP=float(heads.softcap),
        **_constants(heads, cache, shared),
    )
    if n_splits > 1:
        rec.run(
            "attention_merge",
            heads.H,
            {"partial": partial, "out": out},
            params={"splits": n_splits},
            D=heads.D,
            H=heads.H,
            WG=rec.library.threads(many, heads.D // 4),
        )


_TILE_ROWS = 16
"""Of attention_prefill, BQ there: with 32 it took 1.05 to 1.8 times as long on an H200."""


_MANY_GROUPS = 256


def _heads_per_group(heads: Heads, n_splits: int) -> int:
    """Query heads of one key head that a workgroup takes, so that keys are read once for all.

    As many as leave enough workgroups to fill a large GPU, where one that waits is worse than a
    second read, and fit 16 KiB of workgroup memory and 64 registers.
    """
    group = heads.H // heads.K
    fitting = (
        n
        for n in range(2, 9)
        if group % n == 0
        and heads.H // n * n_splits >= _MANY_GROUPS
        and 4 * ((n + 1) * heads.D + max(n * SPAN, 8 * 256 + heads.D) + 32 * (n + 1)) <= 16384
    )
    return max(fitting, default=1)


def rope_cache(
    rec: Recorder,
    heads: Heads,
    qkv: Tensor,
    cache: Cache,
    *,
    freqs: Tensor,
    q: Tensor,
    state: Tensor,
    norm: Tensor | None,
    eps: float,
    shared: bool = False,
) -> None:
    """Norm and rotate T tokens: queries to `q` (T, H · D), keys and values to the cache.

    Args:
        qkv, norm, shared: as of `attention_decode`, with T rows.
    """
    buffers, includes = _buffers(qkv, cache, freqs, state, norm)
    rec.run(
        "rope_cache",
        (qkv.shape[0], heads.H + (0 if shared else heads.K), 1),
        buffers | {"q": q},
        params={"eps": eps},
        includes=includes,
        WG=rec.library.threads(32),
        **_constants(heads, cache, shared),
    )


def attention_prefill(
    rec: Recorder, heads: Heads, q: Tensor, cache: Cache, *, out: Tensor, state: Tensor
) -> None:
    """Attention of T rotated queries (T, H · D) over the cache; out (T, H · D)."""
    rec.run(
        "attention_prefill",
        (-(-q.shape[0] * heads.H // heads.K // _TILE_ROWS), heads.K, 1),
        {"q": q, "keys": cache.keys, "values": cache.values, "out": out, "state": state},
        D=heads.D,
        H=heads.H,
        KV=heads.K,
        S=cache.S,
        WINDOW=_window(heads, cache),
        SOFTCAP=float(heads.softcap),
        WG=128 if heads.D <= 256 else 256,
    )
