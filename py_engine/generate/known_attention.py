"""Known answers of attention's kernels.

No pair is rotated, but each is multiplied by a magnitude. Keys are zeros but at one position, the
first or second that is seen, so one weight differs; the position before a window has it, too.
"""

import struct
from collections.abc import Mapping, Sequence
from math import exp, log, log2, sqrt, tanh

from py_engine.generate.answer import Known, floats, halves, state
from py_engine.gpu.wgsl import Shader

_MAGNITUDE = 0.5


def _position(c: Mapping[str, int]) -> int:
    return min(150, c["S"] - 1)


def _value(c: Mapping[str, int], level: float) -> list[float]:
    return [level + d % 8 / 8 for d in range(c["D"])]


def _normed(x: Sequence[float]) -> list[float]:
    scale = 1 / sqrt(sum(v * v for v in x) / len(x) + 1.0)  # eps is 1
    return [v * scale for v in x]


def _turned(c: Mapping[str, int], x: Sequence[float]) -> list[float]:
    return [v * _MAGNITUDE if d < c["ROT"] else v for d, v in enumerate(x)]


def _query(shader: Shader, c: Mapping[str, int], x: Sequence[float], position: int) -> list[float]:
    """What attention_decode and rope_cache make of a query head x."""
    if c["TURN_FIRST"]:
        x = _turned(c, x)
    if c["HEAD_NORM"]:
        x = _normed(x)
    if not c["TURN_FIRST"]:
        x = _turned(c, x)
    warmth = 1 + shader.reals["WARMTH"] * log(1 + position // c["WARM_FROM"])
    return [v * shader.reals["SCALE"] * warmth for v in x]


def _rates(c: Mapping[str, int]) -> bytes:
    return struct.pack("<2IfI", 0, 0, _MAGNITUDE, 0) * (c["D"] // 2)


def _attended(
    shader: Shader, c: Mapping[str, int], q: Sequence[float], own: Sequence[float] | None
) -> tuple[dict[str, bytes], list[float]]:
    """Keys and values of one head up to `_position`, and what a query `q` gets from them.

    Args:
        own: the last position's value, if it comes with the call; its key is zeros then.
    """
    last = _position(c)
    first = max(0, last + 1 - c["WINDOW"]) if c["WINDOW"] else 0
    liked = max(first, 1)
    key = 2.0 ** round(1 - log2(sum(q[:8])))
    score, cap = key * sum(q[:8]), shader.reals["SOFTCAP"]
    if cap:
        score = cap * tanh(score / cap)
    levels = [8.0 if i == liked else i % 3 for i in range(last + (own is None))]
    weights = [exp(score) if i == liked else 1.0 for i in range(first, len(levels))]
    level = sum(v * w for v, w in zip(levels[first:], weights, strict=True))
    total = sum(weights)
    want = [level + total * v for v in _value(c, 0)]
    if own:
        want, total = [v + new for v, new in zip(want, own, strict=True)], total + 1
    lines = {level: halves(_value(c, level)) for level in set(levels)}
    before = halves([key] * 8) if first else bytes(16)
    keys = bytes(16 * (liked - 1)) + before + halves([key] * 8)
    values = b"".join(lines[level] for level in levels)
    return {"keys": keys, "values": values}, [v / total for v in want]


def attention_decode(shader: Shader, c: Mapping[str, int]) -> Known:
    size, heads, kv, last = c["D"], c["H"], c["KV"], _position(c)
    x = [1.0] * size
    value = None if c["SHARED"] else [16 * v for v in _value(c, 1)]
    if c["TIED"]:
        value = [0.0] * size  # which is the key, too
    own = _normed(value) if value and c["VALUE_NORM"] else value
    data, want = _attended(shader, c, _query(shader, c, x, last), own)
    inputs = {
        **data,
        "qkv": floats(
            *x * heads, *[0.0] * (kv * size if value and not c["TIED"] else 0), *(value or []) * kv
        ),
        "freqs": _rates(c),
        "head_weight": floats(*[1.0] * (2 * size)),
        "state": state(1, last),
    }
    sizes = {"keys": 2 * size * c["S"], "values": 2 * size * (last + 1)}
    params = {"splits": 1, "eps": 1.0}
    return Known("out", want * c["GW"], inputs, params=params, sizes=sizes)


def attention_prefill(shader: Shader, c: Mapping[str, int]) -> Known:
    size, heads, group = c["D"], c["H"], c["H"] // c["KV"]
    q = [1 / sqrt(size)] * size
    data, want = _attended(shader, c, q, None)
    inputs = {**data, "q": floats(*q * heads), "state": state(1, _position(c))}
    shown = min(group, c["BQ"])
    return Known("out", want * shown, inputs, sizes={"keys": 2 * size * c["S"]})


def attention_merge(_: Shader, c: Mapping[str, int]) -> Known:
    size = c["H"] * c["D"]
    tops, weights = (0.5, 2.0, -1e30), (1.0, 3.0, 0.0)  # the last split saw no position
    sums = [[(s + 1) * (i % 11 - 4.0) for i in range(size)] for s in range(2)]
    stats = [v for s in range(3) for _ in range(c["H"]) for v in (tops[s], weights[s])]
    shares = [exp(top - 2.0) for top in tops]
    total = sum(a * b for a, b in zip(shares, weights, strict=True))
    want = [(shares[0] * a + shares[1] * b) / total for a, b in zip(*sums, strict=True)]
    inputs = {"partial": floats(*sums[0], *sums[1], *[0.0] * size, *stats)}
    return Known("out", want, inputs, (c["H"], 1, 1), {"splits": 3})


def rope_cache(shader: Shader, c: Mapping[str, int]) -> Known:
    size, heads = c["D"], c["H"]
    position = min(5000, c["S"] - 1)
    q = [d % 8 - 3.0 for d in range(size)]
    inputs = {
        "qkv": floats(*q * (heads + (0 if c["SHARED"] else (2 - c["TIED"]) * c["KV"]))),
        "freqs": _rates(c),
        "head_weight": floats(*[1.0] * (2 * size)),
        "state": state(1, position),
    }
    lies = {"keys": 2 * size * c["S"], "values": 2 * size * c["S"]}
    want = _query(shader, c, q, position) * heads
    return Known("q", want, inputs, (1, heads, 1), {"eps": 1.0}, lies)
