"""Draws the training curve as an SVG: loss over tokens seen, both axes logarithmic.

python -m demo.curve out/training.json demo/curve.svg
"""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path

WIDTH, HEIGHT, LEFT, TOP = 640, 320, 60, 20


def svg(points: list[tuple[float, int, float]]) -> str:
    """A picture of (seconds, tokens, loss) points."""
    tokens = [math.log10(n) for _, n, _ in points]
    losses = [math.log10(loss) for _, _, loss in points]
    low, high = math.floor(min(losses)), math.ceil(max(losses))
    first, last = min(tokens), max(tokens)

    def x(value: float) -> float:
        return LEFT + (value - first) / (last - first) * (WIDTH - LEFT - 20)

    def y(value: float) -> float:
        return TOP + (high - value) / (high - low) * (HEIGHT - TOP - 50)

    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        'font-family="sans-serif" font-size="12" fill="#555">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
    ]
    for power in range(low, high + 1):
        lines.append(f'<path d="M{LEFT} {y(power):.1f}H{WIDTH - 20}" stroke="#ddd"/>')
        lines.append(f'<text x="8" y="{y(power) + 4:.1f}">{10.0**power:g}</text>')
    for power in range(math.ceil(first), math.floor(last) + 1):
        here = f"{x(power):.1f}"
        lines.append(f'<path d="M{here} {TOP}V{HEIGHT - 50}" stroke="#ddd"/>')
        lines.append(f'<text x="{here}" y="{HEIGHT - 32}" text-anchor="middle">10^{power}</text>')
    path = "L".join(f"{x(a):.1f} {y(b):.1f}" for a, b in zip(tokens, losses, strict=True))
    lines.append(f'<path d="M{path}" fill="none" stroke="#06c" stroke-width="1.5"/>')
    lines.append(f'<text x="{WIDTH // 2}" y="{HEIGHT - 10}" text-anchor="middle">'
                 "tokens seen; mean loss of each hundred steps</text>")  # fmt: skip
    return "\n".join([*lines, "</svg>\n"])


def main() -> None:
    source, out = map(Path, sys.argv[1:])
    points = json.loads(source.read_text())["curve"]
    out.write_text(svg(points), encoding="utf-8")


if __name__ == "__main__":
    main()
