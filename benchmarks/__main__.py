"""Measure the service beside the floors of this very machine.

\b
Examples:
  python -m benchmarks paths --database sqlite --rounds 3
  python -m benchmarks growth --sizes 10k,500k,5M --json docs/benchmarks.json
  python -m benchmarks memory --requests 1M
  python -m benchmarks profile redirect
  python -m benchmarks readme docs/benchmarks.json

Floors and paths share one run, in turn: the machine's mood cancels out, and a wide spread says that it did not.

\b
Exit codes: 0 every target is met; 1 one is missed; 2 wrong usage; 3 the machine was too noisy to say;
4 nothing was measured, because a server failed or answered wrongly.
"""

from __future__ import annotations

import logging
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import structlog
from rich.console import Console
from rich.progress import Progress

from benchmarks import growth, memory, paths, profiling, results
from benchmarks.chart import chart
from benchmarks.deliveries import NotAllSent
from benchmarks.figures import ExitCode, Latency, Line, verdict
from benchmarks.load import LoadFailed
from benchmarks.readme import CHART, NoSuchSection, rewrite
from benchmarks.servers import ServerFailed
from benchmarks.stencil import StencilFault
from benchmarks.tables import show_latencies, show_lines

Run = Callable[[str, Path, Progress], tuple[list[Line], list[Latency]]]


class Size(click.ParamType[int]):
    """A whole number, with k for thousand or M for million."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        digits = str(value).rstrip("kM")
        unit = {"": 1, "k": 1_000, "M": 1_000_000}.get(str(value)[len(digits) :])
        if not digits.isdigit() or unit is None or int(digits) == 0:
            self.fail(f"{value!r} is no number such as 500, 10k or 5M.", param, ctx)
        return int(digits) * unit


class Sizes(click.ParamType[tuple[int, ...]]):
    """At least two numbers, separated by commas."""

    name = "numbers"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, ...]:
        if isinstance(value, tuple):
            return value
        sizes = tuple(sorted({Size().convert(each, param, ctx) for each in str(value).split(",")}))
        if len(sizes) < 2:
            self.fail("Name two sizes or more: the largest is compared with the smallest.", param, ctx)
        return sizes


database = click.option(
    "--database", type=click.Choice(["sqlite", "postgresql", "both"]), default="both", show_default=True
)
rounds = click.option("--rounds", type=click.IntRange(1, 100), default=5, show_default=True)
folder = click.option(
    "--folder",
    type=click.Path(file_okay=False, exists=True, path_type=Path),
    help="Where the databases are made, and deleted again; the system's folder for temporary files by default.",
)
json = click.option(
    "--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="Write the figures there as well."
)


@click.group(help=__doc__)
def main() -> None:
    # The access log of people who are played says nothing here.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))


@main.command("paths", short_help="Each hot path beside its floor.")
@database
@rounds
@folder
@json
@click.option("--quick", is_flag=True, help="A tenth of the requests: for a look that proves nothing.")
def measure_paths(database: str, rounds: int, folder: Path | None, json_file: Path | None, *, quick: bool) -> None:
    """Each hot path beside its floor: closed loop, then at a fixed rate for the latencies."""
    counts = paths.Counts().tenth() if quick else paths.Counts()

    def run(kind: str, place: Path, progress: Progress) -> tuple[list[Line], list[Latency]]:
        measured = paths.run(kind, rounds, counts, place, progress)
        return measured.lines, measured.latencies

    _measure("paths", database, folder, json_file, run)


@main.command("growth", short_help="What requests cost as the books grow.")
@database
@rounds
@folder
@json
@click.option("--sizes", type=Sizes(), default="10k,500k,5M", show_default=True, help="Referrals in each book.")
def measure_growth(
    database: str, rounds: int, folder: Path | None, json_file: Path | None, sizes: tuple[int, ...]
) -> None:
    """The same requests over books of several sizes, loaded first. 5M takes some 20 GB while it runs."""

    def run(kind: str, place: Path, progress: Progress) -> tuple[list[Line], list[Latency]]:
        return growth.run(kind, sizes, rounds, place, progress), []

    _measure("growth", database, folder, json_file, run)


@main.command("memory", short_help="A web process's memory in the long run.")
@database
@folder
@json
@click.option("--requests", type=Size(), default="1M", show_default=True)
def measure_memory(database: str, folder: Path | None, json_file: Path | None, requests: int) -> None:
    """The memory of a web process after so many requests, beside what it had after the first ten thousand."""

    def run(kind: str, place: Path, progress: Progress) -> tuple[list[Line], list[Latency]]:
        return memory.run(kind, requests, place, progress), []

    _measure("memory", database, folder, json_file, run)


@main.command(short_help="Where the time of one path goes.")
@click.argument("path", type=click.Choice(sorted(profiling.PATHS)))
@click.option("--database", type=click.Choice(["sqlite", "postgresql"]), default="postgresql", show_default=True)
@click.option("--requests", type=Size(), default="3k", show_default=True)
@click.option("--in-process", is_flag=True, help="cProfile around the application, in this process.")
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="profile-PATH.svg by default.")
@folder
def profile(
    path: str, database: str, requests: int, output: Path | None, folder: Path | None, *, in_process: bool
) -> None:
    """Draw a flame graph of the serving process with py-spy; where that is not installed, list what costs most."""
    with _place(folder) as place, _failing_well():
        if in_process or profiling.py_spy() is None:
            for line in profiling.in_process(database, path, requests, place):
                click.echo(line)
            return
        target = output or Path(f"profile-{path}.svg")
        rate = profiling.with_py_spy(database, path, requests, place, target)
        click.echo(f"{target}: {requests:,} requests at {rate:,.0f}/s while being looked at.")


@main.command(short_help="Write the README's section and its chart.")
@click.argument("results_file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--page", type=click.Path(exists=True, path_type=Path), default="README.md", show_default=True)
def readme(results_file: Path, page: Path) -> None:
    """Write the README's section about speed, and its chart, from the results."""
    document = results.read(results_file)
    try:
        page.write_text(rewrite(page.read_text(encoding="utf-8"), document), encoding="utf-8")
    except NoSuchSection as fault:
        raise click.UsageError(str(fault)) from None
    picture = page.parent / CHART
    picture.parent.mkdir(parents=True, exist_ok=True)
    picture.write_text(chart(document), encoding="utf-8")
    click.echo(f"{page}, {picture}")


