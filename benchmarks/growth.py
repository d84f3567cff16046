"""The same service over books of different sizes: what a request takes must not grow with them.

All sizes are loaded first and served side by side; each round asks every one of them in turn.
"""

from __future__ import annotations

import random
import secrets
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from threading import Event

import click
from rich.progress import Progress

from benchmarks import asks, bulk, servers, stage, stencil
from benchmarks.figures import Line
from benchmarks.load import measure, request_bytes
from referral_service.app import close, create_app
from referral_service.config import Settings
from referral_service.kit.clock import FixedClock, SystemClock
from referral_service.kit.crypto import Sealer
from referral_service.kit.cursors import Cursors
from referral_service.kit.db.engines import Database
from referral_service.kit.http.wiring import EXTENSION
from referral_service.share.mint_token import mint_token
from referral_service.share.tokens import LIFETIME_SECONDS
from referral_service.signing.key_ring import KeyRing
from referral_service.worker import work_off

SIZES = (10_000, 500_000, 5_000_000)
CONNECTIONS = 32
READS, PURCHASES = 50, 300
# By what factor the time of a request may grow, and the moonshot.
TIMES = (
    ("stats", 1.2, 1.0),
    ("leaderboard, first page", 1.2, 1.0),
    ("leaderboard, a page in the middle", None, None),
    ("explain", 1.2, 1.0),
    ("share page, 30 friends", None, None),
)
# The same people and referrals in every run of a size.
SEED = 7


@dataclass(frozen=True, slots=True)
class Asked:
    """One size: where its service listens, and what it is asked. Each purchase can be sent once.

    Whatever purchases leave to the worker is done by `catch_up`: nobody else does it beside what is measured.
    """

    port: int
    reads: dict[str, list[bytes]]
    purchases: list[Callable[[], list[bytes]]]
    catch_up: Callable[[], None]


def run(kind: str, sizes: Sequence[int], rounds: int, folder: Path, progress: Progress) -> list[Line]:
    """Measure the largest size beside the smallest one, on one kind of database."""
    master = secrets.token_urlsafe(48)
    with ExitStack() as stack:
        made = stack.enter_context(servers.databases(kind, folder))
        with made.hurried():
            asked = {size: _asked(made, stack, size, master, rounds, progress) for size in sorted(set(sizes))}
        smallest, *_, largest = asked
        reads = {
            name: Line(
                path=name, size=spoken(largest), beside=f"at {spoken(smallest)}", unit="ms", target=target,
                moonshot=moonshot, less_is_better=True,
            )
            for name, target, moonshot in TIMES
        }  # fmt: skip
        purchase = Line(
            path="inbound webhook: signed purchase", size=spoken(largest), beside=f"at {spoken(smallest)}",
            target=0.85, moonshot=0.95,
        )  # fmt: skip
        task = progress.add_task(f"{kind}: measuring", total=(rounds + 1) * (len(reads) + 1) * len(asked))
        for number in range(rounds + 1):
            for name, line in [*reads.items(), ("", purchase)]:
                figures = {}
                for size, each in asked.items():
                    figures[size] = _figure(each, name, number)
                    progress.advance(task)
                # The first round is for warming up.
                if number:
                    line.add(figures[largest], figures[smallest])
                    for size in asked.keys() - {largest, smallest}:
                        line.between.setdefault(spoken(size), []).append(figures[size])
    return [*reads.values(), purchase]


def _figure(asked: Asked, name: str, number: int) -> float:
    """Milliseconds a request, one after the other; of purchases how many a second."""
    if not name:
        found = measure(asked.port, asked.purchases[number](), connections=CONNECTIONS, statuses=[200])
        asked.catch_up()
        return found
    return 1000 / measure(asked.port, asked.reads[name], connections=1, statuses=[200])


def _asked(made: servers.Databases, stack: ExitStack, size: int, master: str, rounds: int, progress: Progress) -> Asked:
    """Load a book, serve it, and make its requests."""
    url, keys = made.make(f"growth_{size}"), {servers.KID: master}
    database = Database(url)
    task = progress.add_task(f"{made.kind}: loading {spoken(size)}", total=size)
    cast, book = load_book(database, keys, referrals=size, advance=lambda more: progress.advance(task, more))
    progress.update(task, completed=size)
    chosen = random.Random(SEED)
    owners = [stencil.names(chosen.randrange(book.copies))[0][-1] for _ in range(READS)]
    referrals, tokens = _some_referrals(book, chosen), _tokens(database, keys, cast, owners)
    middle = _middle_of_leaderboard(book, cast, keys)
    database.dispose()
    port = stack.enter_context(servers.service_server(url, master)).port
    program = f"/v1/programs/{cast.program_id}"

    def read(path: str) -> bytes:
        return request_bytes("GET", path, port=port, headers={"Authorization": f"Bearer {cast.api_key}"})

    buyers = _buyers(book, chosen, batches=rounds + 1)
    return Asked(
        port=port,
        reads={
            "stats": [read(f"{program}/stats")] * READS,
            "leaderboard, first page": [read(f"{program}/leaderboard")] * READS,
            "leaderboard, a page in the middle": [read(f"{program}/leaderboard?cursor={middle}")] * READS,
            "explain": [read(f"/v1/referrals/{each}/explain") for each in referrals],
            "share page, 30 friends": [request_bytes("GET", f"/me/{token}", port=port) for token in tokens],
        },
        # Made when they are sent: a signature counts for five minutes only.
        purchases=[partial(asks.purchases, cast, port, batch) for batch in buyers],
        catch_up=partial(_catch_up_with, url, keys),
    )


