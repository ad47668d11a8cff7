"""The slow, obvious twins of the kernels: NumPy in float64, one function for each op.

A reference takes the op's inputs as arrays and gives what the op should have written. Nothing here
is tiled, fused or clever; what the kernels do in one pass is done here in the textbook's order.
"""

import numpy as np
from gguf import GGMLQuantizationType
from gguf import quants as gguf_quants

from py_engine.formats.quants import QUANTS
from py_engine.generate.sampling import Sampling

Array = np.ndarray


def nmse(got: Array, want: Array) -> float:
    """Normalised mean squared error: |got - want|² / |want|²."""
    want = want.astype(np.float64)
    return float(((got.astype(np.float64) - want) ** 2).sum() / (want**2).sum())


# Weights -----------------------------------------------------------------------------------------

_SCALES_AT = {"Q6_K": (208,), "Q4_0": (0,), "Q5_0": (0,), "Q8_0": (0,)}
"""Bytes of a block at which halves lie, where these are not 0 and 2."""


def random_rows(
    type: str, rows: int, columns: int, rng: np.random.Generator, exponents: tuple[float, float]
) -> Array:
    """A matrix as a GGUF holds it, (rows, bytes) u8: random quants under scales ± 10^exponents.

    No block is left out that way, unlike by quantising random weights.
    """
    quant = QUANTS[type]
    n_blocks = rows * columns // quant.block

    def magnitudes(n: int) -> Array:
        return (rng.choice([-1.0, 1.0], n) * 10.0 ** rng.uniform(*exponents, n)).astype(np.float32)

    if quant.block == 1:
        words = magnitudes(n_blocks)
        if type == "F16":
            words = words.astype(np.float16)
        blocks = words.view(np.uint8).reshape(n_blocks, -1)
        return np.ascontiguousarray(blocks[:, -quant.nbytes :]).reshape(rows, -1)
    blocks = rng.integers(0, 256, (n_blocks, quant.nbytes), dtype=np.uint8)
    for at in _SCALES_AT.get(type, (0, 2)):
        halves = magnitudes(n_blocks).astype(np.float16)
        blocks[:, at : at + 2] = halves.view(np.uint8).reshape(n_blocks, 2)
    return blocks.reshape(rows, -1)


def dequantize(type: str, raw: Array) -> Array:
    """The float32 weights of raw rows, by gguf-py.   (rows, bytes) u8 -> (rows, columns)"""
    return np.asarray(gguf_quants.dequantize(raw, GGMLQuantizationType[type]), dtype=np.float32)


# Products ----------------------------------------------------------------------------------------


def rms_norm(x: Array, weight: Array, eps: float) -> Array:
    """x / rms(x) * weight over the last axis."""
    x = x.astype(np.float64)
    return x / np.sqrt((x**2).mean(axis=-1, keepdims=True) + eps) * weight


def silu(x: Array) -> Array:
    """x times its logistic function."""
    return x * (0.5 + 0.5 * np.tanh(0.5 * x))


def matmul(weight: Array, x: Array, bias: Array | None = None, *, gated: bool = False) -> Array:
    """x W^T + bias; gated: silu of even columns times odd ones.   (N, K), (T, K) -> (T, N)"""
    y = x.astype(np.float64) @ weight.astype(np.float64).T
    if bias is not None:
        y = y + bias
    return silu(y[:, 0::2]) * y[:, 1::2] if gated else y


def silu_mul(x: Array) -> Array:
    """silu of the first half of the columns times the second.   (T, 2F) -> (T, F)"""
    gate, up = np.split(x.astype(np.float64), 2, axis=-1)
    return silu(gate) * up


# Attention ---------------------------------------------------------------------------------------


def rope(x: Array, positions: Array, frequencies: Array, *, neox: bool) -> Array:
    """Rotate pairs of the first 2P of D dimensions by position · frequency radians.

    Args:
        x: (T, heads, D).
        positions: (T,) integers.
        frequencies: (P,). neox: pair i is (i, i + P), else (2i, 2i + 1).
    """
    pairs = len(frequencies)
    angles = np.outer(positions, frequencies)[:, None, :]
    one, two = slice(0, pairs), slice(pairs, 2 * pairs)
    if not neox:
        one, two = slice(0, 2 * pairs, 2), slice(1, 2 * pairs, 2)
    out = x.astype(np.float64)
    a, b = x[..., one].astype(np.float64), x[..., two].astype(np.float64)
    out[..., one] = a * np.cos(angles) - b * np.sin(angles)
    out[..., two] = a * np.sin(angles) + b * np.cos(angles)
    return out


