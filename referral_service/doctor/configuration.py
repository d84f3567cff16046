"""I15: the configuration is safe. What is acknowledged survives a power cut, and no secret is short or a default."""

from __future__ import annotations

import re
from collections.abc import Callable

from sqlalchemy import Connection

from referral_service.config import SECRET_LENGTH_MIN, Settings
from referral_service.doctor.report import Check
from referral_service.kit.db.engines import Database

APPEND_ONLY = ("ledger_txns", "ledger_postings", "lot_movements", "program_versions")
DIFFERENT_CHARACTERS_MIN = 8
# What examples and templates write where a secret belongs.
PLACEHOLDER = re.compile(
    r"change[-_ ]?(me|this|it)|example|default|insecure|placeholder|your[-_ ]?secret", re.IGNORECASE
)
# PRAGMA synchronous: 0 OFF, 1 NORMAL, 2 FULL, 3 EXTRA.
SQLITE_FULL = 2

Asks = Callable[[str], str]


def check_configuration(connection: Connection, settings: Settings | None, check: Check) -> None:
    """I15. With settings, the connection is one of the service's own write engine; otherwise the one that was given."""
    if settings is None:
        _check_database(connection.dialect.name, lambda sql: str(connection.exec_driver_sql(sql).scalar()), check)
    else:
        _check_own_engine(settings, check)
        _check_master_keys(settings.master_keys, check)
    _check_append_only(connection, check)


def _check_own_engine(settings: Settings, check: Check) -> None:
    database = Database.of(settings)
    # Raw, so that no transaction begins: on SQLite it would wait for the writer.
    raw = database.write_engine.raw_connection()
    try:
        cursor = raw.cursor()

        def asks(sql: str) -> str:
            cursor.execute(sql)
            row = cursor.fetchone()
            return str(row[0]) if row else ""

        _check_database(database.write_engine.dialect.name, asks, check)
        cursor.close()
    finally:
        raw.close()
        database.dispose()


def _check_database(dialect: str, asks: Asks, check: Check) -> None:
    if dialect == "sqlite":
        journal, synchronous = asks("PRAGMA journal_mode"), asks("PRAGMA synchronous")
        check.looked_at(3)
        if journal != "wal":
            check.accuse("journal_mode", f"It is {journal}, and must be wal.")
        if int(synchronous) < SQLITE_FULL:
            check.accuse("synchronous", f"It is {synchronous}; less than FULL loses acknowledged rows in a power cut.")
        if asks("PRAGMA foreign_keys") != "1":
            check.accuse("foreign_keys", "They are off.")
        return
    for name in ("fsync", "full_page_writes", "synchronous_commit"):
        check.looked_at(1)
        if asks(f"SHOW {name}") == "off":
            check.accuse(name, "It is off; acknowledged rows can be lost in a power cut.")


def _check_master_keys(keys: dict[str, str], check: Check) -> None:
    if not keys:
        check.accuse("REFERRAL_SECRET_KEYS", "There is no master key.")
    for kid, secret in keys.items():
        check.looked_at(1)
        # Never the secret itself: a report is printed and sent around.
        if len(secret) < SECRET_LENGTH_MIN:
            check.accuse(kid, f"The master key has {len(secret)} characters; at least {SECRET_LENGTH_MIN} are needed.")
        if len(set(secret)) < DIFFERENT_CHARACTERS_MIN:
            check.accuse(kid, "The master key repeats too few characters to be random.")
        if PLACEHOLDER.search(secret):
            check.accuse(kid, "The master key looks like the placeholder of a template.")


def _check_append_only(connection: Connection, check: Check) -> None:
    """The triggers that refuse a change of what is written are there, and on."""
    if connection.dialect.name == "sqlite":
        found = connection.exec_driver_sql("SELECT tbl_name, sql FROM sqlite_master WHERE type = 'trigger'").all()
        guarded = {(table, verb) for table, sql in found for verb in ("UPDATE", "DELETE") if f"BEFORE {verb}" in sql}
    else:
        # tgtype is a set of bits (pg_trigger.h): 8 is DELETE, 16 is UPDATE; tgenabled O or A means that it fires.
        found = connection.exec_driver_sql(
            "SELECT c.relname, t.tgtype FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid "
            "WHERE NOT t.tgisinternal AND t.tgenabled IN ('O', 'A') AND pg_table_is_visible(c.oid)"
        ).all()
        guarded = {(name, verb) for name, kind in found for verb, bit in (("DELETE", 8), ("UPDATE", 16)) if kind & bit}
    for table in APPEND_ONLY:
        for verb in ("UPDATE", "DELETE"):
            check.looked_at(1)
            if (table, verb) not in guarded:
                check.accuse(table, f"No trigger refuses {verb}.")
