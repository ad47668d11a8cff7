"""Known answers: small runs of a model's own pipelines, and what they must give, computed here.

A shader's constants are read from its text, so a pipeline is run as the model runs it, on little
data: some rows of a weight, one key head. Inputs are small integers and powers of two, so that
sums are exact and a term that is missing or counted twice is seen. Knows the kernels' operands;
not how a run is made, nor what follows when it fails.
"""

import struct
from collections.abc import Callable, Mapping
from math import exp, log, log2, pi, sqrt, tanh

from py_engine.generate.answer import UNTOUCHED, Known, floats, state
from py_engine.generate.known_attention import (
    attention_decode,
    attention_merge,
    attention_prefill,
    rope_cache,
)
from py_engine.generate.known_recurrent import gated_delta, short_conv
from py_engine.generate.patterns import GAINS, matrix
from py_engine.generate.sampling import Sampling
from py_engine.gpu.wgsl import Shader
from py_engine.ops.sample import packed_stops
from py_engine.ops.weight import weight_type


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


def _activation(shader: Shader) -> Callable[[float], float]:
    """The function that a shader includes."""
    cap = shader.reals.get("SOFTCAP", 1.0)
    return {
        "lib/capped.wgsl": lambda x: cap * tanh(x / cap),
        "lib/silu.wgsl": lambda x: x / (1 + exp(-x)),
        "lib/gelu.wgsl": lambda x: x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x**3))),
        "lib/relu2.wgsl": lambda x: max(x, 0.0) ** 2,
    }[shader.includes.get("lib/silu.wgsl", "lib/silu.wgsl")]


def _product(shader: Shader, c: Mapping[str, int]) -> Known:
    """matvec, matvec_batch, matmul, matmul_matrix: two tokens, the second twice the first."""
    columns, rows, at = c["K"], max(c["R"] * max(c["TEAMS"], 1), 4), 4
    planes, hi, sc, unit = matrix(weight_type(shader), rows, columns)
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

    activate = _activation(shader)

    def row(token: int, r: int) -> float:
        y = (token + 1) * GAINS[r % 5] * total * down
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
            if pair == 2 or c["ACTIVATED"]:
                y = activate(y) * (row(token, r + 1) if pair == 2 else 1.0)
            line[at + r // pair] = 0.5 * y + (UNTOUCHED if c["ADD"] else 0.0)
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
    return Known("out", want, inputs, groups, params | {"eps": mean, "scale": 0.5})


def _embed(shader: Shader, c: Mapping[str, int]) -> Known:
    rows, columns = 3, c["K"]
    planes, hi, sc, unit = matrix(weight_type(shader), rows, columns)
    whole = (unit * (columns // 256 + 1))[:columns]
    tokens = (2, 1)
    want = [2 * GAINS[token] * w for token in tokens for w in whole]
    inputs = {"w": planes, "tokens": struct.pack("<2I", *tokens), "state": state(2)}
    params = {"first_row": 0, "rows": rows, "hi": hi, "sc": sc, "scale": 2.0}
    return Known("out", want, inputs, (2, 1, 1), params)


def _gate_mul(shader: Shader, c: Mapping[str, int]) -> Known:
    gate = [i % 9 / 2 - 2 for i in range(c["F"])]
    activate = _activation(shader)
    want = [activate(x) * (i % 5) for i, x in enumerate(gate)]
    inputs = {"x": floats(*gate, *(i % 5 for i in range(c["F"]))), "state": state(1)}
    return Known("out", want, inputs, (-(-c["F"] // 64), 1, 1))


def _rms_norm(_: Shader, c: Mapping[str, int]) -> Known:
    n = c["C"]
    x = [float(i % 7 - 2) for i in range(n)]
    weight = [1.0 + i % 3 if c["WEIGHTED"] else 1.0 for i in range(n)]
    scale = 0.5 / sqrt(sum(v * v for v in x) / n + 1.0)
    before = UNTOUCHED if c["ADD"] else 0.0
    want = [before + v * scale * w for v, w in zip(x, weight, strict=True)] + [UNTOUCHED] * n
    inputs = {"x": floats(*x, *x), "weight": floats(*weight), "state": state(1)}
    return Known("out", want, inputs, (2, 1, 1), {"eps": 1.0, "scale": 0.5})


def _qk_norm(_: Shader, c: Mapping[str, int]) -> Known:
    parts = [[float(i % n - 2) for i in range(c[heads] * c["D"])] for n, heads in _QKV]
    row = [v for part in parts for v in part]
    weight = [1.0 + i % 3 for i in range(len(row))]
    scales = [1 / sqrt(sum(v * v for v in part) / len(part) + 1.0) for part in parts]
    factors = [scale for scale, part in zip(scales, parts, strict=True) for _ in part]
    want = [v * a * w for v, a, w in zip(row, factors, weight, strict=True)]
    columns = c["KV"] * c["D"]
    want[-columns:] = row[-columns:]  # values are left alone
    inputs = {"qkv": floats(*row), "weight": floats(*weight[:-columns]), "state": state(1)}
    return Known("qkv", want, inputs, (1, 2, 1), {"eps": 1.0})


_QKV = ((7, "H"), (5, "KV"), (9, "KV"))
"""A number that tells queries, keys and values apart, and how many heads there are."""


def _copied(_: Shader, c: Mapping[str, int]) -> Known:
    values = [i % 13 - 6.0 for i in range(4 * min(c["N"], 300))]
    return Known("out", values, {"x": floats(*values)}, (-(-len(values) // 1024), 1, 1))


def _sigmoid_gate(_: Shader, c: Mapping[str, int]) -> Known:
    gate = [i % 9 / 2 - 2 for i in range(c["C"])]
    want = [(i % 5) / (1 + exp(-x)) for i, x in enumerate(gate)]
    x = floats(*(float(i % 5) for i in range(c["C"])))
    inputs = {"x": x, "gate": floats(*gate), "state": state(1)}
    return Known("x", want, inputs, (-(-c["C"] // 64), 1, 1))


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
    "gate_mul": _gate_mul,
    "sigmoid_gate": _sigmoid_gate,
    "copy": _copied,
    "rms_norm": _rms_norm,
    "qk_norm": _qk_norm,
    "rope_cache": rope_cache,
    "attention_decode": attention_decode,
    "attention_merge": attention_merge,
    "attention_prefill": attention_prefill,
    "short_conv": short_conv,
    "gated_delta": gated_delta,
    "sample_scan": _sample_scan,
    "sample_pick": _sample_pick,
}
