"""Many copies of the circle, straight into the tables: COPY on PostgreSQL, executemany in large transactions on SQLite.

References are not checked and nothing is synced while rows go in; afterwards all is as it was, and the doctor finds
nothing to say (tests/benchmarks).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import text

from benchmarks.stencil import FRIENDS, TOTALS, Sheet, Stencil
from referral_service.kit.db.engines import Database

# Within the 90 days that a friend has to buy, so that nothing is due to be expired; nothing lies in the future.
SPAN_DAYS = 60
COPIES_AT_ONCE = 100
# Nothing is kept of a load that fails, so nothing is written twice to survive that.
SQLITE_SETTINGS = (
    "foreign_keys = OFF",
    "synchronous = OFF",
    # There is no way from the write-ahead log to none but by this one.
    "journal_mode = DELETE",
    "journal_mode = OFF",
    "cache_size = -500000",
)

Write = Callable[[Sheet], None]


@dataclass(frozen=True, slots=True)
class Book:
    """A loaded database: so many copies, spread evenly over the days from the stencil's own."""

    stencil: Stencil
    copies: int

    def day_of(self, copy: int) -> date:
        """When a copy's people met."""
        return self.stencil.day + timedelta(days=copy * SPAN_DAYS // self.copies)


def load(database: Database, stencil: Stencil, *, app_id: int, referrals: int, advance: Callable[[int], None]) -> Book:
    """Copy the circle until there are so many referrals (rounded up); `advance` is told of each portion."""
    book = Book(stencil, -(-referrals // FRIENDS))
    with _loading(database) as transaction:
        for day, copies in _portions(book):
            with transaction() as write:
                for sheet in day:
                    rows = "\n".join(stencil.stamp(sheet.text, copy) for copy in copies)
                    write(Sheet(sheet.table, sheet.columns, rows))
            advance(len(copies) * FRIENDS)
    known = {"told": book.copies * stencil.told, "app_id": app_id}
    with database.write_engine.begin() as connection:
        for total in TOTALS.values():
            connection.execute(text(total), known)
    settle(database)
    return book


def _portions(book: Book) -> Iterator[tuple[list[Sheet], range]]:
    """The sheets of a day, and copies of that day, a hundred at a time."""
    begin = 0
    while begin < book.copies:
        day = book.day_of(begin)
        sheets = book.stencil.on(day)
        while begin < book.copies and book.day_of(begin) == day:
            end = begin + 1
            while end < min(book.copies, begin + COPIES_AT_ONCE) and book.day_of(end) == day:
                end += 1
            yield sheets, range(begin, end)
            begin = end


@contextmanager
def _loading(database: Database) -> Iterator[Callable[[], Any]]:
    """A connection that may skip checks; gives what begins a transaction of it."""
    # SQLite leaves its write-ahead log only while nobody else is there.
    database.dispose()
    connection = database.write_engine.connect()
    raw: Any = connection.connection.driver_connection
    try:
        if database.is_sqlite:
            yield from _sqlite(raw)
        else:
            yield from _postgresql(raw)
    finally:
        # What was switched off stays with this connection.
        connection.invalidate()
        connection.close()


def _postgresql(raw: Any) -> Iterator[Callable[[], Any]]:
    # As a replica the server takes rows as they are: no foreign key is looked up.
    raw.execute("SET session_replication_role = replica")
    raw.execute("SET synchronous_commit = off")
    raw.commit()

    def write(sheet: Sheet) -> None:
        with raw.cursor().copy(f"COPY {sheet.table} ({', '.join(sheet.columns)}) FROM STDIN") as copy:
            copy.write(sheet.text + "\n")

    @contextmanager
    def transaction() -> Iterator[Write]:
        with raw.transaction():
            yield write

    yield transaction


def _sqlite(raw: Any) -> Iterator[Callable[[], Any]]:
    for setting in SQLITE_SETTINGS:
        raw.execute(f"PRAGMA {setting}")

    def write(sheet: Sheet) -> None:
        places = ", ".join("?" for _ in sheet.columns)
        rows: Iterable[list[str]] = (line.split("\t") for line in sheet.text.split("\n"))
        raw.executemany(
            f"INSERT INTO {sheet.table} ({', '.join(sheet.columns)}) VALUES ({places})",  # noqa: S608
            rows,
        )

    @contextmanager
    def transaction() -> Iterator[Write]:
        raw.execute("BEGIN IMMEDIATE")
        yield write
        raw.execute("COMMIT")

    yield transaction
    raw.execute("PRAGMA journal_mode = WAL")


def settle(database: Database) -> None:
    """What PostgreSQL does by itself within minutes, and SQLite's connections with their next write."""
    if database.is_sqlite:
        return
    with database.write_engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("SET statement_timeout = 0"))
        connection.execute(text("VACUUM ANALYZE"))
        connection.execute(text("CHECKPOINT"))
        connection.invalidate()
