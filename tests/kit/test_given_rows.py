from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from sqlalchemy import Date, select

from referral_service.kit.db.base import Id, Number, UtcDateTime
from referral_service.kit.db.engines import Database
from referral_service.kit.db.given_rows import as_parameter, given_rows

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def read_back(database: Database, rows: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    dialect = database.write_engine.dialect.name
    given = given_rows(dialect, "given", id=Id, count=Number, at=UtcDateTime)
    statement = select(given.c.id, given.c.count, given.c.at).order_by(given.c.id)
    return database.read(
        lambda session: [tuple(row) for row in session.execute(statement, {"given": as_parameter(rows)})]
    )


def test_rows_come_back_as_they_were_given(database: Database) -> None:
    rows: list[dict[str, Any]] = [
        {"id": "a", "count": 2**53 + 1, "at": NOON},
        {"id": 'b "quoted" \': 50 % ü', "count": -1, "at": NOON + timedelta(microseconds=1)},
        {"id": "c", "count": None, "at": None},
    ]
    assert read_back(database, rows) == [(row["id"], row["count"], row["at"]) for row in rows]
    assert read_back(database, []) == []


def test_a_day_comes_back_as_it_was_given(database: Database) -> None:
    day = date(2026, 3, 1)
    given = given_rows(database.write_engine.dialect.name, "given", on_day=Date())
    found = database.read(
        lambda session: session.execute(select(given.c.on_day), {"given": as_parameter([{"on_day": day}])}).scalar_one()
    )
    assert found == day


def test_an_instant_of_another_zone_is_the_same_instant(database: Database) -> None:
    there = NOON.astimezone(timezone(timedelta(hours=5, minutes=30)))
    assert read_back(database, [{"id": "a", "count": 1, "at": there}]) == [("a", 1, NOON)]


def test_what_no_column_holds_is_refused() -> None:
    for odd in (datetime(2026, 3, 1), {1, 2}):  # noqa: DTZ001
        with pytest.raises(TypeError):
            as_parameter([{"at": odd}])