def _measure(name: str, database: str, folder: Path | None, json_file: Path | None, run: Run) -> None:
    """Run it on each kind of database, print and write what it found, and end with what that means."""
    # A table of eighty characters would be all line breaks; a pipe has room.
    console, found = Console(width=None if sys.stdout.isatty() else 140), {}
    with _failing_well(), Progress(console=Console(stderr=True)) as progress:
        for kind in ["sqlite", "postgresql"] if database == "both" else [database]:
            with _place(folder) as place:
                found[kind] = run(kind, place, progress)
            # As soon as it is there: the other database may take an hour.
            if json_file:
                results.write(json_file, name, {kind: results.part(*found[kind])})
    for kind, (lines, latencies) in found.items():
        show_lines(console, f"{kind}: {name}", lines)
        show_latencies(console, f"{kind}: at a fixed rate, half of the closed loop's", latencies)
    sys.exit(verdict(line for lines, _ in found.values() for line in lines))


@contextmanager
def _place(folder: Path | None) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir=folder, prefix="bench-", ignore_cleanup_errors=True) as name:
        yield Path(name)


@contextmanager
def _failing_well() -> Iterator[None]:
    try:
        yield
    except (LoadFailed, ServerFailed, NotAllSent, StencilFault) as fault:
        click.echo(f"Not measured: {fault}", err=True)
        sys.exit(ExitCode.NOT_MEASURED)


if __name__ == "__main__":
    main(prog_name="python -m benchmarks")
