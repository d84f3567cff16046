"""Writes that come together share a commit on SQLite, and each is as if it had been alone."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from contextvars import ContextVar
from functools import partial
from pathlib import Path
from threading import Event, get_ident
from typing import Any

import pytest
from kit.http.threads import PATIENCE_SECONDS
from patience import until
from sqlalchemy import event, text
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.orm import Session

from referral_service.kit.db import engines
from referral_service.kit.db.engines import Database
from referral_service.kit.db.sessions import after_commit

WHO: ContextVar[str] = ContextVar("WHO")

Work = Callable[[Session], Any]


@pytest.fixture
def books(tmp_path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path / 'books.db'}")
    database.transact(lambda session: session.execute(text("CREATE TABLE sold (name TEXT PRIMARY KEY, count INT)")))
    yield database
    database.dispose()


@pytest.fixture
def commits(books: Database) -> list[str]:
    """A line for each commit and rollback of the writer."""
    seen: list[str] = []
    event.listen(books.write_engine, "commit", lambda _connection: seen.append("commit"))
    event.listen(books.write_engine, "rollback", lambda _connection: seen.append("rollback"))
    return seen


def sell(name: str, session: Session) -> int:
    """Sell one more of a kind; gives how many kinds there are."""
    session.execute(text("INSERT INTO sold VALUES (:name, 1)"), {"name": name})
    return int(session.execute(text("SELECT count(*) FROM sold")).scalar_one())


def sold(books: Database) -> set[str]:
    return set(books.read(lambda session: session.scalars(text("SELECT name FROM sold")).all()))


def waiting(books: Database) -> int:
    assert books._shared is not None
    return books._shared._gathering.waiting


def together(books: Database, works: Sequence[Work], *, first: Work = lambda _session: None) -> list[Any]:
    """Bring the works while another is under way, in this order; gives what each came to, errors too."""
    began, may_go = Event(), Event()

    def hold(session: Session) -> None:
        session.execute(text("SELECT 1"))
        began.set()
        assert may_go.wait(PATIENCE_SECONDS)
        first(session)

    def bring(work: Work) -> Any:
        try:
            return books.transact(work)
        except Exception as error:  # noqa: BLE001 -- told to the test
            return error

    with ThreadPoolExecutor(len(works) + 1) as threads:
        holding = threads.submit(books.transact, hold)
        assert began.wait(PATIENCE_SECONDS)
        brought = []
        for number, work in enumerate(works, start=1):
            brought.append(threads.submit(bring, work))
            until(lambda: waiting(books) == number)  # noqa: B023 (called at once)
        may_go.set()
        holding.result()
        return [one.result() for one in brought]


def test_what_comes_while_another_is_under_way_shares_one_commit(books: Database, commits: list[str]) -> None:
    assert together(books, [partial(sell, name) for name in "abc"]) == [1, 2, 3]
    assert commits == ["commit", "commit"]
    assert sold(books) == {"a", "b", "c"}


def test_one_that_fails_is_undone_told_its_own_error_and_spoils_no_other(books: Database, commits: list[str]) -> None:
    def fail(session: Session) -> None:
        sell("x", session)
        raise LookupError("mine")

    first, broken, twice, last = together(books, [partial(sell, "a"), fail, partial(sell, "a"), partial(sell, "b")])
    assert (first, last) == (1, 2)
    assert isinstance(broken, LookupError)
    assert isinstance(twice, IntegrityError)
    assert commits == ["commit", "commit"]
    assert sold(books) == {"a", "b"}


def test_nobody_is_answered_before_the_commit_and_if_it_fails_each_is_done_alone(
    books: Database, commits: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    do_commit, failures = books.write_engine.dialect.do_commit, iter([True])

    def fail_once(connection: Any) -> None:
        if sold(books) == {"first"} and next(failures, False):
            raise sqlite3.OperationalError("disk I/O error")
        do_commit(connection)

    monkeypatch.setattr(books.write_engine.dialect, "do_commit", fail_once)
    counts = together(books, [partial(sell, name) for name in "abc"], first=partial(sell, "first"))
    assert sorted(counts) == [2, 3, 4]
    assert sold(books) == {"first", "a", "b", "c"}
    # The one that held, theirs that failed, and three alone.
    assert commits == ["commit"] * 5


def test_what_the_database_itself_rolls_back_is_done_again_one_by_one(books: Database) -> None:
    runs: list[str] = []

    def lose(session: Session) -> int:
        runs.append("lose")
        count = sell("x", session)
        if len(runs) == 1:
            # As a full disk would.
            session.connection().connection.driver_connection.execute("ROLLBACK")  # type: ignore[union-attr]
            raise sqlite3.OperationalError("database or disk is full")
        return count

    counts = together(books, [partial(sell, "a"), lose, partial(sell, "b")])
    assert sorted(counts) == [1, 2, 3]
    assert sold(books) == {"a", "b", "x"}


def test_a_transaction_that_was_lost_in_silence_is_noticed(books: Database) -> None:
    runs: list[str] = []

    def lose(session: Session) -> int:
        runs.append("lose")
        if len(runs) == 1:
            session.connection().connection.driver_connection.execute("ROLLBACK")  # type: ignore[union-attr]
            return -1
        return sell("x", session)

    counts = together(books, [partial(sell, "a"), lose, partial(sell, "b")])
    assert sorted(counts) == [1, 2, 3]
    assert sold(books) == {"a", "b", "x"}


def test_deeds_are_done_after_the_commit_by_whoever_asked_and_not_for_what_failed(books: Database) -> None:
    done: list[tuple[str, set[str], int]] = []

    def work(name: str, session: Session) -> int:
        after_commit(session, lambda: done.append((name, sold(books), get_ident())))
        sell(name, session)
        if name == "b":
            raise LookupError
        return get_ident()

    a, b, c = together(books, [partial(work, name) for name in "abc"])
    assert isinstance(b, LookupError)
    assert sorted((name, names) for name, names, _ in done) == [("a", {"a", "c"}), ("c", {"a", "c"})]
    # The works were done by one thread, the deeds by those that had brought them.
    assert a == c
    assert len({thread for _, _, thread in done}) == 2
    books.transact(partial(work, "alone"))
    assert done[-1][0] == "alone"


def test_work_is_done_in_the_context_of_whoever_brought_it(books: Database) -> None:
    def as_(name: str, session: Session) -> str:
        sell(name, session)
        return WHO.get()

    def bring(name: str) -> str:
        WHO.set(name)
        return books.transact(partial(as_, name))

    began, may_go = Event(), Event()

    def hold(_session: Session) -> None:
        began.set()
        assert may_go.wait(PATIENCE_SECONDS)

    with ThreadPoolExecutor(5) as threads:
        threads.submit(books.transact, hold)
        assert began.wait(PATIENCE_SECONDS)
        brought = [threads.submit(bring, name) for name in "abcd"]
        until(lambda: waiting(books) == 4)
        may_go.set()
        assert [one.result() for one in brought] == ["a", "b", "c", "d"]


def test_what_one_notes_in_its_session_those_behind_it_see(books: Database) -> None:
    """Terms are not kept as final while the transaction that made them is open (programs/terms_of.py)."""

    def note(session: Session) -> None:
        session.info.setdefault("noted", set()).add("here")

    def read(session: Session) -> set[str]:
        return set(session.info.get("noted", ()))

    assert together(books, [read, note, read])[::2] == [set(), {"here"}]
    assert books.transact(read) == set()


def test_savepoints_of_ones_own_work_within(books: Database) -> None:
    def work(name: str, session: Session) -> int:
        sell(name, session)
        with suppress(IntegrityError), session.begin_nested():
            sell(f"{name}-lost", session)
            sell(name, session)
        return sell(f"{name}-kept", session)

    assert together(books, [partial(work, "a"), partial(work, "b")]) == [2, 4]
    assert sold(books) == {"a", "a-kept", "b", "b-kept"}


def test_a_lock_that_another_process_holds_is_waited_for_once_by_all(
    books: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "LOCK_WAIT_SECONDS", 0.05)
    assert books.url.database is not None
    other = sqlite3.connect(books.url.database, isolation_level=None, check_same_thread=False)
    begun: list[str] = []
    event.listen(books.write_engine, "before_cursor_execute", lambda *args: begun.append(args[2]))

    def impatient(session: Session) -> None:
        session.connection().connection.driver_connection.execute("PRAGMA busy_timeout = 50")  # type: ignore[union-attr]
        session.commit()
        other.execute("BEGIN IMMEDIATE")

    errors = together(books, [partial(sell, name) for name in "abc"], first=impatient)
    assert {type(error) for error in errors} == {OperationalError}
    # The one that held, and one for all three.
    assert begun.count("BEGIN IMMEDIATE") == 2
    other.execute("ROLLBACK")
    other.close()
    assert books.transact(partial(sell, "a")) == 1


def test_whatever_comes_together_adds_up(books: Database) -> None:
    chance = random.Random(7)
    plan = [(f"{number % 40}", chance.random() < 0.3) for number in range(400)]

    def work(name: str, fails: bool, session: Session) -> None:
        session.execute(
            text("INSERT INTO sold VALUES (:name, 1) ON CONFLICT (name) DO UPDATE SET count = count + 1"),
            {"name": name},
        )
        if fails:
            raise LookupError

    def bring(item: tuple[str, bool]) -> bool:
        try:
            books.transact(partial(work, *item))
        except LookupError:
            return False
        return True

    with ThreadPoolExecutor(12) as threads:
        kept = list(threads.map(bring, plan))
    assert kept == [not fails for _, fails in plan]
    total = books.read(lambda session: session.execute(text("SELECT sum(count) FROM sold")).scalar_one())
    assert total == sum(kept)
