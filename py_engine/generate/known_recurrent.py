"""Known answers of the kernels with a state: two tokens after a state that is not zeros."""

from collections.abc import Mapping
from math import exp, log, sqrt

from py_engine.generate.answer import UNTOUCHED, Known, floats, state
from py_engine.gpu.wgsl import Shader


def _repeated(pattern: list[float], n: int) -> bytes:
    """n floats: the pattern over and over."""
    return (floats(*pattern) * (n // len(pattern) + 1))[: 4 * n]


def _silu(x: float) -> float:
    return x / (1 + exp(-x))


def short_conv(_: Shader, c: Mapping[str, int]) -> Known:
    """The first workgroup's channels."""
    channels, columns, width = c["C"], c["W"], c["WIDTH"]
    x = [(5 * i + i // 8) % 7 - 3.0 for i in range(56)]
    taps, past = [0.5, -1.0, 2.0, 0.75, -1.5], [2.0, -1.0, 1.0]
    shown = min(channels, 64)

    def input(t: int, channel: int) -> float:
        if t < 0:
            return past[((t + width - 1) * channels + channel) % 3]
        at = t * columns + channel
        return x[at % 56] * (x[(at + 2 * channels) % 56] if c["GATED"] else 1.0)

    def output(t: int, i: int) -> float:
        kernel = (taps[(i * width + j) % 5] for j in range(width))
        y = sum(tap * input(t - width + 1 + j, i) for j, tap in enumerate(kernel))
        return y * x[(t * columns + channels + i) % 56] if c["GATED"] else _silu(y)

    lines = [[output(t, i) for i in range(shown)] for t in range(2)]
    inputs = {
        "x": _repeated(x, 2 * columns),
        "kernel": _repeated(taps, channels * width),
        "past": _repeated(past, (width - 1) * channels),
        "state": state(2, 1),
    }
    return Known("out", lines[0] + [UNTOUCHED] * (channels - shown) + lines[1], inputs)


def gated_delta(_: Shader, c: Mapping[str, int]) -> Known:
    """The first head, whose memory is a column times a row, and one such product more a token."""
    size, keys, heads, at = c["D"], c["K"], c["H"], c["Z"]
    row, columns = (2 * keys + heads) * size, c["W"]
    eps, a, dt, alpha, beta = 8.0, -0.7, 0.25, (0.5, -0.5), (0.3, -0.7)
    norm = [1.0 + d % 3 / 2 for d in range(size)]
    remembered = [d % 3 - 0.5 for d in range(size)]
    fours = [[remembered[d % 3] * m for d in range(e, e + 4)] for e in range(3) for m in (1, 2)]
    memory = [(remembered, [1.0 + d % 2 for d in range(size)])]

    def dot(one: list[float], other: list[float]) -> float:
        return sum(x * y for x, y in zip(one, other, strict=True))

    lines = []
    qkv, x = bytearray(8 * row), bytearray(8 * columns)

    def put(into: bytearray, i: int, values: list[float]) -> None:
        into[4 * i : 4 * (i + len(values))] = floats(*values)

    for t in range(2):
        q = [(d + t) % 5 - 1.0 for d in range(size)]
        k = [(2 * d + t) % 3 - 0.5 for d in range(size)]
        v = [d % 7 - 3.0 + t for d in range(size)]
        z = [d % 4 - 1.0 + t for d in range(size)]
        for i, part in ((0, q), (keys, k), (2 * keys, v)):
            put(qkv, t * row + i * size, part)
        put(x, t * columns + at, z)
        put(x, t * columns + at + heads * size, [alpha[t]])
        put(x, t * columns + at + heads * size + heads, [beta[t]])
        q = [value / sqrt((dot(q, q) + eps) * size) for value in q]
        k = [value / sqrt(dot(k, k) + eps) for value in k]
        decay = exp(a * log(1 + exp(alpha[t] + dt)))
        memory = [([decay * value for value in key], value) for key, value in memory]
        recalled = [(dot(k, key), value) for key, value in memory]
        errors = [v[d] - sum(share * value[d] for share, value in recalled) for d in range(size)]
        memory.append((k, [error / (1 + exp(-beta[t])) for error in errors]))
        found = [(dot(q, key), value) for key, value in memory]
        o = [sum(share * value[d] for share, value in found) for d in range(size)]
        scale = 1 / sqrt(dot(o, o) / size + eps)
        lines.append([y * scale * w * _silu(g) for y, w, g in zip(o, norm, z, strict=True)])
    pairs = [floats(*(fours[2 * e] + fours[2 * e + 1])) * (size // 2) for e in range(3)]
    inputs = {
        "qkv": bytes(qkv),
        "x": bytes(x),
        "rates": floats(a, *[0.0] * (heads - 1), dt),
        "norm": floats(*norm),
        "memory": b"".join(pairs[4 * e % 3] for e in range(size // 4)),
        "state": state(2, 1),
    }
    want = lines[0] + [UNTOUCHED] * ((heads - 1) * size) + lines[1]
    return Known("out", want, inputs, params={"eps": eps}, sizes={"rates": 8 * heads})
