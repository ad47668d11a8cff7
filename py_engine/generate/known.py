"""Known answers: small runs of a model's own pipelines, and what they must give, computed here.

A shader's constants are read from its text, so a pipeline is run as the model runs it, on little
data: some rows of a weight, one key head. Inputs are small integers and powers of two, so that
sums are exact and a term that is missing or counted twice is seen. Knows the kernels' operands;
not how a run is made, nor what follows when it fails.
"""

import random
import struct
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from math import exp, log, log2, sqrt
from typing import NamedTuple

from py_engine.generate.answer import UNTOUCHED, Known, floats, state
from py_engine.generate.known_recurrent import gated_delta, short_conv
from py_engine.generate.sampling import Sampling
from py_engine.gpu.wgsl import Shader
from py_engine.ops.sample import packed_stops
from py_engine.ops.weight import plane_words, weight_type


def known(shader: Shader) -> Known:
    """The run for a shader: every kernel of a program has one."""
    answer = _ANSWERS.get(shader.name)
    assert answer, f"the kernel {shader.name} has no known answer"
    return answer(shader, _Constants(shader.constants))


class _Constants(dict[str, int]):
    """A shader's constants by name; one that it has not is 0."""

    def __missing__(self, name: str) -> int:
        return 0


# ---- products


class _Quants(NamedTuple):
    """The whole numbers below `end` that a weight type stores; `zero` means a weight of 0."""

    end: int
    zero: int = 0
    offset: bool = False
    """Each 32 or more weights have an offset beside their scale."""


_TYPES: Mapping[str, _Quants] = {
    "F32": _Quants(16, 8),
    "F16": _Quants(16, 8),
    "BF16": _Quants(16, 8),
    "Q8_0": _Quants(256, 128),
    "Q4_0": _Quants(16, 8),
    "Q4_1": _Quants(16, offset=True),
    "Q5_0": _Quants(32, 16),
    "Q5_1": _Quants(32, offset=True),
    "Q4_K": _Quants(16, offset=True),
    "Q5_K": _Quants(32, offset=True),
    "Q6_K": _Quants(64, 32),
}


