"""A database as it is after years: every row of a small world, some thousand times over.

The copies keep the program, the sources and the endpoints, as the rows of a big tenant do, and have ids, people and
moments of their own. References hold together, since the copies of two rows that belong together get the same ending.
"""

from __future__ import annotations

import sqlite3

from sqlalchemy import Column, Connection, LargeBinary, Table, text

from referral_service.all_models import metadata
from referral_service.kit.db.base import Id, Key, UtcDateTime
from referral_service.kit.db.engines import Database

# So many rows has each growing table at least; and so many copies there are of every row, at least.
ROWS, COPIES_MIN = 4000, 20
# PostgreSQL is told that its tables have so many times as many rows as they have: then it plans as for millions.
THOUGHT_TO_BE = 1000

# What people make by hand, a few of each: reading such a table through costs the same for ever.
BOUNDED = {
    "api_keys": "made by hand",
    "apps": "the tenants of one installation",
    "audit_heads": "one row for an app",
    "budgets": "one row for a program",
    "change_tallies": "one row for an app",
    "click_tallies": "one row for an app",
    "counters": "days, states and channels of a program, not what happened: at most 200 channels a day "
    "(insights/tally_clicks.py)",
    "endpoint_secrets": "two for an endpoint at most",
    "notification_heads": "one row for an app",
    "program_logos": "one row for a program",
    "program_versions": "made by hand",
    "programs": "made by hand",
    "rank_counts": "one row for each number of conversions that somebody has",
    "signing_keys": "made by hand",
    "source_secrets": "two for a source at most",
    "sources": "made by hand",
    "webhook_endpoints": "made by hand",
}
GROWING = sorted(metadata.tables.keys() - BOUNDED.keys())

# Columns that name what is bounded; all other ids belong to what grows.
_KEPT = {"program_id", "source_id", "endpoint_id", "api_key_id", "payer", "actor", "reward_key", "provider_type", "key"}
_WORDS_OF_ITS_OWN = {("codes", "text"), ("codes", "folded"), ("coupons", "text"), ("coupons", "folded")}
_WORDS_OF_ITS_OWN |= {("idempotency_keys", "key")}
# Counted through an app, and unique there.
_NUMBERS_OF_ITS_OWN = {
    ("notifications", "position"), ("audit_log", "seq"), ("ranks", "conversions"), ("ranks", "tallied")
}  # fmt: skip
# Sealed for the very row: a copy could not be opened.
_SEALED = {("customers", "profile_ct")}
# What lies ahead must not come due while the story is told.
_AHEAD = {"hold_ends_at", "deadline_at", "accept_by", "expires_at", "next_attempt_at", "valid_until"}
# How far an app has come: as far as the copies that came after.
_CAUGHT_UP = [
    f"UPDATE {name} SET {upto} = (SELECT max({column}) FROM {table} AS t WHERE t.app_id = {name}.app_id)"
    for name, upto, table, column in (
        ("notification_heads", "last_position", "notifications", "position"),
        ("change_tallies", "last_position", "notifications", "position"),
        ("click_tallies", "last_id", "clicks", "id"),
    )
]
# A program's own accounts are few, and each has a leg in every movement: the copies' legs fall on the same ones.
_ACCOUNT = "account_id"