def load_book(
    database: Database, keys: dict[str, str], *, referrals: int, advance: Callable[[int], None]
) -> tuple[stage.Cast, bulk.Book]:
    """Fill an empty database with so many referrals of the last two months."""
    url = database.url.render_as_string(hide_password=False)
    began = SystemClock().now() - timedelta(days=bulk.SPAN_DAYS)
    clock = FixedClock(began.replace(hour=12, minute=0))
    cast = stage.seed(url, keys, referees=0, clock=clock)
    settings = _settings(url, keys)
    circle = stencil.cut(database, settings, cast, clock=clock)
    book = bulk.load(database, circle, app_id=cast.app_id, referrals=referrals, advance=advance)
    _catch_up(database, settings)
    # The worker has marked what it counted since.
    bulk.settle(database)
    return cast, book


def _settings(url: str, keys: dict[str, str]) -> Settings:
    return Settings(database_url=url, base_url="http://127.0.0.1", master_keys=keys, rate_limits=False)


def _catch_up_with(url: str, keys: dict[str, str]) -> None:
    database = Database(url)
    _catch_up(database, _settings(url, keys))
    database.dispose()


def _catch_up(database: Database, settings: Settings) -> None:
    """Let the worker do what has become due, as it would have done all along; some of it waits for a minute."""
    clock = FixedClock(SystemClock().now())
    for _ in range(2):
        app = create_app(settings, clock=clock, database=database)
        try:
            _, failed = work_off(app.extensions[EXTENSION], stop=Event())
        finally:
            close(app)
        if failed:
            # Worth knowing, and no reason to throw away what took an hour to load.
            click.echo(f"The worker did not get through with: {', '.join(failed)}.", err=True)
        clock.advance(timedelta(minutes=2))


def _some_referrals(book: bulk.Book, chosen: random.Random) -> list[str]:
    copies = [chosen.randrange(book.copies) for _ in range(READS)]
    return [chosen.choice(book.stencil.ids("referrals", copy=copy, day=book.day_of(copy))) for copy in copies]


def _tokens(database: Database, keys: dict[str, str], cast: stage.Cast, owners: list[str]) -> list[str]:
    clock, sealer = SystemClock(), Sealer(keys)
    ring = KeyRing(database, sealer, clock)
    mint = partial(
        mint_token, key_ring=ring, app_id=cast.app_id, program_id=cast.program_id,
        lifetime_seconds=LIFETIME_SECONDS, now=clock.now(),
    )  # fmt: skip
    return [database.transact(partial(mint, external_id=owner)).token for owner in owners]


def _middle_of_leaderboard(book: bulk.Book, cast: stage.Cast, keys: dict[str, str]) -> str:
    """The cursor of the page after somebody with one conversion, half-way through those who met."""
    copy = book.copies // 2
    owner = book.stencil.ids("customers", copy=copy, day=book.day_of(copy), where="owner-")[-1]
    cursors = Cursors(Sealer(keys).derive_all("cursors"))
    return cursors.sign(f"{cast.app_id}:leaderboard:{cast.program_id}:{{}}", [1, owner])


def _buyers(book: bulk.Book, chosen: random.Random, *, batches: int) -> list[list[str]]:
    """Friends who have not bought, everywhere in the book, each once."""
    a_copy = len(stencil.names(0)[1])
    count = min(PURCHASES, book.copies * a_copy // batches)
    picked = chosen.sample(range(book.copies * a_copy), count * batches)
    people = [stencil.names(number // a_copy)[1][number % a_copy] for number in picked]
    return [people[begin : begin + count] for begin in range(0, len(people), count)]


def spoken(size: int) -> str:
    """10000 as "10 thousand", 5000000 as "5 million"."""
    for unit, name in ((1_000_000, "million"), (1_000, "thousand")):
        if size >= unit and size % unit == 0:
            return f"{size // unit} {name}"
    return f"{size:,}"
