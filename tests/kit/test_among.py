"""Conditions about a set of keys that travel as one parameter."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Column, MetaData, Table, bindparam, event, insert, select

from referral_service.kit.db.among import among
from referral_service.kit.db.base import Number, Word
from referral_service.kit.db.engines import Database

KEYS = Table(
    "keys_of_a_test_of_among",
    MetaData(),
    Column("app_id", Number, primary_key=True, autoincrement=False),
    Column("name", Word, primary_key=True),
    Column("number", Number),
)
NAMES = ["a", "A", "ä", "a'b", 'a"b', "a\\b", "{a,b}", "%s", ":name", "null", "1", "\U0001f600", " a", "a" * 64]
BY_NAME = (
    select(KEYS.c.name).where(KEYS.c.app_id == bindparam("app_id"), among(KEYS.c.name, "names")).order_by(KEYS.c.name)
)
BY_NUMBER = select(KEYS.c.number).where(KEYS.c.app_id == 1, among(KEYS.c.number, "numbers")).order_by(KEYS.c.number)


@pytest.fixture
def filled(database: Database) -> Iterator[Database]:
    """A database that holds each name for app 1 with its number, and the first for app 2."""
    KEYS.create(database.write_engine)
    rows = [{"app_id": 1, "name": name, "number": number} for number, name in enumerate(NAMES)]
    other = {"app_id": 2, "name": NAMES[0], "number": 0}
    database.transact(lambda session: session.execute(insert(KEYS), [*rows, other]))
    yield database
    KEYS.drop(database.write_engine)


def found(database: Database, statement: Any, **given: Any) -> list[Any]:
    return database.read(lambda session: list(session.execute(statement, given).scalars()))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
@given(st.lists(st.sampled_from([*NAMES, "nobody", "", "a" * 65, "a" * 200]), max_size=30))
def test_exactly_the_rows_of_these_keys_are_found(filled: Database, names: list[str]) -> None:
    assert sorted(found(filled, BY_NAME, app_id=1, names=names)) == sorted({name for name in names if name in NAMES})


def test_numbers_are_keys_as_well(filled: Database) -> None:
    assert found(filled, BY_NUMBER, numbers=[3, 1, 99, 1]) == [1, 3]
    assert found(filled, BY_NUMBER, numbers=[]) == []


def test_other_conditions_hold_beside_it(filled: Database) -> None:
    assert found(filled, BY_NAME, app_id=2, names=NAMES) == NAMES[:1]


def test_the_statement_is_the_same_whatever_the_number_of_keys(filled: Database) -> None:
    said: set[str] = set()
    event.listen(filled.read_engine, "before_cursor_execute", lambda *args: said.add(args[2]))
    for count in (1, 2, 14):
        assert len(found(filled, BY_NAME, app_id=1, names=NAMES[:count])) == count
    assert len({text for text in said if KEYS.name in text}) == 1