def grow(database: Database) -> None:
    """Copy every row of every growing table, and let PostgreSQL look at what came of it."""
    with database.read_engine.connect() as reader:
        copies = {name: max(COPIES_MIN, 1 + 3 * ROWS // (2 * max(1, count))) for name, count in _counts(reader).items()}
    if database.is_sqlite:
        # The driver's own connection looks at no foreign key, and the copies keep them all anyway.
        connection = sqlite3.connect(str(database.url.database))
        with connection:
            for name in GROWING:
                connection.execute(_copies(metadata.tables[name], "sqlite", copies[name]))
            for statement in _CAUGHT_UP:
                connection.execute(statement)
        connection.close()
        return
    with database.write_engine.begin() as postgres:
        postgres.exec_driver_sql("SET LOCAL session_replication_role = replica")
        postgres.exec_driver_sql("SET LOCAL statement_timeout = 0")
        for name in GROWING:
            postgres.exec_driver_sql(_copies(metadata.tables[name], "postgresql", copies[name]))
        for statement in _CAUGHT_UP:
            postgres.exec_driver_sql(statement)
    with database.write_engine.connect().execution_options(isolation_level="AUTOCOMMIT") as postgres:
        # Not ANALYZE alone: a database that many tests have emptied before is full of dead rows, and plans differ.
        postgres.exec_driver_sql("SET statement_timeout = 0")
        postgres.exec_driver_sql("VACUUM (ANALYZE)")
        for name in GROWING:
            # Nothing may look anew before the test is over.
            postgres.exec_driver_sql(f"ALTER TABLE {name} SET (autovacuum_enabled = off)")
            think_large(postgres, name)


def think_large(connection: Connection, table: str) -> None:
    """Make PostgreSQL plan as if a table, which it has just analysed, had a thousand times as many rows."""
    its_indexes = f"SELECT indexrelid FROM pg_index WHERE indrelid = '{table}'::regclass"
    connection.exec_driver_sql(
        f"UPDATE pg_class SET reltuples = reltuples * {THOUGHT_TO_BE} "
        f"WHERE oid = '{table}'::regclass OR oid IN ({its_indexes})"
    )


def leave_as_it_was(database: Database) -> None:
    """Let PostgreSQL look after its tables again: other tests use the same ones."""
    if not database.is_sqlite:
        with database.write_engine.begin() as postgres:
            for name in GROWING:
                postgres.exec_driver_sql(f"ALTER TABLE {name} RESET (autovacuum_enabled)")


def small_tables(connection: Connection) -> dict[str, int]:
    """The growing tables that did not grow: the world lacks what would fill them."""
    return {name: count for name, count in _counts(connection).items() if count < ROWS}


def _counts(connection: Connection) -> dict[str, int]:
    return {name: int(connection.scalar(text(f"SELECT count(*) FROM {name}")) or 0) for name in GROWING}


def _copies(table: Table, dialect: str, copies: int) -> str:
    numbers = (
        f"(SELECT value AS n FROM generate_series(1, {copies}) AS value)"
        if dialect == "postgresql"
        else f"(WITH RECURSIVE c(n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM c WHERE n < {copies}) SELECT n FROM c)"
    )
    names = ", ".join(f'"{column.name}"' for column in table.columns)
    values = ", ".join(_copied(table, column, dialect) for column in table.columns)
    # A program's own accounts are not copied.
    which = "WHERE balance IS NOT NULL" if table.name == "ledger_accounts" else ""
    # Row by row and not copy by copy, as the rows of one person lie apart in a table that has grown.
    rows = f"(SELECT * FROM {table.name} {which}) AS t"
    return f"INSERT INTO {table.name} ({names}) SELECT {values} FROM {numbers} AS c, {rows}"


def _copied(table: Table, column: Column[object], dialect: str) -> str:
    name, place = f't."{column.name}"', (table.name, column.name)
    ending = "'~' || c.n"
    if place in _SEALED:
        return "NULL"
    if place in _NUMBERS_OF_ITS_OWN:
        return f"{name} + (c.n & 127)" if table.name == "ranks" else f"{name} + c.n * 100000"
    if column.name == _ACCOUNT and table.name == "ledger_postings":
        own = "SELECT id FROM ledger_accounts WHERE balance IS NULL"
        return f"CASE WHEN {name} IN ({own}) THEN {name} ELSE {name} || {ending} END"
    if place in _WORDS_OF_ITS_OWN or (_is_id(column) and column.name not in _KEPT):
        return f"{name} || {ending}"
    if isinstance(column.type, LargeBinary) and column.type.length and column.name != "sha256":
        return f"{name} || convert_to(c.n::text, 'UTF8')" if dialect == "postgresql" else f"CAST({name} || c.n AS BLOB)"
    if isinstance(column.type, UtcDateTime):
        return _moved(name, dialect, ahead=column.name in _AHEAD)
    return name


def _is_id(column: Column[object]) -> bool:
    return column.type is Id or column.type is Key or getattr(column.type, "length", None) in {48, 255}


def _moved(name: str, dialect: str, *, ahead: bool) -> str:
    if dialect == "postgresql":
        return (
            f"{name} + interval '400 days' + c.n * interval '1 minute'"
            if ahead
            else f"{name} - c.n * interval '1 minute'"
        )
    how = "'+400 days', '+' || c.n || ' minutes'" if ahead else "'-' || c.n || ' minutes'"
    return f"strftime('%Y-%m-%d %H:%M:%f000', {name}, {how})"