class _Pattern:
    """256 weights of a type, made of small integers: quants · scale - offset, per 32."""

    def __init__(self, type: str) -> None:
        assert type in _TYPES, f"the weight type {type} has no known answer"
        draw = random.Random(type)
        self._type, kind = type, _TYPES[type]
        self._range, self._offset = kind.end, kind.offset
        self._quants = draw.choices(range(kind.end), k=256)
        self._scales = draw.choices((1, 2, 3), k=8)
        self._offsets = draw.choices((0, 1, 2), k=8) if kind.offset else [0] * 8
        self._octets = [self._quants[i : i + 8] for i in range(0, 256, 8)]
        self.weights = [
            self._scales[i // 32] * (q - kind.zero) - self._offsets[i // 32]
            for i, q in enumerate(self._quants)
        ]

    def planes(self, gain: float) -> tuple[bytes, bytes, bytes]:
        """These weights times `gain`, as bytes of the planes qs, hi and sc of ops/weight.py."""
        type, quants = self._type, self._quants
        if type in _FLOATS:
            return b"".join(_FLOATS[type](gain * w) for w in self.weights), b"", b""
        scales = _halves(gain * s for s in self._scales)
        if type == "Q8_0":
            return bytes((q - 128) % 256 for q in quants), b"", scales
        pairs = list(zip(self._scales, self._offsets, strict=True))
        if type == "Q6_K":
            scales = bytes(s for s in self._scales for _ in range(2)) + floats(gain)
        elif type in {"Q4_K", "Q5_K"}:
            scales = bytes(v for pair in pairs for v in pair) + _halves((gain, gain))
        elif self._offset:
            scales = _halves(gain * v for s, o in pairs for v in (s, -o))
        return self._low, self._high, scales

    @cached_property
    def _low(self) -> bytes:
        return bytes((o[i] & 15) | (o[i + 4] & 15) << 4 for o in self._octets for i in range(4))

    @cached_property
    def _high(self) -> bytes:
        width = {32: 1, 64: 2}.get(self._range, 0)  # bits of a weight in hi, bytes of an octet
        return b"".join(
            sum(q >> 4 << width * i for i, q in enumerate(octet)).to_bytes(width, "little")
            for octet in self._octets
        )


_GAINS = (0.5, 1.0, 1.5, 2.0, 2.5)
"""Row r is the pattern times _GAINS[r % 5], over and over."""


def _matrix(type: str, rows: int, columns: int) -> tuple[bytes, int, int, list[int]]:
    """A weight as it lies on the GPU, its words hi and sc, and its pattern."""
    words, hi, sc = plane_words(type, rows, columns)
    pattern = _Pattern(type)
    kinds = [pattern.planes(gain) for gain in _GAINS]
    data = b""
    for plane, end in enumerate((hi, sc, words)):
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


def _halves(values: Iterable[float]) -> bytes:
    return b"".join(struct.pack("<e", value) for value in values)


def _product(shader: Shader, c: Mapping[str, int]) -> Known:
    """matvec, matvec_batch, matmul, matmul_matrix: two tokens, the second twice the first."""
    columns, rows, at = c["K"], max(c["R"], 4), 4
    planes, hi, sc, unit = _matrix(weight_type(shader), rows, columns)
    pair = 2 if c["GATED"] else 1
    x = [float((5 * i + i // 8) % 7 - 3) for i in range(256)]
    norm = [1.0 + i // 8 % 2 for i in range(256)] if c["NORM"] else [1.0] * 256
    loud = [1.0 + i % 3 for i in range(-(-columns // 256))]  # of each 256 columns
    ends = [min(columns - 256 * i, 256) for i in range(len(loud))]
    terms = [w * v * g for w, v, g in zip(unit, x, norm, strict=True)]
    total = sum(a * sum(terms[:n]) for a, n in zip(loud, ends, strict=True))
    mean = sum(a * a * sum(v * v for v in x[:n]) for a, n in zip(loud, ends, strict=True)) / columns
    down = 2.0 ** -int(log2(abs(total) + 1))  # results of about 1
    bias = [float(i % 7 - 3) for i in range((at + rows) * pair)]

    def row(token: int, r: int) -> float:
        y = (token + 1) * _GAINS[r % 5] * total * down
        if c["NORM"]:
            y /= sqrt((token + 1) ** 2 * mean + mean)  # eps is the mean itself
        return y + (bias[at * pair + r] if c["BIAS"] else 0.0)

    width = at + rows + 3
    tokens = [0] if shader.name == "matvec" else [0, 1]
    want: list[float] = []
    for token in tokens:
        line = [UNTOUCHED] * width
        for r in range(0, rows, pair):
            y = row(token, r)
            if pair == 2:
                y = y / (1 + exp(-y)) * row(token, r + 1)
            line[at + r // pair] = y + (UNTOUCHED if c["ADD"] else 0.0)
        want += line
    quiet = 1.0 if c["NORM"] else down
    lines = {a: [floats(*[t * quiet * a * v for v in x]) for t in (1, 2)] for a in set(loud)}
    once, twice = (
        b"".join(lines[a][t][: 4 * n] for a, n in zip(loud, ends, strict=True)) for t in range(2)
    )
    weights = floats(*(down * g for g in norm)) * len(loud)
    inputs = {"w": planes, "x": once + twice, "state": state(2)}
    inputs |= {"norm": weights[: 4 * columns], "bias": floats(*bias)}
    params = {"rows": rows, "out_at": at, "width": width, "hi": hi, "sc": sc}
    groups = -(-rows // (c["R"] or rows)), -(-2 // c["M"]) if c["M"] else 1, 1
    return Known("out", want, inputs, groups, params | {"eps": mean})


def _embed(shader: Shader, c: Mapping[str, int]) -> Known:
    rows, columns = 3, c["K"]
    planes, hi, sc, unit = _matrix(weight_type(shader), rows, columns)
    whole = (unit * (columns // 256 + 1))[:columns]
    tokens = (2, 1)
    want = [_GAINS[token] * w for token in tokens for w in whole]
    inputs = {"w": planes, "tokens": struct.pack("<2I", *tokens), "state": state(2)}
    params = {"first_row": 0, "rows": rows, "hi": hi, "sc": sc}
    return Known("out", want, inputs, (2, 1, 1), params)


def _silu_mul(_: Shader, c: Mapping[str, int]) -> Known:
    gate = [i % 9 / 2 - 2 for i in range(c["F"])]
    want = [x / (1 + exp(-x)) * (i % 5) for i, x in enumerate(gate)]
    inputs = {"x": floats(*gate, *(i % 5 for i in range(c["F"]))), "state": state(1)}
    return Known("out", want, inputs, (-(-c["F"] // 64), 1, 1))


def _rms_norm(_: Shader, c: Mapping[str, int]) -> Known:
    n = c["C"]
    x = [float(i % 7 - 2) for i in range(n)]
    weight = [1.0 + i % 3 for i in range(n)]
    scale = 1 / sqrt(sum(v * v for v in x) / n + 1.0)
    want = [v * scale * w for v, w in zip(x, weight, strict=True)] + [UNTOUCHED] * n
    inputs = {"x": floats(*x, *x), "weight": floats(*weight), "state": state(1)}
    return Known("out", want, inputs, (2, 1, 1), {"eps": 1.0})


# ---- attention: no rotation, keys of zeros but for one position, so one weight differs


def _position(c: Mapping[str, int]) -> int:
    return min(150, c["S"] - 1)


def _value(c: Mapping[str, int], position: int) -> list[float]:
    return [position % 3 + d % 8 / 8 for d in range(c["D"])]


def _cache(c: Mapping[str, int], q: float) -> tuple[dict[str, bytes], list[float]]:
    """Keys and values of one head up to `_position`, and what attends to all of them gets.

    Args:
        q: every element of the query, by which position 1 is liked.
    """
    end, key = _position(c), 2.0
    weights = [exp(8 * key * q) if i == 1 else 1.0 for i in range(end + 1)]
    third = sum(i % 3 * w for i, w in enumerate(weights)) / sum(weights)
    lines = [_halves(_value(c, i)) for i in range(3)]
    values = b"".join(lines[i % 3] for i in range(end + 1))
    keys = bytes(16) + _halves([key] * 8)
    return {"keys": keys, "values": values}, [third + v for v in _value(c, 0)]


def _attention_decode(_: Shader, c: Mapping[str, int]) -> Known:
    size, heads, kv = c["D"], c["H"], c["KV"]
    q = 1 / sqrt(2 * size) if c["HEAD_NORM"] else 1 / sqrt(size)  # eps is 1
    data, want = _cache(c, q)
    new = _value(c, _position(c))
    inputs = {
        **data,
        "values": data["values"][: -2 * size],
        "qkv": floats(*[1.0] * (heads * size), *[0.0] * (kv * size), *new * kv),
        "freqs": bytes(8 * size),
        "head_weight": floats(*[1.0] * (2 * size)),
        "state": state(1, _position(c)),
    }
    sizes = {"keys": 2 * size * c["S"], "values": len(data["values"])}
    params = {"splits": 1, "eps": 1.0}
    return Known("out", want * c["GW"], inputs, params=params, sizes=sizes)


def _attention_prefill(_: Shader, c: Mapping[str, int]) -> Known:
    size, heads, group = c["D"], c["H"], c["H"] // c["KV"]
    data, want = _cache(c, 1 / sqrt(size))
    inputs = {
        **data,
        "q": floats(*[1 / sqrt(size)] * (heads * size)),
        "state": state(1, _position(c)),
    }
    shown = min(group, c["BQ"])
    return Known("out", want * shown, inputs, sizes={"keys": 2 * size * c["S"]})


def _attention_merge(_: Shader, c: Mapping[str, int]) -> Known:
    size = c["H"] * c["D"]
    tops, weights = (0.5, 2.0, -1e30), (1.0, 3.0, 0.0)  # the last split saw no position
    sums = [[(s + 1) * (i % 11 - 4.0) for i in range(size)] for s in range(2)]
    stats = [v for s in range(3) for _ in range(c["H"]) for v in (tops[s], weights[s])]
    shares = [exp(top - 2.0) for top in tops]
    total = sum(a * b for a, b in zip(shares, weights, strict=True))
    want = [(shares[0] * a + shares[1] * b) / total for a, b in zip(*sums, strict=True)]
    inputs = {"partial": floats(*sums[0], *sums[1], *[0.0] * size, *stats)}
    return Known("out", want, inputs, (c["H"], 1, 1), {"splits": 3})


def _rope_cache(_: Shader, c: Mapping[str, int]) -> Known:
    size, heads = c["D"], c["H"]
    q = [d % 8 - 3.0 for d in range(size)]
    mean = sum(v * v for v in q) / size
    scale = 1 / sqrt(size * (mean + 1.0 if c["HEAD_NORM"] else 1.0))
    inputs = {
        "qkv": floats(*q * (heads + 2 * c["KV"])),
        "freqs": bytes(8 * size),
        "head_weight": floats(*[1.0] * (2 * size)),
        "state": state(1),
    }
    lies = {"keys": 2 * size * c["S"], "values": 2 * size * c["S"]}
    return Known("q", [v * scale for v in q] * heads, inputs, (1, heads, 1), {"eps": 1.0}, lies)


def _take_last(_: Shader, c: Mapping[str, int]) -> Known:
    last = [i % 7 - 3.0 for i in range(c["C"])]
    inputs = {"hidden": bytes(4 * c["C"]) + floats(*last), "state": state(2)}
    return Known("hidden", last * 2, inputs)


# ---- sampling, greedy


def _parts(c: Mapping[str, int]) -> list[tuple[float, int, float]]:
    """(maximum, its index, weight) of each slice of logits that are 0, but 2 at one place."""
    size = -(-c["V"] // c["GROUPS"])
    slices = [(i * size, min((i + 1) * size, c["V"])) for i in range(c["GROUPS"])]
    return [
        (2.0, end - 1, 1 + (end - begin - 1) * exp(-2))
        if i == len(slices) // 2
        else (0.0, begin, float(end - begin))
        for i, (begin, end) in enumerate(slices)
    ]


def _logits(c: Mapping[str, int]) -> bytes:
    top = max(_parts(c))[1]
    return bytes(4 * top) + floats(2.0)


def _sample_scan(_: Shader, c: Mapping[str, int]) -> Known:
    inputs = {"logits": _logits(c), "sampling": Sampling(temperature=0).packed()}
    sizes = dict.fromkeys(("logits", "bias", "counts"), 4 * c["V"])
    want = [value for part in _parts(c) for value in part]
    return Known("parts", want, inputs, (c["GROUPS"], 1, 1), sizes=sizes, form="fIf" * c["GROUPS"])


def _sample_pick(_: Shader, c: Mapping[str, int]) -> Known:
    parts = _parts(c)
    inputs = {
        "logits": _logits(c),
        "parts": b"".join(struct.pack("<fIf", *part) for part in parts),
        "state": state(1),
        "sampling": Sampling(temperature=0).packed(),
        "stops": packed_stops([]),
    }
    sizes = {"logits": 4 * c["V"], "counts": 4 * c["V"], "tokens": 4}
    top, token = max(parts)[:2]
    total = sum(exp(best - top) * weight for best, _, weight in parts)
    return Known("ring", [token, -log(total)], inputs, sizes=sizes, form="If")


_ANSWERS: Mapping[str, Callable[[Shader, Mapping[str, int]], Known]] = {
    "matvec": _product,
    "matvec_batch": _product,
    "matmul": _product,
    "matmul_matrix": _product,
    "embed": _embed,
    "take_last": _take_last,
    "silu_mul": _silu_mul,
    "rms_norm": _rms_norm,
    "rope_cache": _rope_cache,
    "attention_decode": _attention_decode,
    "attention_merge": _attention_merge,
    "attention_prefill": _attention_prefill,
    "short_conv": short_conv,
    "gated_delta": gated_delta,
    "sample_scan": _sample_scan,
    "sample_pick": _sample_pick,
}
