from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from itertools import cycle
from typing import Any

import pytest
from sqlalchemy import Boolean, Column, LargeBinary, MetaData, Table, insert, select, text
from sqlalchemy.exc import DataError, IntegrityError

from referral_service.kit.db.base import Id, JsonDocument, LongText, Number, UtcDateTime, Word
from referral_service.kit.db.engines import Database
from referral_service.kit.db.write_rows import TOGETHER, add_rows, insert_rows, update_rows

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
INDIA = timezone(timedelta(hours=5, minutes=30))

shelf = Table(
    "shelf_of_a_test",
    MetaData(),
    Column("app_id", Number, primary_key=True, autoincrement=False),
    Column("id", Id, primary_key=True),
    Column("count", Number),
    Column("state", Word),
    Column("at", UtcDateTime),
    Column("document", JsonDocument),
    Column("sealed", LargeBinary),
    Column("is_told", Boolean),
    Column("note", LongText),
)
NAMES = [column.name for column in shelf.columns]


@pytest.fixture
def stocked(database: Database) -> Iterator[Database]:
    """A database with an empty shelf."""
    shelf.create(database.write_engine)
    yield database
    shelf.drop(database.write_engine)


def row(id_: str, **more: Any) -> dict[str, Any]:
    plain = {"count": 1, "state": "new", "at": NOON, "document": {}, "sealed": b"", "is_told": False, "note": ""}
    return {"app_id": 1, "id": id_, **plain, **more}


ODD = [
    row("a", count=2**53 + 1, at=NOON + timedelta(microseconds=1), sealed=bytes(range(256)), is_told=True),
    row("b", state="quoted \" ' \\ 50 % :name ü \U0001f600", note="line\nline\ttab \x7f"),
    row("c", count=-(2**62), document={"deep": [{"ü": 1.5, "none": None, "true": True}, "\\x00"], "1": "%s"}),
    row("d", count=None, state=None, at=None, sealed=None, is_told=None, note=None),
    row("e", at=NOON.astimezone(INDIA), document=[["key", "fact", 5000]]),
]


def insert_all(database: Database, rows: list[dict[str, Any]], **how: Any) -> None:
    database.transact(lambda session: insert_rows(session, shelf, rows, **how))


def update_all(database: Database, rows: list[dict[str, Any]], **how: Any) -> None:
    database.transact(lambda session: update_rows(session, shelf, rows, **how))


def stored(database: Database) -> list[tuple[Any, ...]]:
    """What is in the table, as the driver has it."""
    with database.read_engine.connect() as connection:
        return [tuple(found) for found in connection.execute(text("SELECT * FROM shelf_of_a_test ORDER BY app_id, id"))]


def read(database: Database, *names: str) -> list[tuple[Any, ...]]:
    with database.read_engine.connect() as connection:
        columns = [shelf.c[name] for name in names]
        return [tuple(found) for found in connection.execute(select(*columns).order_by(shelf.c.app_id, shelf.c.id))]


def test_rows_are_stored_as_sqlalchemy_would_store_them(stocked: Database) -> None:
    insert_all(stocked, ODD)
    ours = stored(stocked)
    with stocked.write_engine.begin() as connection:
        connection.execute(shelf.delete())
        connection.execute(insert(shelf), ODD)
    assert ours == stored(stocked)
    assert read(stocked, *NAMES) == [tuple(one[name] for name in NAMES) for one in ODD]


@pytest.mark.parametrize("count", [TOGETHER - 1, TOGETHER, TOGETHER + 1, 2 * TOGETHER + 50])
def test_many_rows_are_stored_as_few_are(stocked: Database, count: int) -> None:
    rows = [{**odd, "id": f"{number:04}"} for number, odd in zip(range(count), cycle(ODD), strict=False)]
    for one in rows:
        insert_all(stocked, [one])
    one_by_one = stored(stocked)
    with stocked.write_engine.begin() as connection:
        connection.execute(shelf.delete())
    insert_all(stocked, rows)
    assert stored(stocked) == one_by_one
    insert_all(stocked, [{**one, "note": "again"} for one in [*rows, row("new")]], unless_there=True)
    assert stored(stocked)[:-1] == one_by_one
    insert_all(stocked, [{**one, "note": "again"} for one in rows], overwrite=("note",))
    assert read(stocked, "note") == [("again",)] * (count + 1)


def test_many_rows_are_refused_together_where_one_of_them_is_there(stocked: Database) -> None:
    rows = [row(f"{number:04}") for number in range(2 * TOGETHER + 50)]
    for there in (rows[0], rows[TOGETHER + 7], rows[-1]):
        insert_all(stocked, [there])
        with pytest.raises(IntegrityError):
            insert_all(stocked, [one for one in rows if one != there] + [there])
        assert read(stocked, "id") == [(there["id"],)]
        with stocked.write_engine.begin() as connection:
            connection.execute(shelf.delete())


