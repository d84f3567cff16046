"""A book that is in order raises no alarm, small or large."""

from __future__ import annotations

import time

from conftest import EmptyAgain
from doctor.book import Book
from doctor.rows import NOW
from doctor.stories import besides, everything
from sqlalchemy import select
from sqlalchemy.orm import Session

from referral_service.audit.models import AuditEntry
from referral_service.audit.record import record
from referral_service.audit.seal import seal
from referral_service.doctor.report import Report
from referral_service.doctor.run import examine

INVARIANTS = ["I1", "I2", "I3", "I4", "I5", "I6", "I7", "I8", "I9", "I10", "I11", "I13", "I15"]
# The PostgreSQL of the tests runs without fsync, which I15 rightly names.
ON_ANY_SERVER = "I15"
LARGE_BOOK_ROWS = 20_000
LARGE_BOOK_SECONDS_MAX = 30


def alarms(report: Report) -> list[str]:
    return [
        f"{check.invariant} {violation.object_id}: {violation.says}"
        for check in report.checks
        if check.invariant != ON_ANY_SERVER
        for violation in check.violations
    ]


def test_a_small_book_of_every_story_raises_no_alarm_and_is_looked_at_whole(migrated: EmptyAgain) -> None:
    database = migrated.empty()
    for app_id in (1, 2):
        book = Book(app_id)
        everything(book)
        besides(book)
        book.write(database.write_engine)
    told: list[tuple[str, int]] = []

    report = database.read(
        lambda session: examine(session, settings=None, now=NOW, progress=lambda *done: told.append(done))
    )

    assert alarms(report) == []
    assert [check.invariant for check in report.checks] == INVARIANTS
    assert {check.invariant for check in report.checks if check.checked == 0} == set()
    assert {invariant for invariant, _ in told} == set(INVARIANTS)
    if database.is_sqlite:
        assert report.ok
        assert report.to_document()["ok"] is True


def test_a_large_book_raises_no_alarm_and_takes_seconds(migrated: EmptyAgain) -> None:
    database = migrated.empty()
    book = Book()
    while sum(map(len, book.rows.values())) < LARGE_BOOK_ROWS:
        everything(book)
    besides(book)
    assert book.write(database.write_engine) >= LARGE_BOOK_ROWS
    started = time.monotonic()

    report = database.read(lambda session: examine(session, settings=None, now=NOW))

    assert alarms(report) == []
    assert time.monotonic() - started < LARGE_BOOK_SECONDS_MAX


def test_a_log_that_the_service_sealed_is_intact_also_after_an_erasure(migrated: EmptyAgain) -> None:
    database = migrated.empty()
    book = Book()
    book.write(database.write_engine)

    def seal_three(session: Session) -> int:
        for app_id in (1, 0):
            for action in ("program.activate", "customer.erase", "key.create"):
                said = {"b": 1, "a": "ü"}
                record(session, app_id=app_id, actor="cli", action=action, object_id="é\n", details=said, now=NOW)
            session.flush()
        entry = session.scalars(select(AuditEntry).where(AuditEntry.app_id == 1).limit(1)).one()
        entry.details, entry.salt = None, None
        return seal(session, app_id=1) + seal(session, app_id=0)

    assert database.transact(seal_three) == 6

    report = database.read(lambda session: examine(session, settings=None, now=NOW))

    assert alarms(report) == []
    assert next(check.checked for check in report.checks if check.invariant == "I11") >= 6


def test_an_empty_database_raises_no_alarm(migrated: EmptyAgain) -> None:
    database = migrated.empty()

    report = database.read(lambda session: examine(session, settings=None, now=NOW))

    assert alarms(report) == []
