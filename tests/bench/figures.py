"""From what pages reported to figures: medians, tokens and bytes per second.

A result is visit.py's dictionary, a figure is a number with a name such as `decode.512.tok_s`.
Standard library, Python 3.10.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from tests.bench.facts import Facts

MIB = 2**20
PEER = "wllama"
CPU = "CPU"
RUNGS = ("f16+subgroups", "f16", "f32+subgroups", "f32", CPU)
"""Of the ladder of features, the best first; the last is what no GPU computes."""
WORST = (".gap_ms", ".burst")
"""What is not a median: a reader sees every stutter."""


@dataclass(frozen=True)
class Series:
    """Whose figures they are: one engine with one model on one rung of features."""

    engine: str
    model: str
    rung: str

    @property
    def label(self) -> str:
        """Engine and rung, as a column is headed."""
        return f"{self.engine} ({self.rung})"

    @property
    def rank(self) -> tuple[bool, int]:
        """Orders the series of a model: ours, its best rung first, then the peer."""
        return self.engine == PEER, RUNGS.index(self.rung)


Figures = dict[Series, dict[str, float]]


def rung(result: Mapping[str, Any]) -> str:
    """Which of the features that kernels are written for an engine had; `CPU` without a GPU."""
    load = result["rows"].get("load", {})
    if not load.get("webgpu", True):
        return CPU
    has = set(load.get("info", {}).get("features", result["features"]))
    number = "f16" if "shader-f16" in has else "f32"
    return f"{number}+subgroups" if "subgroups" in has else number


def figures(results: Sequence[Mapping[str, Any]], facts: Mapping[str, Facts]) -> Figures:
    """Over all pages of a series and all repetitions on each: medians, or the worst of all."""
    samples: dict[Series, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for result in results:
        series = Series(result["engine"], result["model"], rung(result))
        for row, values in result["rows"].items():
            for name, value in _samples(row, values, facts[result["model"]]):
                samples[series][name].append(value)
        if {"start", "load"} <= set(result["rows"]):
            ready = result["rows"]["start"]["s"] + result["rows"]["load"]["s"]
            samples[series]["ready.s"].append(ready)
    return {
        series: {
            name: max(values) if name.endswith(WORST) else median(values)
            for name, values in named.items()
        }
        for series, named in samples.items()
    }


def _samples(row: str, values: Mapping[str, Any], facts: Facts) -> Iterator[tuple[str, float]]:
    """Every reading of a row as name and value."""
    kind = row.partition(":")[0]
    for name, value in _READERS[kind](values, facts):
        yield f"{_NAMES.get(kind, row.replace(':', '.'))}.{name}", value


Readings = Iterator[tuple[str, float]]


def _prefill(values: Mapping[str, Any], facts: Facts) -> Readings:
    """To the first token. The bytes are the least: weights once, the cache once."""
    yield "first_ms", 1e3 * values["first_s"]
    for reply in values["replies"]:
        n, s = reply["computed"], max(reply["ttft"], 1e-9)
        yield "tok_s", n / s
        yield "gb_s", (facts.weight_bytes + n * facts.kv_bytes) / s / 1e9
        yield "tflop_s", 2 * n * facts.parameters / s / 1e12
        yield "ttft_ms", 1e3 * s


def _decode(values: Mapping[str, Any], facts: Facts) -> Readings:
    """From the first token on; the cache is as long as it is in the middle of the reply.

    How smoothly they come: the longest wait between two tokens, the most that come together.
    """
    for reply in values["replies"]:
        n, s = reply["decoded"], max(reply["s"], 1e-9)
        cached = (reply["prompt"] + reply["n"] / 2) * facts.kv_bytes
        yield "tok_s", n / s
        yield "gb_s", n * (facts.weight_bytes + cached) / s / 1e9
        yield "tokens", reply["n"]
        if "gap" in reply:  # older results have none
            yield "gap_ms", 1e3 * reply["gap"]
            yield "burst", reply["burst"]


def _followup(values: Mapping[str, Any], facts: Facts) -> Readings:
    for reply in values["replies"]:
        yield "ttft_ms", 1e3 * reply["ttft"]
        yield "computed", reply["computed"]


def _load(values: Mapping[str, Any], facts: Facts) -> Readings:
    yield "s", values["s"]
    yield "gb_s", facts.file_bytes / values["s"] / 1e9
    info = values.get("info")
    if info:
        needed = info["file_bytes"] + info["context"] * facts.kv_bytes
        yield "gpu_mib", info["gpu_bytes"] / MIB
        yield "gpu_beyond_pct", 100 * (info["gpu_bytes"] - needed) / info["file_bytes"]


def _first(values: Mapping[str, Any], facts: Facts) -> Readings:
    yield "first_token_s", values["s"]


def _start(values: Mapping[str, Any], facts: Facts) -> Readings:
    yield "s", values["s"]
    if "first_s" in values:
        yield "first_s", values["first_s"]


def _memory(values: Mapping[str, Any], facts: Facts) -> Readings:
    yield "heap_mib", values["bytes"] / MIB
    if "python" in values:
        yield "python_mib", values["python"] / MIB
    if "renderer" in values:
        yield "renderer_mib", values["renderer"]["anonymous"] / MIB
        yield "renderer_peak_mib", values["renderer"]["peak"] / MIB


_READERS: Mapping[str, Callable[[Mapping[str, Any], Facts], Readings]] = {
    "prefill": _prefill, "decode": _decode, "followup": _followup, "load": _load,
    "first": _first, "start": _start, "memory": _memory,
}  # fmt: skip
_NAMES = {"first": "load"}
