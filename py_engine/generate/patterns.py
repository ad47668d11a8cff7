"""Weights of every type for the self-check: small integers, as they lie in a weight's planes.

A pattern is 256 weights, each a scale times one of the values that its type has, less an offset;
a matrix repeats it, a row louder or softer than the next. So sums over it are known from 256 terms.
The planes are those of ops/weight.py.
"""

import random
import struct
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from math import frexp
from typing import NamedTuple

from py_engine.formats.codebooks import grid
from py_engine.generate.answer import floats, halves
from py_engine.ops.weight import plane_words

GAINS = (0.5, 1.0, 4.0, 0.25, 2.0)
"""Row r is the pattern times GAINS[r % 5], over and over; some scales are powers of two."""

_FP4 = (0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12)
_NL = (-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113)


_Pairs = Sequence[tuple[int, int]]
"""(scale, offset) of 256 weights, one pair per span."""


def _apart(gain: float, pairs: _Pairs) -> bytes:
    return halves(gain * s for s, _ in pairs)


def _beside(gain: float, pairs: _Pairs) -> bytes:
    return halves(gain * v for s, o in pairs for v in (s, -o))


def _signed(gain: float, pairs: _Pairs) -> bytes:
    return bytes(s for s, _ in pairs) + floats(gain)


def _minima(gain: float, pairs: _Pairs) -> bytes:
    return bytes(v for pair in pairs for v in pair) + halves((gain, gain))


def _nibbles(gain: float, pairs: _Pairs) -> bytes:
    return bytes(s | o << 4 for s, o in pairs) + halves((gain, gain))


def _alone(gain: float, pairs: _Pairs) -> bytes:
    return floats(gain * pairs[0][0])


def _e8m0(gain: float, pairs: _Pairs) -> bytes:
    return bytes(frexp(gain * s)[1] + 127 for s, _ in pairs)


def _e4m3(gain: float, pairs: _Pairs) -> bytes:
    parts = [frexp(2 * gain * s) for s, _ in pairs]
    return bytes((exponent + 6) << 3 | int(fraction * 16) & 7 for fraction, exponent in parts)


class _Kind(NamedTuple):
    """What a weight type can say: its values by their quants, and what shares a scale."""

    values: Sequence[int]
    span: int = 32
    """Weights that share a scale."""
    sc: Callable[[float, _Pairs], bytes] = _apart
    """Scales, times a gain, as bytes of plane sc."""
    offset: bool = False
    """There is an offset beside each scale."""
    scales: Sequence[int] = (1, 2, 3)


_KINDS: Mapping[str, _Kind] = {
    "F32": _Kind(range(-8, 8)),
    "F16": _Kind(range(-8, 8)),
    "BF16": _Kind(range(-8, 8)),
    "Q8_0": _Kind(range(-128, 128)),
    "Q4_0": _Kind(range(-8, 8)),
    "Q4_1": _Kind(range(16), 32, _beside, offset=True),
    "Q5_0": _Kind(range(-16, 16)),
    "Q5_1": _Kind(range(32), 32, _beside, offset=True),
    "Q2_K": _Kind(range(4), 16, _nibbles, offset=True),
    "Q3_K": _Kind(range(-4, 4), 16, _signed),
    "Q4_K": _Kind(range(16), 32, _minima, offset=True),
    "Q5_K": _Kind(range(32), 32, _minima, offset=True),
    "Q6_K": _Kind(range(-32, 32), 16, _signed),
    "IQ4_NL": _Kind(_NL),
    "IQ4_XS": _Kind(_NL, 32, _signed),
    "MXFP4": _Kind(_FP4, 32, _e8m0, scales=(1, 2, 4)),
    "NVFP4": _Kind(_FP4, 16, _e4m3),
    "Q1_0": _Kind((-1, 1), 128),
    "Q2_0": _Kind(range(-1, 3), 64),
    "TQ1_0": _Kind(range(-1, 3), 256, _alone),
    "TQ2_0": _Kind(range(-1, 3), 256, _alone),
}


