"""Every planted corruption is found, by the invariant it breaks and by no other."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from conftest import EmptyAgain
from doctor.book import Book
from doctor.corrupt_books import BOOKS_AND_GRANTS
from doctor.corrupt_states import LIMITS_TO_ORDER
from doctor.corruptions import Corruption
from doctor.rows import NOW
from doctor.stories import Handles, besides, everything
from sqlalchemy import Connection, text

from referral_service.doctor.report import Check
from referral_service.doctor.run import examine
from referral_service.kit.db.engines import Database

# The PostgreSQL of the tests runs without fsync, which I15 rightly names.
ON_ANY_SERVER = "I15"


@pytest.fixture(scope="module")
def told(migrated: EmptyAgain) -> tuple[Database, Handles]:
    """One book of every story and the ids in it. Tests change it in transactions that are rolled back."""
    database = migrated.empty()
    handles: Handles = {}
    for app_id in (2, 1):
        book = Book(app_id)
        handles = everything(book)
        besides(book)
        book.write(database.write_engine)
    return database, handles


@pytest.fixture
def connection(told: tuple[Database, Handles]) -> Iterator[Connection]:
    """A transaction that guards nothing and leaves nothing behind."""
    with told[0].write_engine.connect() as connection:
        transaction = connection.begin()
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("PRAGMA defer_foreign_keys = ON")
            connection.exec_driver_sql("PRAGMA ignore_check_constraints = ON")
        else:
            # As a replica, no trigger fires: neither the append-only ones nor foreign keys.
            connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
        yield connection
        transaction.rollback()
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("PRAGMA ignore_check_constraints = OFF")
            connection.rollback()


def corrupt(connection: Connection, corruption: Corruption, handles: Handles) -> None:
    triggers = _without_triggers(connection)
    for table in corruption.frees:
        _free(connection, table)
    for sql in corruption.does:
        given = {name: value for name, value in handles.items() if f":{name}" in sql}
        changed = connection.execute(text(sql), given)
        assert changed.rowcount > 0, f"{corruption.name}: the corruption changed nothing"
    for trigger in triggers:
        connection.exec_driver_sql(trigger)


def _without_triggers(connection: Connection) -> list[str]:
    """Drop SQLite's append-only triggers, and give what makes them again."""
    if connection.dialect.name != "sqlite":
        return []
    found = connection.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").all()
    for name, _ in found:
        connection.exec_driver_sql(f"DROP TRIGGER {name}")
    return [sql for _, sql in found]


def _free(connection: Connection, table: str) -> None:
    """Put a table in the place of this one that has its id for a key, and no other constraint."""
    cascade = "" if connection.dialect.name == "sqlite" else "CASCADE"
    connection.exec_driver_sql(f"CREATE TABLE freed AS SELECT * FROM {table}")
    connection.exec_driver_sql(f"DROP TABLE {table} {cascade}")
    connection.exec_driver_sql(f"ALTER TABLE freed RENAME TO {table}")
    # SQLite asks for one wherever another table refers to this one.
    connection.exec_driver_sql(f"CREATE UNIQUE INDEX freed_id ON {table} (app_id, id)")


def accused(connection: Connection) -> dict[str, Check]:
    report = examine(connection, settings=None, now=NOW)
    return {check.invariant: check for check in report.checks if not check.ok and check.invariant != ON_ANY_SERVER}


def test_the_book_is_in_order_before_anything_is_planted(connection: Connection) -> None:
    assert accused(connection) == {}


@pytest.mark.parametrize("corruption", BOOKS_AND_GRANTS + LIMITS_TO_ORDER, ids=lambda corruption: corruption.name)
def test_a_planted_corruption_is_found(
    connection: Connection, told: tuple[Database, Handles], corruption: Corruption
) -> None:
    corrupt(connection, corruption, told[1])

    found = accused(connection)

    assert set(found) == corruption.breaks, {name: check.violations for name, check in found.items()}
    wanted = told[1].get(corruption.names, corruption.names)
    said = [f"{each.object_id}: {each.says}" for check in found.values() for each in check.violations]
    assert any(wanted in sentence for sentence in said), said


def test_violations_are_shown_up_to_a_hundred_and_all_counted(connection: Connection) -> None:
    sql = "INSERT INTO customers (app_id, id, leaderboard_opt_in, attributes, created_at, updated_at) "
    rows = "SELECT 1, 'cus_more_' || CAST(n AS VARCHAR(9)), {0}, '{{}}', created_at, created_at FROM numbers, apps "
    no = "0" if connection.dialect.name == "sqlite" else "FALSE"
    numbers = "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 150) "
    accounts = (
        "INSERT INTO ledger_accounts (app_id, id, owner, kind, unit, balance, sequence, created_at) "
        "SELECT app_id, 'acc_' || id, id, 'pending', 'USD', 5, 0, created_at FROM customers WHERE id LIKE 'cus_more%'"
    )
    rows = rows.format(no) + "WHERE apps.id = 1"
    first = f"{sql} {numbers} {rows}"
    connection.execute(text(first))
    connection.execute(text(accounts))

    check = accused(connection)["I1"]

    assert len(check.violations) == 100
    assert check.violations_total == 150
    assert check.to_document()["violations_total"] == 150