def test_a_time_without_a_zone_is_refused(stocked: Database) -> None:
    with pytest.raises(ValueError, match="ambiguous"):
        insert_all(stocked, [row("a"), row("b", at=NOON.replace(tzinfo=None))])
    insert_all(stocked, [row("a")])
    with pytest.raises(ValueError, match="ambiguous"):
        update_all(stocked, [{"app_id": 1, "id": "a", "at": NOON.replace(tzinfo=None)}])
    assert read(stocked, "at") == [(NOON,)]


def test_values_that_are_set_later_are_stored_the_same(stocked: Database) -> None:
    insert_all(stocked, ODD)
    before = stored(stocked)
    update_all(stocked, [row(one["id"]) for one in ODD])
    assert stored(stocked) != before
    update_all(stocked, ODD)
    assert stored(stocked) == before


def test_only_given_columns_of_rows_with_the_given_keys_are_set(stocked: Database) -> None:
    insert_all(stocked, [row("a"), row("b"), row("c"), row("a", app_id=2)])
    update_all(stocked, [{"app_id": 1, "id": "a", "count": 5}, {"app_id": 1, "id": "c", "count": 6}])
    update_all(stocked, [{"app_id": 1, "id": "nobody", "count": 7}])
    assert read(stocked, "count", "state") == [(5, "new"), (1, "new"), (6, "new"), (1, "new")]
    update_all(stocked, [{"app_id": 1, "state": "new", "note": "seen"}], key=("app_id", "state"))
    assert read(stocked, "note") == [("seen",)] * 3 + [("",)]


def test_rows_of_several_apps_are_refused_and_none_is_written(stocked: Database) -> None:
    insert_all(stocked, [row("a"), row("a", app_id=2)])
    with pytest.raises(ValueError, match="several apps"):
        update_all(stocked, [{"app_id": app_id, "id": "a", "count": 5} for app_id in (1, 2)])
    assert read(stocked, "count") == [(1,), (1,)]


def test_numbers_are_added(stocked: Database) -> None:
    insert_all(stocked, [row("a", count=10), row("b", count=20)])
    update_all(stocked, [{"app_id": 1, "id": "a", "count": -3}, {"app_id": 1, "id": "b", "count": 5}], add=True)
    assert read(stocked, "count") == [(7,), (25,)]


def test_a_key_that_is_there_is_refused_unless_told_otherwise(stocked: Database) -> None:
    insert_all(stocked, [row("a", count=1, state="first")])
    with pytest.raises(IntegrityError):
        insert_all(stocked, [row("b"), row("a")])
    assert read(stocked, "id") == [("a",)]
    insert_all(stocked, [row("a", count=2), row("b", count=2)], unless_there=True)
    assert read(stocked, "count", "state") == [(1, "first"), (2, "new")]
    insert_all(stocked, [row("a", count=3), row("c", count=3)], overwrite=("count",))
    assert read(stocked, "count", "state") == [(3, "first"), (2, "new"), (3, "new")]


def test_nothing_given_does_nothing(stocked: Database) -> None:
    insert_all(stocked, [])
    update_all(stocked, [])
    assert stored(stocked) == []


def test_a_text_that_is_too_long_is_never_cut(stocked: Database) -> None:
    """SQLite has no such limit."""
    if stocked.is_sqlite:
        insert_all(stocked, [row("a", state="x" * 65)])
        assert read(stocked, "state") == [("x" * 65,)]
    else:
        with pytest.raises(DataError):
            insert_all(stocked, [row("a", state="x" * 65)])


def test_a_column_that_would_fill_itself_in_must_be_given(stocked: Database) -> None:
    with_default = Table("with_default", MetaData(), Column("id", Id, primary_key=True), Column("n", Number, default=0))
    with pytest.raises(ValueError, match="with_default say nothing of"):
        stocked.transact(lambda session: insert_rows(session, with_default, [{"id": "a"}]))


def test_rows_are_added_or_added_to_and_told_as_they_are_then(stocked: Database) -> None:
    def add(*rows: tuple[str, int]) -> list[tuple[str, int, str, bool]]:
        given = [{"app_id": 1, "id": id_, "count": count, "state": "given", "is_told": True} for id_, count in rows]
        told = stocked.transact(
            lambda session: add_rows(
                session, shelf, given, "count", overwrite=("is_told",), returning=("id", "count", "state", "is_told")
            )
        )
        return sorted(tuple(each) for each in told)

    insert_all(stocked, [row("b", count=5)])
    told = [("a", 2, "given", True), ("b", 8, "new", True), ("c", 0, "given", True)]
    assert add(("a", 2), ("b", 3), ("c", 0)) == told
    assert add(("a", -1)) == [("a", 1, "given", True)]
    assert add() == []
