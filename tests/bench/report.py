"""Figures as people read them: a table with ratios and bars, and lines for a CSV.

The bars are those of issue 4, section 5. Standard library, Python 3.10.
"""

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tests.bench.facts import Facts
from tests.bench.figures import CPU, PEER, Figures, Series, rung

BARS = {"decode": 10.0, "prefill": 8.0, "load.s": 3.0}
"""How many times better than the peer, by the metric or its kind."""
LONG_CONTEXT = 0.7  # decode at 8192 against 512
LOWER_RUNG = 0.75  # decode and prefill without shader-f16 against with
BEYOND_PCT = 8.0  # GPU bytes beyond file and cache, of the file

TIMES = (".ttft_ms", ".first_ms", ".gap_ms", ".s", "_s")
SPEED = ".tok_s"
NOT_COMPARED = (".computed", "mib", "_pct", "start.s", ".burst")  # the peer starts in its load
FIELDS = ("date", "build", "adapter", "rung", "engine", "model", "metric", "value")


def table(
    figures: Figures, facts: Mapping[str, Facts], results: Sequence[Mapping[str, Any]]
) -> str:
    """Markdown: a table for each model, then what failed."""
    parts = []
    for model, fact in facts.items():
        columns = sorted((s for s in figures if s.model == model), key=lambda s: s.rank)
        if columns:
            parts.append(f"### {model}\n\n{_size(fact)}\n\n{_model_table(figures, columns)}")
            parts += filter(None, ["\n".join(_own_bars(figures, columns))])
    failed = [
        f"- {result['model']}, {result['engine']}, {error['row']}: {error['message']}"
        for result in results
        for error in result["errors"]
    ]
    if failed:
        parts.append("Failed:\n\n" + "\n".join(failed))
    return "\n\n".join(parts) + "\n"


def _size(fact: Facts) -> str:
    return (
        f"{fact.file_bytes / 1e6:.0f} MB; a token reads {fact.weight_bytes / 1e6:.0f} MB of weights"
        f" and {fact.kv_bytes / 1024:.0f} KiB for each position before it"
    )


def _model_table(figures: Figures, columns: Sequence[Series]) -> str:
    peer = next((c for c in columns if c.engine == PEER and c.rung != CPU), None)
    head = ["what", *(f"{c.label} | GB/s" for c in columns), *(["ratio", "bar"] if peer else [])]
    lines = ["| " + " | ".join(head) + " |"]
    lines.append("| --- " * (lines[0].count("|") - 1) + "|")
    for metric in _metrics(figures, columns):
        cells = [_name(metric)]
        for column in columns:
            values = figures[column]
            rate = re.sub(r"\.(tok_s|s)$", ".gb_s", metric)
            cells += [
                _number(values.get(metric)),
                _number(values.get(rate) if rate != metric else None),
            ]
        if peer:
            cells += _verdict(metric, figures[columns[0]].get(metric), figures[peer].get(metric))
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _metrics(figures: Figures, columns: Sequence[Series]) -> Iterator[str]:
    """The metrics that get a line, speeds first."""
    found = sorted({name for column in columns for name in figures[column]}, key=_order)
    hidden = (".gb_s", ".tflop_s", ".tokens")
    yield from (name for name in found if not name.endswith(hidden))


def _order(metric: str) -> tuple[int, str, int, str]:
    kind = ("prefill", "decode", "followup", "load", "start", "ready", "memory")
    number = int((re.findall(r"\.(\d+)\.", metric) or ["0"])[0])
    first = 0 if metric.endswith(SPEED) else 1
    rank = kind.index(metric.partition(".")[0])
    return first * 10 + rank, metric.partition(".")[0], number, metric


def _name(metric: str) -> str:
    unit = {
        "tok_s": "tokens/s", "ttft_ms": "ms to the first token", "s": "s",
        "first_ms": "ms to the first token, the first time", "first_s": "s, the first time",
        "first_token_s": "s with the first token", "computed": "tokens computed",
        "gap_ms": "ms between two tokens at the most", "burst": "tokens at once at the most",
        "gpu_mib": "GPU MiB", "gpu_beyond_pct": "GPU bytes beyond file and cache, % of the file",
        "heap_mib": "MiB of JavaScript's heaps, by the browser", "python_mib": "MiB of Python's",
        "renderer_mib": "MiB of the page's process",
        "renderer_peak_mib": "MiB of the page's process at the most",
    }  # fmt: skip
    words = metric.split(".")
    return f"{' '.join(words[:-1])}, {unit[words[-1]]}"


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _verdict(metric: str, ours: float | None, peer: float | None) -> list[str]:
    """How many times better ours is, and whether that is enough."""
    if not ours or not peer or metric.endswith(NOT_COMPARED):
        return ["", ""]
    ratio = peer / ours if metric.endswith(TIMES) and not metric.endswith(SPEED) else ours / peer
    kind = metric.partition(".")[0] if metric.endswith(SPEED) else metric
    return [f"{ratio:.2f} ×", _bar(ratio, BARS.get(kind))]


def _bar(value: float, bar: float | None, *, most: bool = False) -> str:
    if bar is None:
        return ""
    held = value <= bar if most else value >= bar
    return f"{'≤' if most else '≥'} {bar:g} {'✓' if held else '✗'}"


def _own_bars(figures: Figures, columns: Sequence[Series]) -> Iterator[str]:
    """The bars that no peer is needed for."""
    best = columns[0]
    values = figures[best]
    for column in columns:
        own = figures[column]
        far, near = own.get(f"decode.8192{SPEED}"), own.get(f"decode.512{SPEED}")
        if far and near and column.engine != PEER:
            told = f"{far / near:.2f} of it at 512 ({_bar(far / near, LONG_CONTEXT)})"
            yield f"- {column.label}: decode at 8192 has {told}"
    if "load.gpu_beyond_pct" in values:
        beyond = values["load.gpu_beyond_pct"]
        told = f"{beyond:.1f} % of the file ({_bar(beyond, BEYOND_PCT, most=True)})"
        yield f"- {best.label}: GPU bytes beyond file and cache are {told}"
    for column in columns[1:]:
        if column.engine == best.engine:
            for metric in (f"decode.512{SPEED}", f"prefill.512{SPEED}"):
                full, less = values.get(metric), figures[column].get(metric)
                if full and less:
                    told = f"{less / full:.2f} of {best.rung} ({_bar(less / full, LOWER_RUNG)})"
                    yield f"- {column.label}: {_name(metric)} are {told}"


def csv_text(figures: Figures, results: Sequence[Mapping[str, Any]], date: str, build: str) -> str:
    """All figures, a line each."""
    adapters = {
        Series(result["engine"], result["model"], rung(result)): result["adapter"]
        for result in results
    }
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(FIELDS)
    for series, values in figures.items():
        for metric, value in sorted(values.items()):
            head = (date, build, adapters[series], series.rung, series.engine, series.model)
            writer.writerow([*head, metric, f"{value:.6g}"])
    return out.getvalue()
