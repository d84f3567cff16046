"""The schema keeps tenants apart, can be spread by tenant, and is what the migrations make."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import (
    Column,
    Connection,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    Table,
    UniqueConstraint,
    inspect,
)

from referral_service import migrations
from referral_service.all_models import metadata
from referral_service.kit.db.base import NAMING
from referral_service.kit.db.engines import Database

# Met before a tenant is known, so their keys cannot start with one; a cluster keeps a copy of them on every node.
GLOBAL_TABLES = {
    "api_keys": "a bearer key is looked up by its hash and then says whose it is; an operator's belongs to no app",
    "apps": "the tenants themselves",
    "signing_keys": "one ring for the whole installation; a token names the key that signed it",
}
TENANT_TABLES = [table for table in metadata.sorted_tables if table.name not in GLOBAL_TABLES]


def keys_without_tenant(table: Table) -> list[str]:
    """Every primary, unique or foreign key of a table that does not start with `app_id`, in words."""
    found = []
    if [column.name for column in table.primary_key.columns][:1] != ["app_id"]:
        found.append("primary key")
    for constraint in table.constraints:
        if isinstance(constraint, UniqueConstraint | ForeignKeyConstraint):
            columns = [column.name for column in constraint.columns]
            if columns[:1] != ["app_id"]:
                found.append(f"{type(constraint).__name__} {columns}")
        if isinstance(constraint, ForeignKeyConstraint):
            target = constraint.elements[0].target_fullname
            if target != "apps.id" and not target.endswith(".app_id"):
                found.append(f"foreign key to {target}")
    found += [
        f"unique index {index.name}" for index in table.indexes if index.unique and _first_column(index) != "app_id"
    ]
    return found


def _first_column(index: Index) -> str | None:
    return getattr(index.expressions[0], "name", None)


@pytest.mark.parametrize("table", TENANT_TABLES, ids=lambda table: table.name)
def test_every_key_of_a_tenants_table_starts_with_the_tenant(table: Table) -> None:
    assert keys_without_tenant(table) == []


@pytest.mark.parametrize("table", TENANT_TABLES, ids=lambda table: table.name)
def test_a_tenant_is_never_left_open(table: Table) -> None:
    # In a unique key NULL equals nothing, so an empty app_id would let a second row in.
    assert table.c.app_id.nullable is False


def test_the_list_of_global_tables_names_only_tables_that_exist() -> None:
    assert GLOBAL_TABLES.keys() - metadata.tables.keys() == set()
    assert len(TENANT_TABLES) > 20


def test_a_key_that_leaves_its_tenant_is_seen() -> None:
    planted = Table(
        "planted",
        MetaData(naming_convention=NAMING),
        Column("id", Integer, primary_key=True),
        Column("app_id", Integer),
        Column("code", Integer),
        Column("customer_id", Integer),
        UniqueConstraint("code", "app_id"),
        ForeignKeyConstraint(["customer_id"], ["customers.id"]),
        Index("ix_planted_code", "code", unique=True),
    )
    assert len(keys_without_tenant(planted)) == 5


def test_the_migrations_have_exactly_one_head() -> None:
    assert len(migrations.heads()) == 1


def test_the_migrations_make_what_the_models_say(empty_database: Database) -> None:
    migrations.upgrade(empty_database.write_engine)
    assert migrations.differences(empty_database.write_engine) == []
    with empty_database.write_engine.connect() as connection:
        migrated = picture(connection)
    migrations.downgrade(empty_database.write_engine, "base")
    metadata.create_all(empty_database.write_engine)
    with empty_database.write_engine.connect() as connection:
        modelled = picture(connection)
    # Alembic's own comparison is blind to primary keys, checks and the order of columns in a key.
    assert migrated == modelled


def test_the_migrations_go_up_down_and_up_again(empty_database: Database) -> None:
    engine = empty_database.write_engine
    migrations.upgrade(engine)
    with engine.connect() as connection:
        first = picture(connection)
        first_routines = routines(connection)
    migrations.downgrade(engine, "base")
    with engine.connect() as connection:
        assert picture(connection) == {}
        assert routines(connection) == set()
    assert migrations.current_revision(engine) is None
    migrations.upgrade(engine)
    with engine.connect() as connection:
        assert picture(connection) == first
        assert routines(connection) == first_routines
    assert [migrations.current_revision(engine)] == migrations.heads()


def test_migrating_a_migrated_database_changes_nothing(empty_database: Database) -> None:
    migrations.upgrade(empty_database.write_engine)
    with empty_database.write_engine.connect() as connection:
        before = picture(connection)
    migrations.upgrade(empty_database.write_engine)
    with empty_database.write_engine.connect() as connection:
        assert picture(connection) == before


def picture(connection: Connection) -> dict[str, Any]:
    """What the database itself says of every table but Alembic's, in a form that can be compared."""
    inspector = inspect(connection)
    return {
        table: {
            "columns": {
                column["name"]: (str(column["type"]), column["nullable"], column.get("default"))
                for column in inspector.get_columns(table)
            },
            "primary key": (
                inspector.get_pk_constraint(table)["name"],
                inspector.get_pk_constraint(table)["constrained_columns"],
            ),
            "unique keys": _by_name(inspector.get_unique_constraints(table)),
            "foreign keys": _by_name(inspector.get_foreign_keys(table)),
            "checks": _by_name(inspector.get_check_constraints(table)),
            "indexes": _by_name(inspector.get_indexes(table)),
        }
        for table in inspector.get_table_names()
        if table != "alembic_version"
    }


def _by_name(constraints: list[Any]) -> dict[Any, Any]:
    return {constraint["name"]: _as_text(dict(constraint)) for constraint in constraints}


def _as_text(value: Any) -> Any:
    """A partial index carries its condition as an expression, which knows no equality: its text does."""
    if isinstance(value, dict):
        return {key: _as_text(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_as_text(part) for part in value]
    return " ".join(str(value).split())


def routines(connection: Connection) -> set[str]:
    """The triggers and functions of the schema, by name."""
    if connection.dialect.name == "sqlite":
        query = "SELECT name FROM sqlite_master WHERE type = 'trigger'"
    else:
        query = (
            "SELECT tgname::text FROM pg_trigger WHERE NOT tgisinternal UNION "
            "SELECT proname::text FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
        )
    return {str(name) for (name,) in connection.exec_driver_sql(query)}
