"""INSERT … ON CONFLICT, which both databases have and SQLAlchemy offers by dialect only.

Statements are built once per table and dialect: on a hot path building one costs more than running it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Executable, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session


def insert_unless_there(session: Session, table: Table, *returning: str) -> Executable:
    """Return an insert that leaves rows alone whose key is there already; `returning` are columns of new rows.

    Whoever inserts the same key at the same time is waited for.
    """
    return _unless_there(session.get_bind().dialect.name, table, returning)


def insert_or_overwrite(session: Session, table: Table, *columns: str) -> Executable:
    """Return an insert that, where the primary key is there already, overwrites `columns` of that row."""
    return _or_overwrite(session.get_bind().dialect.name, table, columns)


def insert_or_take_over(
    session: Session, table: Table, *columns: str, over: str, at: str, returning: Sequence[str]
) -> Executable:
    """Return an insert that takes over a row whose `over` is no later than the new row's `at`: it overwrites `columns`.

    It gives `returning` where it inserted or took over, and no row where the key is still in use.
    """
    return _or_take_over(session.get_bind().dialect.name, table, columns, over, at, tuple(returning))


def _insert(dialect: str, table: Table) -> postgresql.Insert | sqlite.Insert:
    return postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)


@cache
def _unless_there(dialect: str, table: Table, returning: tuple[str, ...]) -> Executable:
    statement = _insert(dialect, table).on_conflict_do_nothing()
    return statement.returning(*_columns(table, returning)) if returning else statement


@cache
def _or_overwrite(dialect: str, table: Table, columns: tuple[str, ...]) -> Executable:
    statement = _insert(dialect, table)
    return statement.on_conflict_do_update(
        index_elements=list(table.primary_key.columns), set_={name: statement.excluded[name] for name in columns}
    )


@cache
def _or_take_over(
    dialect: str, table: Table, columns: tuple[str, ...], over: str, at: str, returning: tuple[str, ...]
) -> Executable:
    statement = _insert(dialect, table)
    return statement.on_conflict_do_update(
        index_elements=list(table.primary_key.columns),
        set_={name: statement.excluded[name] for name in columns},
        where=table.c[over] <= statement.excluded[at],
    ).returning(*_columns(table, returning))


def _columns(table: Table, names: tuple[str, ...]) -> list[ColumnElement[Any]]:
    return [table.c[name] for name in names]