class _Pattern:
    """256 weights of a type."""

    def __init__(self, type: str) -> None:
        assert type in _KINDS, f"the weight type {type} has no known answer"
        draw = random.Random(type)
        self._type, self._kind = type, _KINDS[type]
        kind, spans = self._kind, 256 // self._kind.span
        self._quants = draw.choices(range(len(kind.values)), k=256)
        self._scales = draw.choices(kind.scales, k=spans)
        self._offsets = draw.choices((0, 1, 2), k=spans) if kind.offset else [0] * spans
        self._octets = [self._quants[i : i + 8] for i in range(0, 256, 8)]
        self.weights = [
            self._scales[i // kind.span] * kind.values[q] - self._offsets[i // kind.span]
            for i, q in enumerate(self._quants)
        ]

    def planes(self, gain: float) -> tuple[bytes, bytes, bytes]:
        """These weights times `gain`, as bytes of the planes qs, hi and sc."""
        if self._type in _FLOATS:
            return b"".join(_FLOATS[self._type](gain * w) for w in self.weights), b"", b""
        pairs = list(zip(self._scales, self._offsets, strict=True))
        return self._low, self._high, self._kind.sc(gain, pairs)

    @cached_property
    def _low(self) -> bytes:
        end = len(self._kind.values)
        if end == 256:
            return bytes((q - 128) % 256 for q in self._quants)
        if end == 2:
            return _words(self._quants, 1)
        if self._type in {"Q2_K", "Q3_K", "Q2_0", "TQ1_0", "TQ2_0"}:
            sixteens = (self._quants[i : i + 16] for i in range(0, 256, 16))
            return bytes(
                sum((sixteen[i + 4 * j] & 3) << at for j, at in enumerate((0, 4, 2, 6)))
                for sixteen in sixteens
                for i in range(4)
            )
        return bytes((o[i] & 15) | (o[i + 4] & 15) << 4 for o in self._octets for i in range(4))

    @cached_property
    def _high(self) -> bytes:
        low, width = {8: (2, 1), 32: (4, 1), 64: (4, 2)}.get(len(self._kind.values), (0, 0))
        if not width:
            return b""
        upper = [q >> low for q in self._quants]
        if self._type == "Q3_K":  # bit k of a nibble is octet k's
            order = [8 * k + i + half for i in range(4) for half in (0, 4) for k in range(4)]
            upper = [upper[b + i] for b in range(0, 256, 32) for i in order]
        return _words(upper, width)


class _Book(NamedTuple):
    """A type whose octets are numbers in a codebook."""

    bits: int
    """Of a number, in plane qs."""
    unit: int
    """A block's scale is in parts of this."""
    span: int = 32
    """Weights that share a scale."""
    upper: bool = False
    """Further bits of the numbers lie in plane sc, two for each octet."""


_BOOKS: Mapping[str, _Book] = {
    "IQ1_S": _Book(11, 8, 8),
    "IQ1_M": _Book(11, 8, 8),
    "IQ2_XXS": _Book(8, 8),
    "IQ2_XS": _Book(9, 8, 16),
    "IQ2_S": _Book(8, 8, 16, upper=True),
    "IQ3_XXS": _Book(8, 4),
    "IQ3_S": _Book(8, 1, upper=True),
}


class _Booked:
    """256 weights of a type that has a codebook."""

    def __init__(self, type: str) -> None:
        draw = random.Random(type)
        self._book, self._fours, self._deltas = _BOOKS[type], "IQ3" in type, "IQ1" in type
        book, width = self._book, 4 if self._fours else 8
        values = memoryview(grid(type)).cast("b")
        self._numbers = draw.choices(range(len(values) // width), k=256 // width)
        self._signs = [n | n.bit_count() % 2 << 7 for n in draw.choices(range(128), k=32)]
        self._scales = draw.choices((0, 1, 2), k=256 // book.span)
        found = [v for n in self._numbers for v in values[width * n : width * (n + 1)]]
        scales = [2 * self._scales[i // book.span] + 1 for i in range(256)]
        if self._deltas:
            deltas = [1 - 2 * (self._signs[i // 8] & 1) for i in range(256)]
            self.weights = [s * (v + d) for s, v, d in zip(scales, found, deltas, strict=True)]
        else:
            signs = [1 - 2 * (self._signs[i // 8] >> i % 8 & 1) for i in range(256)]
            self.weights = [s * v * sign for s, v, sign in zip(scales, found, signs, strict=True)]

    def planes(self, gain: float) -> tuple[bytes, bytes, bytes]:
        """These weights times `gain`, as bytes of the planes qs, hi and sc."""
        book, numbers = self._book, self._numbers
        low = (1 << book.bits) - 1
        upper = [n >> book.bits for n in numbers]
        d = floats(gain * book.unit)
        if self._deltas:
            octets = [
                n | (sign & 1) << 11 | scale << 12
                for n, sign, scale in zip(numbers, self._signs, self._scales, strict=True)
            ]
            return _words(octets, 16), b"", d
        sc = _words(self._scales, 4) + d
        if book.upper:
            sc = _words(upper, 1 if self._fours else 2) + sc
        if self._fours:
            return _words([n & low for n in numbers], 8), bytes(self._signs), sc
        octets = [
            (n & low) | sign << book.bits & 0xFFFF
            for n, sign in zip(numbers, self._signs, strict=True)
        ]
        return _words(octets, 16), b"", sc


def _words(values: Sequence[int], width: int) -> bytes:
    """Numbers of `width` bits one after another, the first one lowest."""
    whole = sum(value << width * i for i, value in enumerate(values))
    return whole.to_bytes(len(values) * width // 8, "little")


def matrix(type: str, rows: int, columns: int) -> tuple[bytes, int, int, list[int]]:
    """A weight as it lies on the GPU, its words hi and sc, and its pattern."""
    words, hi, sc = plane_words(type, rows, columns)
    pattern = _Booked(type) if type in _BOOKS else _Pattern(type)
    kinds = [pattern.planes(gain) for gain in GAINS]
    data, codebook = b"", grid(type)
    for plane, end in enumerate((hi, sc - len(codebook) // 4, words)):
        if plane == 2:
            data += codebook
        lines = [
            (kind[plane] * (columns // 256 + 1))[: len(kind[plane]) * columns // 256]
            for kind in kinds
        ]
        data += b"".join(lines[r % len(lines)] for r in range(rows))
        data = data.ljust(4 * end, b"\0")
    return data, hi, sc, pattern.weights


_FLOATS: Mapping[str, Callable[[float], bytes]] = {
    "F32": lambda w: struct.pack("<f", w),
    "F16": lambda w: struct.pack("<e", w),
    "BF16": lambda w: struct.pack("<f", w)[2:],
}
