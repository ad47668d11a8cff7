"""Random weights of every type as a GGUF holds them, of about unit gain.

Bytes are random but for the scales of blocks, which give a matrix weights of a standard deviation
near 1 / sqrt(K), so that activations stay finite. Standard library, Python 3.10.
"""

import math
import random
import struct
from collections.abc import Callable, Iterator, Mapping

from py_engine.formats.quants import QUANTS

CHUNK = 1 << 24
"""Bytes of random weights at a time."""
MANTISSA = {"F16": (10, 15), "BF16": (7, 127)}
"""Bits of it, and the exponent's bias."""

Scales = Callable[[float], Mapping[int, int]]
"""From a standard deviation to the bytes of a block that are not random."""


def _halves(*places: tuple[int, float]) -> Scales:
    """(offset, divisor): the half there is the deviation / divisor."""

    def at(deviation: float) -> dict[int, int]:
        return {
            offset + i: byte
            for offset, divisor in places
            for i, byte in enumerate(struct.pack("<e", deviation / divisor))
        }

    return at


def _quarters(deviation: float) -> dict[int, int]:
    """IQ1_M: a quarter of its half at the top of each of the last four words."""
    (half,) = struct.unpack("<H", struct.pack("<e", deviation / 5.4))
    return {49 + 2 * i: (half >> 4 * i & 15) << 4 for i in range(4)}


def _e8m0(deviation: float) -> dict[int, int]:
    """MXFP4: a power of two."""
    return {0: 127 + round(math.log2(deviation / 2.92))}


def _e4m3(deviation: float) -> dict[int, int]:
    """NVFP4: four unsigned numbers of 4 bits of exponent and 3 of mantissa."""

    def value(code: int) -> float:
        exponent, mantissa = code >> 3, code & 7
        return math.ldexp(mantissa + (8 if exponent else 0), max(exponent, 1) - 10)

    nearest = min(range(1, 127), key=lambda code: abs(value(code) - deviation / 2.93))
    return dict.fromkeys(range(4), nearest)


# What divides a deviation is that of random bytes under a scale of 1. The second half of a type
# with offsets makes their mean zero: of Q4_K, the mean of scale · nibble is 7.5 minima.
SCALES: Mapping[str, Scales] = {
    "Q4_0": _halves((0, 4.6)),
    "Q4_1": _halves((0, 4.6), (2, -4.6 / 7.5)),
    "Q5_0": _halves((0, 9.2)),
    "Q5_1": _halves((0, 9.2), (2, -9.2 / 15.5)),
    "Q8_0": _halves((0, 74.0)),
    "Q2_K": _halves((80, 13.9), (82, 13.9 / 1.5)),
    "Q3_K": _halves((108, 43.3)),
    "Q4_K": _halves((0, 258.0), (2, 258.0 / 7.5)),
    "Q5_K": _halves((0, 527.0), (2, 527.0 / 15.5)),
    "Q6_K": _halves((208, 1366.0)),
    "IQ4_NL": _halves((0, 67.0)),
    "IQ4_XS": _halves((0, 1247.0)),
    "IQ3_XXS": _halves((0, 142.0)),
    "IQ3_S": _halves((0, 140.0)),
    "IQ2_XXS": _halves((0, 53.2)),
    "IQ2_XS": _halves((0, 55.9)),
    "IQ2_S": _halves((0, 56.3)),
    "IQ1_S": _halves((0, 7.2)),
    "IQ1_M": _quarters,
    "MXFP4": _e8m0,
    "NVFP4": _e4m3,
    "TQ1_0": _halves((52, 0.82)),
    "TQ2_0": _halves((64, 1.12)),
    "Q1_0": _halves((0, 1.0)),
    "Q2_0": _halves((0, 1.12)),
}
TYPES = (*SCALES, *MANTISSA)
"""What a model's matrices may be."""


def nbytes(kind: str, weights: int) -> int:
    """Bytes of so many weights, which are whole blocks."""
    quant = QUANTS[kind]
    assert weights % quant.block == 0, f"{weights} weights of {kind}"
    return weights // quant.block * quant.nbytes


def fits(kind: str, columns: int) -> bool:
    """Whether rows of so many weights are whole blocks."""
    return columns % QUANTS[kind].block == 0


def random_bytes(kind: str, weights: int, columns: int, rng: random.Random) -> Iterator[bytes]:
    """The bytes of a matrix whose rows have `columns` weights, a chunk at a time."""
    quant, deviation = QUANTS[kind], 1 / math.sqrt(columns)
    total = nbytes(kind, weights)
    step = CHUNK // quant.nbytes * quant.nbytes
    for at in range(0, total, step):
        data = bytearray(rng.randbytes(min(step, total - at)))
        if kind in MANTISSA:
            _floats(data, deviation, *MANTISSA[kind])
        else:
            for offset, byte in SCALES[kind](deviation).items():
                data[offset :: quant.nbytes] = bytes([byte]) * (len(data) // quant.nbytes)
        yield bytes(data)


def _floats(data: bytearray, deviation: float, mantissa: int, bias: int) -> None:
    """Make numbers of either sign and one exponent of random bytes."""
    exponent = round(math.log2(deviation / 1.53)) + bias
    fixed, free = exponent << mantissa, 1 << 15 | (1 << mantissa) - 1
    for i in range(2):
        part, kept = fixed >> 8 * i & 255, free >> 8 * i & 255
        data[i::2] = data[i::2].translate(bytes(part | b & kept for b in range(256)))
