"""A picture of a run, ours against the peer, as SVG that is readable on light and dark.

From results.json alone. A panel for each of three questions, a pair of bars for each model.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from tests.bench.facts import Facts
from tests.bench.figures import Figures, figures

TARGET = Path(__file__).with_name("speed.svg")
PANELS = (
    ("decode.512.tok_s", "Decode at 512 tokens of context, tokens/s"),
    ("prefill.512.tok_s", "Prefill of 512 tokens, tokens/s"),
    ("load.s", "Load from localhost, seconds (less is better)"),
)
NAMES = {"ours": "Inferaived", "wllama": "wllama"}

WIDTH, LEFT, RIGHT = 760, 150, 130
BAR, GAP, HEAD, PAIR_GAP, PANEL_GAP = 14, 3, 26, 10, 20
STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #24292f; }
  .title { font-weight: 600; } .note { fill: #57606a; font-size: 12px; }
  .ours { fill: #1f6feb; } .wllama { fill: #8c959f; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; } .note { fill: #9198a1; }
    .ours { fill: #4493f8; } .wllama { fill: #656c76; }
  }"""


def write(results: Path, target: Path = TARGET) -> str:
    """Draw a run's results.json; the sentence to print."""
    data = json.loads(results.read_text(encoding="utf-8"))
    target.write_text(draw(data), encoding="utf-8")
    return f"{target} was drawn from {results}"


def draw(data: Mapping[str, Any]) -> str:
    """The SVG of a run."""
    facts = {name: Facts(**values) for name, values in data["models"].items()}
    numbers = figures(data["pages"], facts)
    parts: list[str] = []
    y = 10.0
    for metric, title in PANELS:
        pairs = [(model, _values(numbers, model, metric)) for model in facts]
        pairs = [(model, values) for model, values in pairs if values]
        if pairs:
            y = _panel(parts, y, title, pairs)
    parts.append(_text(0, y + 4, _note(data), "note"))
    height = y + 14
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:g}" '
        f'width="{WIDTH}" height="{height:g}" role="img">\n<title>Inferaived and wllama</title>\n'
        f"<style>{STYLE}\n</style>\n" + "\n".join(parts) + "\n</svg>\n"
    )


def _values(numbers: Figures, model: str, metric: str) -> dict[str, float]:
    """The metric of each engine; of several rungs the one with most features."""
    found: dict[str, float] = {}
    for series in sorted(numbers, key=lambda s: s.rank):
        if series.model == model and series.engine in NAMES and metric in numbers[series]:
            found.setdefault(series.engine, numbers[series][metric])
    return {engine: found[engine] for engine in NAMES if engine in found}


def _panel(
    parts: list[str], y: float, title: str, pairs: Sequence[tuple[str, Mapping[str, float]]]
) -> float:
    """Draw one question; where the next begins."""
    parts.append(_text(0, y + 12, title, "title"))
    y += HEAD
    scale = (WIDTH - LEFT - RIGHT) / max(max(values.values()) for _, values in pairs)
    for model, values in pairs:
        parts.append(_text(0, y + BAR, model.replace(":", " "), ""))
        for engine, value in values.items():
            width = max(value * scale, 1)
            parts.append(
                f'<rect class="{engine}" x="{LEFT}" y="{y:g}" width="{width:.1f}" height="{BAR}" '
                'rx="2"/>'
            )
            shown = f"{value:.0f}" if value >= 100 else f"{value:.3g}"
            parts.append(_text(LEFT + width + 6, y + BAR - 3, f"{shown} {NAMES[engine]}", "note"))
            y += BAR + GAP
        y += PAIR_GAP
    return y + PANEL_GAP - PAIR_GAP


def _note(data: Mapping[str, Any]) -> str:
    adapter = next((page["adapter"] for page in data["pages"] if page["adapter"]), "")
    words = ["random weights", adapter, data.get("chromium", ""), data["peer"], data["date"]]
    return ", ".join(filter(None, words))


def _text(x: float, y: float, text: str, kind: str) -> str:
    sort = f' class="{kind}"' if kind else ""
    return f'<text{sort} x="{x:.1f}" y="{y:.1f}">{escape(text)}</text>'
