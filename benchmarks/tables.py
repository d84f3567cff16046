"""The tables on the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.figures import NOISY, Latency, Line


def show_lines(console: Console, title: str, lines: Sequence[Line]) -> None:
    """Each path beside what it is compared with; warns of lines too noisy to trust."""
    table = Table(title=title)
    between = list(dict.fromkeys(name for line in lines for name in line.between))
    for name in ("path", "", *(f"at {size}" for size in between), "beside", "", "ratio", "spread", "target"):
        table.add_column(name, justify="left" if name in ("path", "beside") else "right")
    for line in lines:
        said = line.document()
        verdict = {None: "", True: " met", False: " missed"}[line.is_met]
        middle = [said["between"].get(name) for name in between]
        table.add_row(
            named(said),
            figure(said["figure"], line.unit),
            *("" if value is None else figure(value, line.unit) for value in middle),
            line.beside,
            figure(said["beside_figure"], line.unit),
            f"{line.ratio:.3f}",
            "one round" if len(line.ratios) == 1 else f"{line.spread:.0%}" + (" noisy" if line.is_noisy else ""),
            aim(line.target, less_is_better=line.less_is_better) + verdict,
        )  # fmt: skip
    console.print(table)
    noisy = sum(line.is_noisy for line in lines)
    if noisy:
        console.print(
            f"[bold]The machine was too noisy for {noisy} of {len(lines)} lines[/bold]: their rounds lie more than "
            f"{NOISY:.0%} of the median apart. Run again when nothing else runs, with more --rounds."
        )


def show_latencies(console: Console, title: str, latencies: Sequence[Latency]) -> None:
    """How long requests took at a fixed rate."""
    if not latencies:
        return
    table = Table(title=title, caption="open loop: counted from when each request was due, not from when it was sent")
    for name in ("path", "per second", "requests", "p50 ms", "p99 ms", "p99.9 ms"):
        table.add_column(name, justify="left" if name == "path" else "right")
    for latency in latencies:
        said = latency.document()
        figures = (f"{said[name]:.1f}" for name in ("p50_ms", "p99_ms", "p99_9_ms"))
        table.add_row(latency.path, f"{latency.rate:,.0f}", f"{said['requests']:,}", *figures)
    console.print(table)


def named(line: Mapping[str, Any]) -> str:
    """A line's path, and of what size its figure is where there are several."""
    return f"{line['path']}, at {line['size']}" if line["size"] else str(line["path"])


def figure(value: float, unit: str) -> str:
    """A figure with its unit: 5,812/s, 1.24 ms."""
    if unit == "/s":
        return f"{value:,.0f}/s"
    return f"{value:.2f} {unit}" if value < 10 else f"{value:,.0f} {unit}"


def aim(target: float | None, *, less_is_better: bool) -> str:
    """A target as it is written: from a value on, or up to one."""
    if target is None:
        return ""
    return f"{'≤' if less_is_better else '≥'} {target:g}"
