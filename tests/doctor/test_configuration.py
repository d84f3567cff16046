"""I15: an unsafe database or master key is named."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import MASTER_KEYS, EmptyAgain
from doctor.rows import NOW
from sqlalchemy import Engine, create_engine

from referral_service import migrations
from referral_service.config import Settings
from referral_service.doctor.report import Check
from referral_service.doctor.run import examine
from referral_service.kit.db.engines import Database


def configuration(engine: Engine, settings: Settings | None) -> Check:
    with engine.connect() as connection:
        report = examine(connection, settings=settings, now=NOW)
    return next(check for check in report.checks if check.invariant == "I15")


def settings_of(database: Database, keys: dict[str, str]) -> Settings:
    url = database.url.render_as_string(hide_password=False)
    return Settings(database_url=url, base_url="https://refer.test", master_keys=keys)


@pytest.fixture
def own_sqlite(tmp_path: Path) -> Database:
    database = Database(f"sqlite:///{tmp_path / 'own.db'}")
    migrations.upgrade(database.write_engine)
    return database


def test_the_services_own_sqlite_engine_is_safe(own_sqlite: Database) -> None:
    check = configuration(own_sqlite.read_engine, settings_of(own_sqlite, MASTER_KEYS))

    assert check.violations == []
    assert check.checked > 3
    own_sqlite.dispose()


@pytest.mark.parametrize(
    ("secret", "says"),
    [
        ("k" * 16 + "ey-too-short", "32 are needed"),
        ("abcabcabc" * 5, "too few characters"),
        ("please-CHANGE-ME-before-going-live-0123", "placeholder"),
    ],
)
def test_a_weak_master_key_is_named_and_never_shown(own_sqlite: Database, secret: str, says: str) -> None:
    check = configuration(own_sqlite.read_engine, settings_of(own_sqlite, MASTER_KEYS | {"k2": secret}))

    assert [each.object_id for each in check.violations if says in each.says] == ["k2"]
    assert secret not in str(check.to_document())
    own_sqlite.dispose()


def test_a_missing_master_key_is_named(own_sqlite: Database) -> None:
    check = configuration(own_sqlite.read_engine, settings_of(own_sqlite, {}))

    assert [each.object_id for each in check.violations] == ["REFERRAL_SECRET_KEYS"]
    own_sqlite.dispose()


def test_a_sqlite_connection_that_forgets_in_a_power_cut_is_named(own_sqlite: Database) -> None:
    own_sqlite.dispose()
    engine = create_engine(own_sqlite.url)
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA synchronous = NORMAL")
        connection.exec_driver_sql("PRAGMA journal_mode = DELETE")
        connection.commit()
        report = examine(connection, settings=None, now=NOW)

    named = {each.object_id for check in report.checks if check.invariant == "I15" for each in check.violations}
    assert named == {"journal_mode", "synchronous", "foreign_keys"}
    engine.dispose()


def test_a_missing_trigger_is_named(migrated: EmptyAgain) -> None:
    database = migrated.empty()
    with database.write_engine.connect() as connection:
        transaction = connection.begin()
        if database.is_sqlite:
            connection.exec_driver_sql("DROP TRIGGER ledger_postings_no_update")
        else:
            connection.exec_driver_sql("ALTER TABLE ledger_postings DISABLE TRIGGER ledger_postings_append_only")
        report = examine(connection, settings=None, now=NOW)
        transaction.rollback()

    check = next(check for check in report.checks if check.invariant == "I15")
    said = {each.says for each in check.violations if each.object_id == "ledger_postings"}
    assert "No trigger refuses UPDATE." in said


def test_a_server_that_does_not_flush_is_named(migrated: EmptyAgain) -> None:
    database = migrated.empty()
    check = configuration(database.read_engine, settings_of(database, MASTER_KEYS))
    unsafe = {each.object_id for each in check.violations}

    # The PostgreSQL of the tests is set up to forget in a power cut; the SQLite of the tests is the service's own.
    assert unsafe == (set() if database.is_sqlite else {"fsync", "full_page_writes", "synchronous_commit"})
