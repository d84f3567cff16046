"""The audit log is sealed in order, and any later change shows."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import func, select, update

from cast import NOON
from referral_service.audit.models import AuditEntry, AuditHead
from referral_service.audit.record import record
from referral_service.audit.seal import apps_to_seal, seal, verify_chain
from referral_service.kit.db.engines import Database

APP = 7


def entries(database: Database, count: int, *, app_id: int = APP) -> None:
    def work(session: Any) -> None:
        for number in range(count):
            record(
                session,
                app_id=app_id,
                actor="cli",
                action="probe",
                object_id=f"o-{number}",
                details={"b": number, "a": ["ü", None, 1.5]},
                now=NOON + timedelta(seconds=number, microseconds=number),
            )

    database.transact(work)


def sealed(database: Database, *, app_id: int = APP, limit: int = 1000) -> int:
    return database.transact(lambda session: seal(session, app_id=app_id, limit=limit))


def broken(database: Database, *, app_id: int = APP) -> list[str]:
    return database.read(lambda session: verify_chain(session, app_id=app_id)).broken


def change(database: Database, number: int, **values: Any) -> None:
    database.transact(
        lambda session: session.execute(update(AuditEntry).where(AuditEntry.seq == number).values(**values))
    )


def test_entries_are_numbered_without_gaps_in_their_order(database: Database) -> None:
    entries(database, 5)
    assert [sealed(database, limit=3), sealed(database, limit=3), sealed(database)] == [3, 2, 0]
    query = select(AuditEntry.seq, AuditEntry.object_id).order_by(AuditEntry.seq)
    assert database.read(lambda session: [tuple(it) for it in session.execute(query)]) == [
        (number + 1, f"o-{number}") for number in range(5)
    ]
    assert database.read(lambda session: verify_chain(session, app_id=APP)).checked == 5
    assert broken(database) == []


def test_each_app_has_its_own_chain(database: Database) -> None:
    entries(database, 2)
    entries(database, 3, app_id=0)
    assert database.read(lambda session: apps_to_seal(session)) == [0, APP]
    assert (sealed(database), sealed(database, app_id=0)) == (2, 3)
    assert database.read(lambda session: apps_to_seal(session)) == []
    assert broken(database) + broken(database, app_id=0) == []


def test_workers_that_seal_at_once_make_one_chain(database: Database) -> None:
    entries(database, 40)
    barrier = Barrier(4)

    def work(_number: int) -> int:
        barrier.wait()
        return sum(sealed(database, limit=4) for _ in range(5))

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(work, range(4))) == 40
    assert broken(database) == []
    assert database.read(lambda session: session.scalar(select(func.max(AuditEntry.seq)))) == 40


@pytest.mark.parametrize(
    "values",
    [
        {"actor": "mallory"},
        {"action": "nothing"},
        {"object_id": "o-x"},
        {"at": NOON - timedelta(microseconds=1)},
        {"digest": bytes(32)},
        {"details": {"b": 99}},
        {"salt": bytes(16)},
        {"chain": bytes(32)},
        {"id": "aud_x"},
    ],
)
def test_a_changed_entry_shows(database: Database, values: dict[str, Any]) -> None:
    entries(database, 3)
    sealed(database)
    change(database, 2, **values)
    assert broken(database) != []


def test_a_missing_entry_shows(database: Database) -> None:
    entries(database, 3)
    sealed(database)
    for number in (2, 3):
        change(database, number, seq=None)
        assert broken(database) != []


def test_a_chain_cut_off_with_its_head_shows_where_the_head_is_kept(database: Database) -> None:
    entries(database, 2)
    sealed(database)
    database.transact(lambda session: session.execute(update(AuditHead).values(last_seq=1)))
    assert broken(database) != []


def test_erasing_the_details_leaves_the_chain_whole(database: Database) -> None:
    entries(database, 3)
    sealed(database)
    change(database, 2, details=None, salt=None)
    assert broken(database) == []


def test_details_cannot_be_guessed_from_their_digest(database: Database) -> None:
    for _ in range(2):
        entries(database, 1)
    digests = database.read(lambda session: session.scalars(select(AuditEntry.digest)).all())
    assert len(set(digests)) == 2
