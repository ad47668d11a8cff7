"""Known answers of the kernels of residual streams (AltUp), for one token."""

from collections.abc import Mapping
from math import sqrt, tanh

from py_engine.generate.answer import UNTOUCHED, Known, floats, state
from py_engine.gpu.wgsl import Shader


def _line(columns: int, number: int) -> list[float]:
    return [float((3 * i + number) % 7 - 2) for i in range(columns)]


def rescale(_: Shader, c: Mapping[str, int]) -> Known:
    columns, count = c["C"], c["N"]
    own, *others = (_line(columns, n) for n in range(count))
    squares = [sum(v * v for v in line) for line in (own, *others)]
    lines = [
        [v * sqrt(squares[0] / square) for v in line]
        for square, line in zip(squares[1:], others, strict=True)
    ]
    want = [v for line in (own, *lines) for v in line]
    if c["MERGE"]:
        want = [sum(all_of) / count for all_of in zip(own, *lines, strict=True)]
    inputs = {"own": floats(*own), "projected": floats(*(v for one in others for v in one))}
    inputs["state"] = state(1)
    return Known("out", want, inputs, (1, 1, 1), {"stride": columns})


def _streams(c: Mapping[str, int]) -> tuple[list[list[float]], list[float], list[float]]:
    """Streams, a router's numbers, and these after tanh."""
    router = [n / 2 - 0.75 for n in range(c["N"])]
    return [_line(c["C"], n) for n in range(c["N"])], router, [tanh(v) for v in router]


def predict(_: Shader, c: Mapping[str, int]) -> Known:
    columns, count = c["C"], c["N"]
    streams, router, modes = _streams(c)
    table = [i % 5 / 4 - 0.5 for i in range(count**3)]
    coefs = [
        sum(table[i * count + m] * modes[m] for m in range(count)) for i in range(count * count)
    ]
    want = [
        streams[n][i] + sum(coefs[n * count + j] * streams[j][i] for j in range(count))
        for n in range(count)
        for i in range(columns)
    ]
    inputs = {
        "streams": floats(*(v for line in streams for v in line)),
        "router": floats(*router),
        "table": floats(*table),
        "state": state(1),
    }
    sizes = {"hidden": 4 * columns}
    return Known(
        "streams", want, inputs, (-(-columns // 64), 1, 1), {"stride": columns}, sizes=sizes
    )


def correct(_: Shader, c: Mapping[str, int]) -> Known:
    columns, count = c["C"], c["N"]
    streams, router, modes = _streams(c)
    hidden, table = _line(columns, 5), [i % 5 / 4 - 0.5 for i in range(count**2)]
    want = [
        streams[n][i]
        + (hidden[i] - streams[0][i])
        * (1 + sum(table[n * count + m] * modes[m] for m in range(count)))
        for n in range(count)
        for i in range(columns)
    ]
    inputs = {
        "streams": floats(*(v for line in streams for v in line)),
        "router": floats(*router),
        "table": floats(*table),
        "hidden": floats(*hidden),
        "state": state(1),
    }
    sizes = {"weight": 4 * columns}
    return Known(
        "streams", want, inputs, (-(-columns // 64), 1, 1), {"stride": columns}, sizes=sizes
    )


def added(_: Shader, c: Mapping[str, int]) -> Known:
    x, out = _line(c["C"], 1), _line(c["C"], 2)
    want = [0.75 * (a + b) for a, b in zip(x, out, strict=True)] + [UNTOUCHED]
    inputs = {"x": floats(*x), "out": floats(*out), "state": state(1)}
    return Known("out", want, inputs, (-(-c["C"] // 64), 1, 1), {"scale": 0.75})
