"""The results as one SVG picture, for light and dark pages: ratios beside targets, and cost beside growth."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any
from xml.sax.saxutils import escape

WIDTH, LEFT, RIGHT = 860, 300, 60
BAR, GAP, TOP = 11, 13, 64
PLOT_HEIGHT, LABEL = 190, 14
# A bar ends here however far its path went beyond the target.
REACHED_MAX = 2.0
KINDS = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}

# Blue and orange are told apart by those who see no red or green; both stand out on white and on near-black.
STYLE = """
  text { font: 13px system-ui, -apple-system, "Segoe UI", sans-serif; fill: #24292f; }
  .title { font-size: 15px; font-weight: 600; }
  .small { font-size: 11px; fill: #57606a; }
  .end { text-anchor: end; }
  .middle { text-anchor: middle; }
  .sqlite { fill: #1f6feb; stroke: #1f6feb; }
  .postgresql { fill: #d4711c; stroke: #d4711c; }
  .line { fill: none; stroke-width: 2; }
  .aim { stroke: #57606a; stroke-width: 1.5; stroke-dasharray: 4 3; }
  .axis { stroke: #d0d7de; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; }
    .small { fill: #9198a1; }
    .aim { stroke: #9198a1; }
    .axis { stroke: #3d444d; }
    .sqlite { fill: #58a6ff; stroke: #58a6ff; }
    .postgresql { fill: #f0883e; stroke: #f0883e; }
    .line { fill: none; }
  }
"""

Document = Mapping[str, Any]


def chart(document: Document) -> str:
    """Return the picture."""
    bars, height = _bars(document.get("paths", {}))
    lines, more = _growth(document.get("growth", {}), top=height)
    height += more
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" width="{WIDTH}" '
        f'height="{height:.0f}" role="img" aria-label="How near each path comes to its target">\n'
        f"<style>{STYLE}</style>\n{_legend()}\n{bars}\n{lines}\n</svg>\n"
    )


def _text(x: float, y: float, said: str, style: str = "") -> str:
    kind = f' class="{style}"' if style else ""
    return f'<text x="{x:.1f}" y="{y:.1f}"{kind}>{escape(said)}</text>'


def _legend() -> str:
    drawn = [_text(16, 28, "Each path beside its target", "title")]
    for nth, (kind, name) in enumerate(KINDS.items()):
        x = WIDTH - 230 + nth * 95
        drawn += [f'<rect class="{kind}" x="{x}" y="18" width="12" height="12" rx="2"/>', _text(x + 18, 28, name)]
    return "\n".join(drawn)


def _bars(parts: Document) -> tuple[str, float]:
    """A group of bars for each path with a target; the dashed line is where all targets lie."""
    found: dict[str, dict[str, Document]] = {}
    for kind in KINDS:
        for line in parts.get(kind, {}).get("lines", []):
            if line["target"] is not None:
                found.setdefault(line["path"], {})[kind] = line
    scale = (WIDTH - LEFT - RIGHT) / REACHED_MAX
    drawn, y = [], float(TOP)
    for path, lines in found.items():
        drawn.append(_text(LEFT - 12, y + len(lines) * BAR / 2 + 4, path, "end"))
        for kind, line in lines.items():
            width = scale * min(reached(line), REACHED_MAX)
            drawn.append(f'<rect class="{kind}" x="{LEFT}" y="{y:.1f}" width="{width:.1f}" height="{BAR - 1}" rx="2"/>')
            drawn.append(_text(LEFT + width + 6, y + BAR - 2, f"{line['ratio']:.2f}", "small"))
            y += BAR
        y += GAP
    at = LEFT + scale
    drawn.append(f'<path class="aim" d="M{at:.1f} {TOP - 8}V{y:.1f}"/>')
    drawn.append(_text(at, TOP - 14, "target", "small middle"))
    return "\n".join(drawn), y + 20


def reached(line: Document) -> float:
    """How much of its target a line has reached; 1 is all of it."""
    ratio, target = float(line["ratio"]), float(line["target"])
    if line["less_is_better"]:
        return target / ratio if ratio else REACHED_MAX
    return ratio / target


def _growth(parts: Document, *, top: float) -> tuple[str, float]:
    """What a request takes at each size, beside the smallest: flat is what it should be."""
    curves = [(kind, line["path"], _curve(line)) for kind in KINDS for line in parts.get(kind, {}).get("lines", [])]
    if not curves:
        return "", 0
    sizes = [name for name, _ in curves[0][2]]
    most = max(2.0, max(value for _, _, points in curves for _, value in points))
    base, left, right = top + 40 + PLOT_HEIGHT, 70.0, WIDTH - 270.0

    def place(nth: int, value: float) -> tuple[float, float]:
        step = (right - left) / max(len(sizes) - 1, 1)
        return left + nth * step, base - PLOT_HEIGHT * value / most

    drawn = [_text(16, top + 16, "Time of a request as the books grow, beside the smallest", "title")]
    for value in _ticks(most):
        _, y = place(0, value)
        drawn.append(f'<path class="axis" d="M{left} {y:.1f}H{right}"/>')
        drawn.append(_text(left - 8, y + 4, f"{value:g}", "small end"))
    for nth, name in enumerate(sizes):
        drawn.append(_text(place(nth, 0)[0], base + 18, name, "small middle"))
    for kind, _, points in curves:
        spots = [place(nth, value) for nth, (_, value) in enumerate(points)]
        drawn.append(f'<path class="line {kind}" d="M{" L".join(f"{x:.1f} {y:.1f}" for x, y in spots)}"/>')
    ends = [(place(len(points) - 1, points[-1][1])[1], kind, path, points[-1][1]) for kind, path, points in curves]
    drawn += _labels(ends, x=right + 26, lowest=base)
    return "\n".join(drawn), 40 + PLOT_HEIGHT + 40


def _curve(line: Document) -> list[tuple[str, float]]:
    """Time at each size beside the smallest; of a rate, how many times longer one takes."""
    first = line["beside_figure"]
    figures = [*line["between"].items(), (line["size"], line["figure"])]
    times = [(name, value / first if line["less_is_better"] else first / value) for name, value in figures]
    return [(line["beside"].removeprefix("at "), 1.0), *times]


def _ticks(most: float) -> Sequence[float]:
    step = 10 ** math.floor(math.log10(most))
    step = step / 2 if most / step < 4 else step
    return [step * nth for nth in range(int(most / step) + 1)]


def _labels(ends: list[tuple[float, str, str, float]], *, x: float, lowest: float) -> list[str]:
    """The names beside the ends (height, kind, path, value), moved apart where they would lie upon each other."""
    heights, last = [], -math.inf
    for y, *_ in sorted(ends):
        last = max(y, last + LABEL)
        heights.append(last)
    drawn = []
    for y, (_, kind, path, value) in zip(heights, sorted(ends), strict=True):
        moved = y - max(0.0, last - lowest)
        drawn.append(f'<circle class="{kind}" cx="{x:.1f}" cy="{moved:.1f}" r="3"/>')
        drawn.append(_text(x + 9, moved + 4, f"{value:.2f} {path}", "small"))
    return drawn