def attention(q: Array, k: Array, v: Array, positions: Array) -> Array:
    """Causal softmax(q k^T / sqrt(D)) v.   q (T, H, D), k and v (S, K, D) -> (T, H · D)

    Query t sees the cached positions up to positions[t]; what lies behind them is not read.
    """
    tokens, heads, size = q.shape
    group = heads // k.shape[1]
    out = np.zeros(q.shape)
    for t in range(tokens):
        seen = positions[t] + 1
        for h in range(heads):
            scores = k[:seen, h // group] @ q[t, h] / np.sqrt(size)
            weights = np.exp(scores - scores.max())
            out[t, h] = weights @ v[:seen, h // group] / weights.sum()
    return out.reshape(tokens, -1)


def pack_keys(k: Array) -> Array:
    """The cache's layout of keys.   (S, K, D) f16 -> (K, D/8, S, 4) u32"""
    positions, heads, size = k.shape
    eights = k.reshape(positions, heads, size // 8, 8).transpose(1, 2, 0, 3)
    return np.ascontiguousarray(eights).view(np.uint32)


def pack_values(v: Array) -> Array:
    """The cache's layout of values.   (S, K, D) f16 -> (K, S, D/8, 4) u32"""
    positions, heads, size = v.shape
    eights = v.reshape(positions, heads, size // 8, 8).transpose(1, 0, 2, 3)
    return np.ascontiguousarray(eights).view(np.uint32)


def unpack_keys(words: Array) -> Array:
    """The inverse of `pack_keys`."""
    eights = words.view(np.float16).transpose(2, 0, 1, 3)
    return eights.reshape(eights.shape[0], eights.shape[1], -1)


def unpack_values(words: Array) -> Array:
    """The inverse of `pack_values`."""
    eights = words.view(np.float16).transpose(1, 0, 2, 3)
    return eights.reshape(eights.shape[0], eights.shape[1], -1)


# Recurrent mixers --------------------------------------------------------------------------------


def short_conv(u: Array, kernel: Array, past: Array) -> tuple[Array, Array]:
    """Causal convolution of each channel with its kernel, and the inputs that the next call needs.

    Args:
        u: (T, C).
        kernel: (C, width), the present last.
        past: (width - 1, C), the inputs before u.
    """
    width = kernel.shape[1]
    line = np.concatenate([past, u]).astype(np.float64)
    y = np.zeros(u.shape)
    for t in range(len(u)):
        for j in range(width):
            y[t] += kernel[:, j] * line[t + j]
    return y, line[len(line) - width + 1 :]


def l2_norm(x: Array, eps: float) -> Array:
    """x over its length, over the last axis."""
    return x / np.sqrt((x**2).sum(axis=-1, keepdims=True) + eps)


def gated_delta(
    q: Array, k: Array, v: Array, *, decay: Array, beta: Array, memory: Array
) -> tuple[Array, Array]:
    """The gated delta rule, token by token: its results (T, H, D), and the memory after them.

    Args:
        q, k: (T, K, D), normed, q scaled.
        v: (T, H, D); head h goes with key head h mod K.
        decay: (T, H), what remains of the memory; beta: (T, H), how much of an error is mended.
        memory: (H, D keys, D values).
    """
    tokens, heads, _ = v.shape
    out, after = np.zeros(v.shape), memory.astype(np.float64)
    for t in range(tokens):
        for h in range(heads):
            key, query = k[t, h % k.shape[1]], q[t, h % k.shape[1]]
            kept = after[h] * decay[t, h]
            error = v[t, h] - key @ kept
            after[h] = kept + np.outer(key, beta[t, h] * error)
            out[t, h] = query @ after[h]
    return out, after


# Sampling ----------------------------------------------------------------------------------------


def adjust(logits: Array, sampling: Sampling, prompt: Array, reply: Array) -> Array:
    """Logits after penalties, bias and temperature.   (V,) -> (V,)

    Args:
        prompt, reply: token ids; the repetition penalty counts both, the others the reply.
    """
    z = logits.astype(np.float64)
    for token in set(prompt) | set(reply):
        factor = sampling.repetition_penalty
        z[token] = z[token] * factor if z[token] < 0 else z[token] / factor
    for token in set(reply):
        z[token] -= sampling.presence_penalty
    for token in reply:
        z[token] -= sampling.frequency_penalty
    for token, bias in sampling.logit_bias.items():
        z[token] += bias
    return z / sampling.temperature if sampling.temperature else z


def kept(adjusted: Array, sampling: Sampling) -> Array:
    """The probabilities that are drawn from: top-k, then top-p, then min-p.   (V,) -> (V,)

    Each keeps the likeliest tokens, equally likely ones together, of what the one before left.
    """
    p = np.exp(adjusted - adjusted.max())
    p /= p.sum()
    largest = p.max()
    order = np.sort(p)[::-1]
    if 0 < sampling.top_k < len(p):
        p = np.where(p >= order[sampling.top_k - 1], p, 0.0)
    order = np.sort(p)[::-1]
    reached = np.cumsum(order) >= sampling.top_p * p.sum()
    if sampling.top_p < 1 and reached.any():
        p = np.where(p >= order[reached.argmax()], p, 0.0)
    p = np.where(p >= sampling.min_p * largest, p, 0.0)
    return p / p.sum()
