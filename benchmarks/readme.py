"""The README's section about speed, made from the results and from nothing else."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from datetime import date
from typing import Any

from benchmarks.tables import aim, figure, named

BEGIN = "<!-- made by `python -m benchmarks readme docs/benchmarks.json` -->"
END = "<!-- end of what is made -->"
CHART = "docs/images/speed.svg"
KINDS = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}

WHAT_IT_IS = (
    "Each path beside a floor of the same machine, measured in one run, in turn: the ratio is what counts, and "
    "`make bench` prints yours."
)
HOW_TO_MEASURE = (
    "`make bench` measures every hot path beside a floor of the same machine and prints the ratios; "
    "`make bench-growth` shows what a request costs as the books grow."
)
LINE_CHARACTERS = 125

Document = Mapping[str, Any]


class NoSuchSection(Exception):
    """The page lacks the two marks between which the section stands."""


def rewrite(page: str, document: Document) -> str:
    """Return the page with the section made anew."""
    before, begun, rest = page.partition(BEGIN)
    _, ended, after = rest.partition(END)
    if not begun or not ended:
        raise NoSuchSection("The page lacks the marks between which its section about speed stands.")
    return f"{before}{BEGIN}\n\n{section(document)}\n{END}{after}"


def section(document: Document) -> str:
    """Return the section, in Markdown."""
    if not document:
        return _paragraph(HOW_TO_MEASURE)
    parts = [
        _paragraph(WHAT_IT_IS),
        f"![Each path's ratio beside its target, and what a request takes as the books grow]({CHART})\n",
    ]
    parts += _comparison(document, "paths", "path", "floor")
    parts += _latencies(document.get("paths", {}))
    parts += _comparison(document, "growth", "as the books grow (`make bench-growth`)", "beside")
    parts += _comparison(document, "memory", "in the long run (`python -m benchmarks memory`)", "beside")
    parts.append(_circumstances(document))
    return "\n".join(parts)


def _comparison(document: Document, run: str, title: str, beside: str) -> list[str]:
    found = {kind: document.get(run, {}).get(kind) for kind in KINDS}
    kinds = [kind for kind, part in found.items() if part]
    if not kinds:
        return []
    by_path: dict[tuple[str, str], dict[str, Document]] = {}
    for kind in kinds:
        for line in found[kind]["lines"]:
            by_path.setdefault((named(line), line["beside"]), {})[kind] = line
    rows = [
        f"| {path} | {other} | {' | '.join(_cell(lines.get(kind)) for kind in kinds)} | {_aims(lines)} |"
        for (path, other), lines in by_path.items()
    ]
    heads = " | ".join(KINDS[kind] for kind in kinds)
    return [f"| {title} | {beside} | {heads} | target |", f"|---|---|{'---|' * len(kinds)}---|", *rows, ""]


def _cell(line: Document | None) -> str:
    if line is None:
        return ""
    ratio = f"{line['ratio']:.2f}" if line["ratio"] >= 0.1 else f"{line['ratio']:.3f}"
    ratio = f"**{ratio}**" if line["met"] else ratio
    noisy = ", noisy" if line["noisy"] else ""
    return f"{ratio} ({figure(line['figure'], line['unit'])}{noisy})"


def _aims(lines: Mapping[str, Document]) -> str:
    aims = [aim(line["target"], less_is_better=line["less_is_better"]) for line in lines.values()]
    return "; ".join(dict.fromkeys(aims))


def _latencies(parts: Document) -> list[str]:
    kinds = [kind for kind in KINDS if parts.get(kind, {}).get("latencies")]
    if not kinds:
        return []
    by_path: dict[str, dict[str, Document]] = {}
    for kind in kinds:
        for latency in parts[kind]["latencies"]:
            by_path.setdefault(latency["path"], {})[kind] = latency
    heads = " | ".join(f"{KINDS[kind]}: p50, p99, p99.9" for kind in kinds)
    rows = [
        f"| {path} | {' | '.join(_percentiles(found.get(kind)) for kind in kinds)} |" for path, found in by_path.items()
    ]
    return [f"| at a fixed rate, half of that | {heads} |", f"|---|{'---|' * len(kinds)}", *rows, ""]


def _percentiles(latency: Document | None) -> str:
    if latency is None:
        return ""
    figures = ", ".join(f"{latency[name]:.1f}" for name in ("p50_ms", "p99_ms", "p99_9_ms"))
    return f"{figures} ms at {latency['rate']:,.0f}/s"


def _circumstances(document: Document) -> str:
    parts = [part for run in document.values() for part in run.values()]
    newest = max(parts, key=lambda part: str(part["measured_on"]))
    machine, day = newest["machine"], date.fromisoformat(newest["measured_on"])
    versions = ", ".join(f"{name} {version}" for name, version in machine["packages"].items())
    rounds = max(line["rounds"] for part in parts for line in part["lines"])
    return _paragraph(
        f"Measured on {day:%B} {day.day}, {day.year}, on {machine['cores']} cores of {machine['architecture']} that "
        f"the load generator and the database share, with Python {machine['python']}, SQLite {machine['sqlite']}, "
        f"{versions}. The ratio is the median of up to {rounds} rounds; in bold where the target is met. Percentiles "
        "count from when a request was due. All figures are in [docs/benchmarks.json](docs/benchmarks.json)."
    )


def _paragraph(text: str) -> str:
    return textwrap.fill(text, LINE_CHARACTERS, break_long_words=False, break_on_hyphens=False) + "\n"
