"""Clicks are written in batches, kept while the database is away, and bounded."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from patience import until
from sqlalchemy import event, select
from sqlalchemy.exc import IntegrityError, OperationalError

from cast import NOON
from referral_service.clicks import record as room
from referral_service.clicks.models import Click
from referral_service.clicks.record import ClickBuffer, RecordedClick
from referral_service.kit.clock import monotonic_seconds
from referral_service.kit.db.engines import Database
from referral_service.kit.ids import new_id

NEVER_SECONDS = 3600.0


def a_click(number: int = 0, channel: str | None = None) -> RecordedClick:
    return RecordedClick(
        app_id=1,
        click_id=new_id("clk"),
        program_id="prg_1",
        code_id=f"rc_{number}",
        at=NOON,
        channel=channel,
    )


def written(database: Database) -> list[Click]:
    return database.read(lambda session: list(session.scalars(select(Click).order_by(Click.id))))


@pytest.fixture
def buffer(database: Database) -> Iterator[ClickBuffer]:
    """A buffer that writes only when it is told to."""
    made = ClickBuffer(database, flush_seconds=NEVER_SECONDS)
    yield made
    made.close()


def test_a_click_is_written_as_it_was_recorded(database: Database, buffer: ClickBuffer) -> None:
    click = a_click(channel="whatsapp")
    assert buffer.record(click)
    assert written(database) == []
    buffer.flush()
    (row,) = written(database)
    assert (row.id, row.program_id, row.code_id, row.at) == (click.click_id, "prg_1", "rc_0", NOON)
    assert (row.kind, row.channel) == ("person", "whatsapp")
    assert (len(buffer), buffer.written, buffer.dropped) == (0, 1, 0)


def test_many_clicks_are_few_statements(database: Database, buffer: ClickBuffer) -> None:
    statements: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if "clicks" in statement:
            statements.append(statement)

    for number in range(2500):
        buffer.record(a_click(number))
    event.listen(database.write_engine, "before_cursor_execute", note)
    try:
        buffer.flush()
    finally:
        event.remove(database.write_engine, "before_cursor_execute", note)
    assert len(written(database)) == 2500
    assert len(statements) == 3


def test_clicks_are_written_by_themselves_within_moments(database: Database) -> None:
    buffer = ClickBuffer(database, flush_seconds=0.02)
    for number in range(5):
        buffer.record(a_click(number))
    until(lambda: len(written(database)) == 5)
    buffer.close()


def test_no_thread_runs_before_the_first_click(database: Database) -> None:
    before = threading.active_count()
    buffer = ClickBuffer(database)
    assert threading.active_count() == before
    buffer.close()


def test_closing_writes_what_waits_and_takes_no_more(database: Database) -> None:
    buffer = ClickBuffer(database, flush_seconds=NEVER_SECONDS)
    for number in range(10):
        buffer.record(a_click(number))
    buffer.close()
    assert len(written(database)) == 10
    assert not buffer.record(a_click())
    assert buffer.dropped == 1
    buffer.close()
    assert len(written(database)) == 10


def test_clicks_from_many_threads_are_all_written_once(database: Database) -> None:
    buffer = ClickBuffer(database, flush_seconds=0.001)

    def click_often() -> None:
        for number in range(300):
            assert buffer.record(a_click(number))
            if number % 50 == 0:
                buffer.flush()

    threads = [threading.Thread(target=click_often) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    buffer.close()
    assert len(written(database)) == 1800
    assert (buffer.written, buffer.dropped) == (1800, 0)


def test_a_batch_that_cannot_be_written_is_kept_and_tried_again(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    buffer = ClickBuffer(database, flush_seconds=0.01)
    tries: list[int] = []

    def away(_work: Callable[..., Any]) -> Any:
        tries.append(1)
        raise OperationalError("INSERT", {}, Exception("gone"))

    monkeypatch.setattr(database, "transact", away)
    for number in range(20):
        buffer.record(a_click(number))
    until(lambda: len(tries) >= 2)
    assert len(buffer) == 20
    monkeypatch.undo()
    until(lambda: len(buffer) == 0)
    assert len(written(database)) == 20
    assert buffer.dropped == 0
    buffer.close()


def test_an_answer_that_was_lost_after_the_commit_doubles_nothing(
    database: Database, buffer: ClickBuffer, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = database.transact

    def lost(work: Callable[..., Any]) -> Any:
        real(work)
        raise OperationalError("COMMIT", {}, Exception("connection lost"))

    buffer.record(a_click())
    buffer.flush()
    monkeypatch.setattr(database, "transact", lost)
    for number in range(1, 4):
        # More come while nobody knows what became of those before them.
        buffer.record(a_click(number))
        with pytest.raises(OperationalError):
            buffer.flush()
    monkeypatch.undo()
    buffer.record(a_click(4))
    buffer.flush()
    assert len(written(database)) == 5
    assert (len(buffer), buffer.written, buffer.dropped) == (0, 5, 0)


def test_a_batch_that_the_database_refuses_for_good_does_not_hold_up_the_next(
    database: Database, buffer: ClickBuffer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_work: Callable[..., Any]) -> Any:
        raise IntegrityError("INSERT", {}, Exception("no such partition"))

    monkeypatch.setattr(database, "transact", refuse)
    buffer.record(a_click())
    buffer.flush()
    monkeypatch.undo()
    buffer.record(a_click())
    buffer.flush()
    assert (len(written(database)), buffer.written, buffer.dropped) == (1, 1, 1)


def test_the_memory_is_bounded_and_what_is_dropped_is_counted(database: Database) -> None:
    buffer = ClickBuffer(database, flush_seconds=NEVER_SECONDS, clicks_max=100)
    kept = [buffer.record(a_click(number)) for number in range(150)]
    assert kept == [True] * 100 + [False] * 50
    assert (len(buffer), buffer.dropped) == (100, 50)
    buffer.close()
    assert len(written(database)) == 100


def test_closing_while_the_database_is_away_gives_up_in_time(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(_work: Callable[..., Any]) -> Any:
        raise OperationalError("INSERT", {}, Exception("gone"))

    monkeypatch.setattr(room, "CLOSE_SECONDS", 1.3)
    buffer = ClickBuffer(database, flush_seconds=NEVER_SECONDS)
    buffer.record(a_click())
    monkeypatch.setattr(database, "transact", away)
    began = monotonic_seconds()
    buffer.close()
    assert monotonic_seconds() - began < 3
    assert (len(buffer), buffer.dropped) == (0, 1)


@pytest.mark.parametrize("ending", ["", "raise SystemExit(0)", "import os; os.kill(os.getpid(), 15)"])
def test_clicks_are_written_when_the_process_ends(tmp_path: Path, ending: str) -> None:
    """As a server's worker ends: a process of multiprocessing, which leaves without atexit."""
    url = f"sqlite:///{tmp_path / 'ending.db'}"
    program = f"""
import multiprocessing, signal, sys
from datetime import UTC, datetime
from referral_service.clicks.record import ClickBuffer, RecordedClick
from referral_service.kit.db.engines import Database
from referral_service.kit.ids import new_id
from referral_service.migrations import upgrade

def work():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    buffer = ClickBuffer(Database({url!r}), flush_seconds=3600)
    for _ in range(7):
        buffer.record(RecordedClick(1, new_id("clk"), "prg_1", "rc_1", datetime(2026, 3, 1, tzinfo=UTC), None))
    {ending}

if __name__ == "__main__":
    upgrade(Database({url!r}).write_engine)
    child = multiprocessing.get_context("spawn").Process(target=work)
    child.start()
    child.join()
"""
    script = tmp_path / "ending.py"
    script.write_text(program)
    root = Path(__file__).parents[2]
    subprocess.run([sys.executable, str(script)], check=True, timeout=60, env={**os.environ, "PYTHONPATH": str(root)})
    database = Database(url)
    try:
        assert len(written(database)) == 7
    finally:
        database.dispose()
