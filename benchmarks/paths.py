"""Each path beside its floor: closed loop, round by round, then once more at a fixed rate for the latencies."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, fields
from functools import partial
from pathlib import Path

from rich.progress import Progress

from benchmarks import asks, deliveries, inserts, processes, servers, stage
from benchmarks.figures import Latency, Line
from benchmarks.load import at_rate, measure
from benchmarks.receiver import receiver

CONNECTIONS = 32
# The fixed rate: this share of what the closed loop found.
PACE = 0.5
# Friends whom a share page shows.
SHOWN = 50
# Purchases that fill every table before anything counts.
WARM_UP = 64


@dataclass(frozen=True, slots=True)
class Counts:
    """How many requests a round has of each kind, and a fixed-rate run."""

    # As quick as they are, fewer would be over before the machine has come to rest, and before clicks are written.
    redirects: int = 16_000
    posts: int = 2000
    empty_posts: int = 8000
    purchases: int = 600
    inserts: int = 4000
    pages: int = 800
    paced: int = 2000

    def tenth(self) -> Counts:
        """For a look that proves nothing."""
        return Counts(*(getattr(self, each.name) // 10 for each in fields(self)))


@dataclass(slots=True)
class Trial:
    """A path of the service and its floor: what asks for a round of each, and which status is right."""

    line: Line
    requests: Callable[[], list[bytes]]
    status: int
    # Gives the floor's figure.
    floor: Callable[[], float]
    # What a fixed-rate run sends; None: it has none.
    paced: Callable[[], list[bytes]] | None = None


@dataclass(slots=True)
class Measured:
    """What one kind of database has shown."""

    lines: list[Line]
    latencies: list[Latency] = field(default_factory=list)


@dataclass(slots=True)
class _Stage:
    """Everything that is up while one kind of database is measured."""

    kind: str
    cast: stage.Cast
    referees: Iterator[str]
    referees_of_one: Iterator[str]
    service: servers.Served
    floor: servers.Served
    insert_floor: Callable[[], float]
    counts: Counts

    def rate(self, at: servers.Served, requests: Sequence[bytes], status: int) -> float:
        return measure(at.port, requests, connections=CONNECTIONS, statuses=[status])

    def buyers(self, count: int, *, of_one: bool = False) -> list[bytes]:
        """Purchases of people who have bought nothing yet, whom many have referred, or one."""
        people = self.referees_of_one if of_one else self.referees
        return asks.purchases(self.cast, self.service.port, [next(people) for _ in range(count)])


def run(kind: str, rounds: int, counts: Counts, folder: Path, progress: Progress) -> Measured:
    """Measure everything on one kind of database."""
    task = progress.add_task(f"{kind}: preparing", total=None)
    master = secrets.token_urlsafe(48)
    with ExitStack() as stack:
        made = stack.enter_context(servers.databases(kind, folder))
        url = made.make("referral")
        bought = counts.purchases * rounds
        cast = stage.seed(
            url, {servers.KID: master}, referees=bought + counts.paced + WARM_UP, referees_of_one=bought + SHOWN
        )
        receiver_port = stack.enter_context(receiver())
        outbox = deliveries.prepare(made.make("outbox"), {servers.KID: master}, receiver_port=receiver_port)
        on = _Stage(
            kind, cast, iter(cast.referees), iter(cast.referees_of_one),
            service=stack.enter_context(servers.service_server(url, master)),
            floor=stack.enter_context(servers.floor_server(workers=made.web_processes)),
            insert_floor=_insert_floor(made, url, counts),
            counts=counts,
        )  # fmt: skip
        paths = _paths(on)
        outbound = Line(
            path=f"outbound deliveries, {deliveries.AT_ONCE} at once", beside="bare loop of aiohttp",
            target=0.6, moonshot=0.8,
        )  # fmt: skip
        several = _two_processes(kind)
        alone = stack.enter_context(servers.service_server(url, master, workers=1)) if several else None
        # Every server answers a little before anything counts.
        for server in filter(None, (on.service, on.floor, alone)):
            on.rate(server, asks.redirects(cast, server.port, 200), 302)
        on.rate(on.service, on.buyers(WARM_UP), 200)
        made.know_their_tables(url)
        steps = len(paths) + 1 + bool(several)
        progress.update(task, total=rounds * steps + len(_paced(paths)), description=f"{kind}: measuring")
        for number in range(rounds):
            for each in paths:
                beside = each.floor()
                each.line.add(on.rate(on.service, each.requests(), each.status), beside)
                progress.advance(task)
            outbound.add(*deliveries.rates(outbox, nth=1 + number))
            progress.advance(task)
            if alone:
                _add_both(several, on, alone)
                progress.advance(task)
        progress.update(task, description=f"{kind}: at a fixed rate")
        latencies = []
        for each in _paced(paths):
            latencies.append(_latency(each, on.service.port))
            progress.advance(task)
    return Measured([*(each.line for each in paths), outbound, *several], latencies)


def _paths(on: _Stage) -> list[Trial]:
    cast, port, counts = on.cast, on.service.port, on.counts
    inserts_too = _each_round(on.insert_floor, times=2)
    empty = _each_round(lambda: on.rate(on.floor, asks.empty_posts(on.floor.port, counts.empty_posts), 200), times=2)

    def bare(make: Callable[[stage.Cast, int, int], list[bytes]], count: int, status: int) -> Callable[[], float]:
        return lambda: on.rate(on.floor, make(cast, on.floor.port, count), status)

    def of(make: Callable[[stage.Cast, int, int], list[bytes]], count: int) -> Callable[[], list[bytes]]:
        return partial(make, cast, port, count)

    sqlite = on.kind == "sqlite"
    return [
        Trial(
            Line(path="redirect, click recorded", beside="bare Flask 302", target=1.6, moonshot=4),
            of(asks.redirects, counts.redirects), 302, bare(asks.redirects, counts.redirects, 302),
            of(asks.redirects, 3 * counts.paced),
        ),
        Trial(
            Line(
                path="inbound webhook: signed purchase", beside="commits: single inserts",
                target=0.8 if sqlite else 0.15, moonshot=1.5 if sqlite else 0.3,
            ),
            lambda: on.buyers(counts.purchases), 200, inserts_too, lambda: on.buyers(counts.paced),
        ),
        Trial(
            Line(path="the same, one referrer for all", beside="commits: single inserts"),
            lambda: on.buyers(counts.purchases, of_one=True), 200, inserts_too,
        ),
        Trial(
            Line(path="claim", beside="empty Flask POST", target=0.2, moonshot=0.4),
            of(asks.claims, counts.posts), 201, empty, of(asks.claims, counts.paced),
        ),
        Trial(
            Line(path="code issue", beside="empty Flask POST", target=0.25, moonshot=0.5),
            of(asks.code_issues, counts.posts), 201, empty, of(asks.code_issues, counts.paced),
        ),
        Trial(
            Line(path="invite page", beside="bare Jinja render"),
            of(asks.invitations, counts.pages), 200, bare(asks.invitations, counts.pages, 200),
        ),
        Trial(
            Line(path="share page, 50 friends", beside="bare Jinja render"),
            of(asks.share_pages, counts.pages // 4), 200, bare(asks.share_pages, counts.pages, 200),
        ),
    ]  # fmt: skip


def _each_round(work: Callable[[], float], *, times: int) -> Callable[[], float]:
    """One figure for several paths of a round: measured for the first of them."""
    left: list[float] = []

    def figure() -> float:
        if not left:
            left.extend([work()] * times)
        return left.pop()

    return figure


def _insert_floor(made: servers.Databases, url: str, counts: Counts) -> Callable[[], float]:
    if made.kind == "sqlite":
        path = made.folder / "floor.db"
        return lambda: inserts.sqlite_inserts(path, count=counts.inserts, clients=CONNECTIONS)
    dsn = url.replace("postgresql+psycopg://", "postgresql://")
    return lambda: inserts.postgresql_inserts(dsn, count=counts.inserts, clients=CONNECTIONS)


def _two_processes(kind: str) -> list[Line]:
    """By the clock, and by the processor time that the web processes used: on two cores, which they share with the
    load generator and the database, the clock cannot show what two machines would do.
    """
    if kind == "sqlite" or not processes.can_tell():
        return []
    return [
        Line(path="redirect, two processes, by the clock", beside="one process"),
        Line(path="redirect, two processes, by processor time", beside="one process", target=1.8, moonshot=2.0),
    ]


def _add_both(lines: list[Line], on: _Stage, alone: servers.Served) -> None:
    by_clock, by_processor = lines
    # The clock of a process's time ticks a hundred times a second: enough of them make a figure.
    count = on.counts.redirects
    two, one = (_clocked(on, server, count) for server in (on.service, alone))
    by_clock.add(two[0], one[0])
    # Two machines have twice the processor time.
    by_processor.add(2 * count / two[1], count / one[1])


def _clocked(on: _Stage, server: servers.Served, count: int) -> tuple[float, float]:
    before = processes.cpu_seconds(server.pid)
    rate = on.rate(server, asks.redirects(on.cast, server.port, count), 302)
    # A tick of the clock at least: a tiny run may use less.
    return rate, max(processes.cpu_seconds(server.pid) - before, 0.01)


def _paced(paths: list[Trial]) -> list[Trial]:
    return [each for each in paths if each.paced]


def _latency(each: Trial, port: int) -> Latency:
    assert each.paced
    rate = PACE * sorted(each.line.figures)[len(each.line.figures) // 2]
    seconds = at_rate(port, each.paced(), rate=rate, connections=CONNECTIONS, statuses=[each.status])
    return Latency(each.line.path, rate, seconds)
