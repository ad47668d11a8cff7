"""The slow, obvious twins of the kernels: NumPy in float64, one function for each op.

A reference takes the op's inputs as arrays and gives what the op should have written. Nothing here
is tiled, fused or clever; what the kernels do in one pass is done here in the textbook's order.
"""

import numpy as np

from py_engine.generate.sampling import Sampling

Array = np.ndarray


def nmse(got: Array, want: Array) -> float:
    """Normalised mean squared error: |got - want|² / |want|²."""
    want = want.astype(np.float64)
    return float(((got.astype(np.float64) - want) ** 2).sum() / (want**2).sum())


# Products ----------------------------------------------------------------------------------------


def rms_norm(x: Array, weight: Array | float, eps: float) -> Array:
    """x / rms(x) * weight over the last axis."""
    x = x.astype(np.float64)
    return x / np.sqrt((x**2).mean(axis=-1, keepdims=True) + eps) * weight


def qk_norm(qkv: Array, weight: Array, columns: tuple[int, int], eps: float) -> Array:
    """An RMSNorm over all query columns, one over all key columns; values stay.   (T, …)"""
    ends = np.cumsum(columns)
    q, k, v = np.split(qkv, ends, axis=1)
    of_q, of_k = np.split(weight, ends[:1])
    return np.concatenate([rms_norm(q, of_q, eps), rms_norm(k, of_k, eps), v], axis=1)


def silu(x: Array) -> Array:
    """x times its logistic function."""
    return x * (0.5 + 0.5 * np.tanh(0.5 * x))


def gelu(x: Array) -> Array:
    """GELU in its tanh form (arXiv 1606.08415)."""
    return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


def relu2(x: Array) -> Array:
    """The square of what is above 0."""
    return np.maximum(x, 0) ** 2


ACTIVATIONS = {"silu": silu, "gelu": gelu, "relu2": relu2}


def matmul(
    weight: Array,
    x: Array,
    bias: Array | None = None,
    *,
    gated: bool = False,
    activation: str = "",
) -> Array:
    """activation(x W^T + bias); gated: that of even columns times odd ones.

    (N, K), (T, K) -> (T, N), gated: (T, N / 2). A bias (N, 2) is a scale and a bias of each row.
    """
    y = x.astype(np.float64) @ weight.astype(np.float64).T
    if bias is not None:
        y = y + bias if bias.ndim == 1 else y * bias[:, 0] + bias[:, 1]
    if gated:
        return ACTIVATIONS[activation or "silu"](y[:, 0::2]) * y[:, 1::2]
    return ACTIVATIONS[activation](y) if activation else y


def scaled_bias(scale: float, bias: Array, after: bool) -> Array:
    """A matrix's scale and bias for each row, (N,) -> (N, 2); `after`: the bias is scaled too."""
    return np.stack([np.full(len(bias), scale), bias * scale if after else bias], axis=1)


def gate_mul(x: Array, activation: str) -> Array:
    """activation of the first half of the columns times the second.   (T, 2F) -> (T, F)"""
    gate, up = np.split(x.astype(np.float64), 2, axis=-1)
    return ACTIVATIONS[activation](gate) * up


# Attention ---------------------------------------------------------------------------------------


def rope(
    x: Array, positions: Array, frequencies: Array, *, neox: bool, magnitude: float = 1.0
) -> Array:
    """Rotate pairs of the first 2P of D dimensions by position · frequency radians.

    Args:
        x: (T, heads, D).
        positions: (T,) integers.
        frequencies: (P,). neox: pair i is (i, i + P), else (2i, 2i + 1).
        magnitude: by which sine and cosine are multiplied.
    """
    pairs = len(frequencies)
    angles = np.outer(positions, frequencies)[:, None, :]
    cos, sin = magnitude * np.cos(angles), magnitude * np.sin(angles)
    one, two = slice(0, pairs), slice(pairs, 2 * pairs)
    if not neox:
        one, two = slice(0, 2 * pairs, 2), slice(1, 2 * pairs, 2)
    out = x.astype(np.float64)
    a, b = x[..., one].astype(np.float64), x[..., two].astype(np.float64)
    out[..., one] = a * cos - b * sin
    out[..., two] = a * sin + b * cos
    return out


def warm(q: Array, positions: Array, warmth: float, warm_from: int) -> Array:
    """q · (1 + warmth · ln(1 + floor(position / warm_from))).   (T, H, D)"""
    factors = 1 + warmth * np.log(1 + positions // warm_from)
    return q * factors[:, None, None]


def attention(
    q: Array,
    k: Array,
    v: Array,
    positions: Array,
    *,
    scale: float = 0.0,
    window: int = 0,
    softcap: float = 0.0,
) -> Array:
    """Causal softmax(scale q k^T) v.   q (T, H, D), k and v (S, K, D) -> (T, H · D)

    Query t sees the cached positions up to positions[t]; what lies behind them is not read.

    Args:
        scale: 0: 1 / sqrt(D).
        window: so many positions are seen, the query's own included; 0: all.
        softcap: scores become softcap · tanh(score / softcap); 0: they stay.
    """
    tokens, heads, size = q.shape
    group = heads // k.shape[1]
    out = np.zeros(q.shape)
    for t in range(tokens):
        end = positions[t] + 1
        seen = slice(max(0, end - window) if window else 0, end)
        for h in range(heads):
            scores = k[seen, h // group] @ q[t, h] * (scale or 1 / np.sqrt(size))
            if softcap:
                scores = softcap * np.tanh(scores / softcap)
            weights = np.exp(scores - scores.max())
            out[t, h] = weights @ v[seen, h // group] / weights.sum()
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
