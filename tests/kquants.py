"""K-quants of float weights for the fixtures: plain nearest rounding, packed as ggml packs them.

gguf-py dequantises every type but quantises only the 32-weight ones; this file adds Q4_K, Q5_K and
Q6_K. The scales are the obvious ones (largest weight at the end of the range), not llama.cpp's
searched ones: the blocks are valid and close, and the tests only need their dequantised values.
Layouts: block_q4_K, block_q5_K and block_q6_K of ggml-common.h, read back by `gguf.quants`.
"""

from __future__ import annotations

import numpy as np

Blocks = np.ndarray  # (blocks, 256) float32 in, (blocks, bytes) uint8 out


def _half(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A column of f16 scales: as stored bytes (blocks, 2), and as the values they have become."""
    halves = values.astype(np.float16).reshape(-1, 1)
    return halves.view(np.uint8), halves.astype(np.float32)


def _ratio(values: np.ndarray, scales: np.ndarray) -> np.ndarray:
    """values / scales, and 0 where the scale is 0."""
    scales = np.broadcast_to(scales, values.shape)
    return np.divide(values, scales, out=np.zeros_like(values), where=scales != 0)


def _pack_scales(sc: np.ndarray, m: np.ndarray) -> np.ndarray:
    """Two times eight 6-bit numbers (blocks, 8) in 12 bytes: the high ones lend their top bits."""
    first = sc[:, :4] | (sc[:, 4:] >> 4 << 6)
    second = m[:, :4] | (m[:, 4:] >> 4 << 6)
    third = (sc[:, 4:] & 15) | (m[:, 4:] & 15) << 4
    return np.concatenate([first, second, third], axis=1).astype(np.uint8)


def _scale_and_min(x: Blocks, top: int) -> tuple[list[np.ndarray], np.ndarray]:
    """Header (d, dmin, scales) and quants 0…top of x ≈ d·sc·q - dmin·m, for groups of 32."""
    groups = x.reshape(-1, 8, 32)
    low = np.maximum(-groups.min(axis=2), 0)
    scale = (groups.max(axis=2) + low) / top
    d_bytes, d = _half(scale.max(axis=1) / 63)
    m_bytes, dmin = _half(low.max(axis=1) / 63)
    sc = np.rint(_ratio(scale, d)).clip(0, 63).astype(np.uint8)
    m = np.rint(_ratio(low, dmin)).clip(0, 63).astype(np.uint8)
    shifted = groups + (dmin * m)[:, :, None]
    q = np.rint(_ratio(shifted, (d * sc)[:, :, None])).clip(0, top).astype(np.uint8)
    return [d_bytes, m_bytes, _pack_scales(sc, m)], q


def _nibbles(q: np.ndarray) -> np.ndarray:
    """Low four bits of groups (blocks, 8, 32): group 2i in the low nibbles, 2i + 1 in the high."""
    return ((q[:, 0::2] & 15) | (q[:, 1::2] & 15) << 4).reshape(len(q), -1)


def q4_k(x: Blocks) -> Blocks:
    header, q = _scale_and_min(x, 15)
    return np.concatenate([*header, _nibbles(q)], axis=1)


def q5_k(x: Blocks) -> Blocks:
    header, q = _scale_and_min(x, 31)
    fifth = np.packbits(q >> 4, axis=1, bitorder="little").reshape(len(q), 32)  # bit g: group g
    return np.concatenate([*header, fifth, _nibbles(q)], axis=1)


def q6_k(x: Blocks) -> Blocks:
    groups = x.reshape(-1, 16, 16)
    peak = np.take_along_axis(groups, np.abs(groups).argmax(2)[:, :, None], axis=2)[:, :, 0]
    scale = peak / -32
    d_bytes, d = _half(np.abs(scale).max(axis=1) / 127)
    sc = np.rint(_ratio(scale, d)).clip(-128, 127)
    q = np.rint(_ratio(groups, (d * sc)[:, :, None])).clip(-32, 31).astype(np.int8) + 32
    q = q.astype(np.uint8).reshape(-1, 2, 4, 32)  # two halves of 128: four runs of 32 each
    low = (q[:, :, :2] & 15) | (q[:, :, 2:] & 15) << 4
    high = q[:, :, 0] >> 4 | q[:, :, 1] >> 4 << 2 | q[:, :, 2] >> 4 << 4 | q[:, :, 3] >> 4 << 6
    parts = [low.reshape(len(q), 128), high.reshape(len(q), 64), sc.astype(np.int8).view(np.uint8)]
    return np.concatenate([*parts, d_bytes], axis=1)
