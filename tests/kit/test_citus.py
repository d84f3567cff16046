"""The statements for Citus, which is neither on PyPI nor in Debian: an understudy with its rules hears them here."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from local_postgres import create_database
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    UniqueConstraint,
    text,
)
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

from referral_service import migrations
from referral_service.all_models import metadata
from referral_service.kit.db.citus import obstacles, spread
from referral_service.kit.db.engines import Database

# Every node has a copy of these, and any app may be looked up in them. Whatever else there is belongs to one app.
COPIED = {"apps", "api_keys", "signing_keys"}
# Alembic's own, which only the coordinator asks.
LOCAL = {"alembic_version"}

# What Citus 14.0 demands (commands/create_distributed_table.c and foreign_constraint.c), asked of PostgreSQL's catalog:
# no trigger unless it is switched on, every unique index with the column, and what is referred to is spread already.
UNDERSTUDY = """
CREATE TABLE spread (name text PRIMARY KEY, kind text, with_whom text);
CREATE FUNCTION demand_spread(the_table regclass, the_column text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE other record;
BEGIN
    IF current_setting('citus.enable_unsafe_triggers', true) IS DISTINCT FROM 'on'
        AND EXISTS (SELECT FROM pg_trigger WHERE tgrelid = the_table AND NOT tgisinternal) THEN
        RAISE EXCEPTION 'triggers are not supported on distributed tables: %', the_table;
    END IF;
    FOR other IN SELECT indexrelid::regclass AS name FROM pg_index i WHERE indrelid = the_table AND indisunique
        AND the_column IS NOT NULL AND NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = the_table
            AND a.attname = the_column AND a.attnum = ANY (i.indkey)) LOOP
        RAISE EXCEPTION 'unique without the column: %', other.name;
    END LOOP;
    FOR other IN SELECT confrelid::regclass::text AS name FROM pg_constraint WHERE conrelid = the_table
        AND contype = 'f' AND confrelid::regclass::text NOT IN (SELECT name FROM spread
            WHERE the_column IS NOT NULL OR kind = 'reference') LOOP
        RAISE EXCEPTION '% refers to %, which is not spread', the_table, other.name;
    END LOOP;
END $$;
CREATE FUNCTION create_reference_table(the_table regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM demand_spread(the_table, NULL);
    INSERT INTO spread VALUES (the_table::text, 'reference', NULL);
END $$;
CREATE FUNCTION create_distributed_table(the_table regclass, the_column text, colocate_with text)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM demand_spread(the_table, the_column);
    INSERT INTO spread VALUES (the_table::text, 'distributed', colocate_with);
END $$;
"""


def tell(connection: Connection, statements: list[str]) -> None:
    for statement in statements:
        # To the driver a single % would announce a parameter.
        connection.exec_driver_sql(statement.replace("%", "%%"))


def tables_of(connection: Connection, kind: str) -> set[str]:
    query = text("SELECT name FROM spread WHERE kind = :kind")
    return set(connection.execute(query, {"kind": kind}).scalars())


@pytest.fixture(scope="module")
def migrated_postgres(postgres_server: URL) -> Iterator[Database]:
    database = Database(create_database(postgres_server, "citus"))
    migrations.upgrade(database.write_engine)
    yield database
    database.dispose()


@pytest.fixture
def coordinator(migrated_postgres: Database) -> Iterator[Connection]:
    """A connection to the understudy; what a test does to it is rolled back."""
    with migrated_postgres.write_engine.connect() as connection:
        tell(connection, [UNDERSTUDY])
        yield connection


def test_every_table_that_the_migrations_make_is_spread_or_known_to_be_local(coordinator: Connection) -> None:
    tell(coordinator, spread(metadata).statements())

    made = set(coordinator.exec_driver_sql("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").scalars())
    partitions = set(coordinator.exec_driver_sql("SELECT relname FROM pg_class WHERE relispartition").scalars())
    assert tables_of(coordinator, "reference") == COPIED
    # A partition goes with its table.
    assert tables_of(coordinator, "distributed") == made - partitions - COPIED - LOCAL - {"spread"}
    together = coordinator.exec_driver_sql("SELECT count(DISTINCT with_whom) FROM spread WHERE with_whom <> 'none'")
    assert together.scalar() == 1


def test_later_sessions_have_the_settings_too(coordinator: Connection) -> None:
    tell(coordinator, spread(metadata).statements())
    said = coordinator.exec_driver_sql("SELECT unnest(setconfig) FROM pg_db_role_setting").scalars().all()
    assert set(said) >= {"citus.enable_unsafe_triggers=on", "citus.propagate_set_commands=local"}


@pytest.mark.parametrize(
    ("left_out", "refusal"),
    [("citus.enable_unsafe_triggers", "triggers are not supported"), ("('customers'", "refers to customers")],
)
def test_without_one_of_them_the_understudy_refuses(coordinator: Connection, left_out: str, refusal: str) -> None:
    statements = [each for each in spread(metadata).statements() if left_out not in each]
    with pytest.raises(DBAPIError, match=refusal):
        tell(coordinator, statements)


def test_nothing_in_the_schema_is_against_citus_rules() -> None:
    assert obstacles(metadata) == []
    assert {table.name for table in spread(metadata).reference} == COPIED


def test_what_is_against_the_rules_is_said() -> None:
    planted = MetaData()
    Table("orders", planted, Column("app_id", BigInteger), Column("id", Integer), PrimaryKeyConstraint("app_id", "id"))
    Table(
        "lines",
        planted,
        Column("app_id", Integer),
        Column("n", Integer),
        Column("order_id", Integer),
        PrimaryKeyConstraint("app_id", "n"),
        UniqueConstraint("order_id", name="uq_lines"),
        Index("ix_lines_n", "n", unique=True),
        # Both columns, but crossed.
        ForeignKeyConstraint(["order_id", "app_id"], ["orders.app_id", "orders.id"]),
    )
    Table(
        "names",
        planted,
        Column("id", Integer, primary_key=True),
        Column("app_id", Integer),
        ForeignKeyConstraint(["app_id", "id"], ["orders.app_id", "orders.id"]),
    )
    assert obstacles(planted) == [
        "app_id is of several types: BIGINT, INTEGER.",
        "lines: ix_lines_n does not hold app_id.",
        "lines: uq_lines does not hold app_id.",
        "lines: the foreign key to orders leaves the app.",
        "names: it is copied, and refers to orders, which is distributed.",
    ]
