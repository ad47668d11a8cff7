"""Blocks of every weight type as files hold them: random ones, and what they mean.

gguf-py is the truth; of the two types that it does not know, ggml-common.h and ggml-quants.c.
"""

import numpy as np
from gguf import GGMLQuantizationType, quants

from py_engine.formats.quants import QUANTS

Array = np.ndarray

_SCALES_AT = {
    "Q4_1": (0, 2), "Q5_1": (0, 2), "Q4_K": (0, 2), "Q5_K": (0, 2), "Q2_K": (80, 82),
    "Q3_K": (108,), "Q6_K": (208,), "TQ1_0": (52,), "TQ2_0": (64,), "MXFP4": (), "NVFP4": (),
    "IQ1_M": (),
}  # fmt: skip
"""Bytes of a block at which halves lie, where there is not one at 0."""


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
    for at in _SCALES_AT.get(type, (0,)):
        halves = magnitudes(n_blocks).astype(np.float16)
        blocks[:, at : at + 2] = halves.view(np.uint8).reshape(n_blocks, 2)
    if type == "IQ1_M":  # a quarter of its half at the top of each of the last four
        halves = magnitudes(n_blocks).astype(np.float16).view(np.uint16)
        quarters = halves[:, None] >> np.arange(0, 16, 4, dtype=np.uint16) & 15
        blocks[:, 49::2] = blocks[:, 49::2] & 15 | quarters << 4
    if type == "MXFP4":
        blocks[:, 0] = 128 + np.log2(np.abs(magnitudes(n_blocks))).round()
    if type == "NVFP4":
        exponent = 7 + np.log2(np.abs(magnitudes(4 * n_blocks))).round().clip(-7, 8)
        blocks[:, :4] = blocks[:, :4] & 0x87 | exponent.reshape(-1, 4).astype(np.uint8) << 3
    return blocks.reshape(rows, -1)


def dequantize(type: str, raw: Array) -> Array:
    """The float32 weights of raw rows.   (rows, bytes) u8 -> (rows, columns)"""
    if type in ("Q1_0", "Q2_0"):
        blocks = raw.reshape(-1, 18)
        scales = np.ascontiguousarray(blocks[:, :2]).view(np.float16).astype(np.float32)
        bits = np.unpackbits(blocks[:, 2:], axis=1, bitorder="little").astype(np.float32)
        values = 2 * bits - 1 if type == "Q1_0" else bits[:, ::2] + 2 * bits[:, 1::2] - 1
        return (scales * values).reshape(len(raw), -1)
    return np.asarray(quants.dequantize(raw, GGMLQuantizationType[type]), dtype=np.float32)
