"""The slow, obvious twins of the kernels: NumPy in float64, one function for each op.

A reference takes the op's inputs as arrays and gives what the op should have written. Nothing here
is tiled, fused or clever; what the kernels do in one pass is done here in the textbook's order.
"""

import numpy as np
from gguf import GGMLQuantizationType
from gguf import quants as gguf_quants

from py_engine.formats.quants import QUANTS

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
