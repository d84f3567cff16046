"""Statements that go straight to the connection see and do what they would by SQLAlchemy's own session."""

from __future__ import annotations

from typing import cast

import pytest
from sqlalchemy import Table, bindparam, func, insert, select, text
from sqlalchemy.exc import IntegrityError

from cast import NOON
from referral_service.kit.db.among import Among
from referral_service.kit.db.engines import Database
from referral_service.kit.db.sessions import DirectSession
from referral_service.tenants.models import IdempotencyKey

KEYS = cast(Table, IdempotencyKey.__table__)
COUNT = select(func.count()).select_from(KEYS)


def a_key(name: str) -> dict[str, object]:
    return {
        "app_id": 1, "api_key_id": "key_1", "key": name, "request_hash": b"", "created_at": NOON, "expires_at": NOON,
    }  # fmt: skip


def test_what_the_session_holds_is_written_before_a_table_is_asked(database: Database) -> None:
    with DirectSession(database.write_engine) as session:
        session.add(IdempotencyKey(**a_key("a")))
        assert session.execute(COUNT).scalar_one() == 1
        with session.no_autoflush:
            session.add(IdempotencyKey(**a_key("b")))
            assert session.execute(COUNT).scalar_one() == 1
        assert session.execute(COUNT).scalar_one() == 2


def test_statements_of_both_kinds_share_one_transaction(database: Database) -> None:
    with DirectSession(database.write_engine) as session:
        session.execute(insert(KEYS), [a_key("a"), a_key("b")])
        assert len(session.execute(select(IdempotencyKey)).all()) == 2
        assert session.execute(text("SELECT count(*) FROM idempotency_keys")).scalar_one() == 2
        session.rollback()
        assert session.execute(COUNT).scalar_one() == 0
        session.execute(insert(KEYS), a_key("c"))
        session.commit()
        assert session.execute(COUNT).scalar_one() == 1
    assert database.read(lambda session: session.execute(COUNT).scalar_one()) == 1


def test_a_savepoint_takes_back_what_it_covers_and_no_more(database: Database) -> None:
    with DirectSession(database.write_engine) as session:
        session.execute(insert(KEYS), a_key("a"))
        savepoint = session.begin_nested()
        session.execute(insert(KEYS), a_key("b"))
        with pytest.raises(IntegrityError):
            session.execute(insert(KEYS), a_key("a"))
        savepoint.rollback()
        assert session.execute(COUNT).scalar_one() == 1
        session.commit()
    assert database.read(lambda session: session.execute(COUNT).scalar_one()) == 1


def test_rows_are_found_by_one_key_and_by_several(database: Database) -> None:
    among = Among(select(KEYS.c.key).where(KEYS.c.app_id == bindparam("app_id")).order_by(KEYS.c.key), KEYS.c.key)
    database.transact(lambda session: session.execute(insert(KEYS), [a_key("a"), a_key("b"), a_key("c")]))

    def found(*keys: str, app_id: int = 1) -> list[str]:
        return database.read(lambda session: list(among.execute(session, keys, {"app_id": app_id}).scalars()))

    assert found("b") == ["b"]
    assert found("c", "nobody", "a") == ["a", "c"]
    assert (found(), found("nobody"), found("a", app_id=2), found("a", "b", app_id=2)) == ([], [], [], [])
