"""Write many rows by one statement that is compiled once: what the hot paths use in place of SQLAlchemy's executemany.

There a row costs more to be prepared than to be written. PostgreSQL gets all rows as one JSON parameter and takes them
apart in C, so that a hundred rows are one statement and one journey; SQLite's own executemany gets plain tuples, of
many rows a hundred at a time. What ends up in the tables is the same to the byte.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain
from operator import itemgetter
from typing import Any, TypeAlias

import orjson
from sqlalchemy import Executable, LargeBinary, Table, and_, bindparam, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session
from sqlalchemy.types import JSON

from referral_service.kit.db.base import UtcDateTime
from referral_service.kit.db.given_rows import as_parameter, as_stored, given_rows
from referral_service.kit.db.upsert import insert_unless_there

Row: TypeAlias = Mapping[str, Any]

# SQLite gives up the interpreter at each step of executemany, and other threads may not give it back for long.
TOGETHER = 100

_GIVEN, _APP = "given", "of_app"
_SQLITE = sqlite.dialect()


def insert_rows(
    session: Session, table: Table, rows: Sequence[Row], *, unless_there: bool = False, overwrite: tuple[str, ...] = ()
) -> None:
    """Insert rows, all with the columns of the first. Where a key is there already, that is an IntegrityError, unless
    such rows are to be left as they are, or to have these columns overwritten (then their keys must differ).
    """
    if rows:
        _run(session, _insertion, table, (tuple(rows[0]), unless_there, overwrite), rows)


def insert_new(session: Session, table: Table, rows: Sequence[Row], *returning: str) -> list[Any]:
    """Insert those of the rows whose keys are not there yet, and give the columns `returning` of these.

    Whoever inserts the same key at the same time is waited for, in the order of the rows.
    """
    if not rows:
        return []
    connection = session.connection()
    if connection.dialect.name != "postgresql":
        # Its executemany gives nothing back; SQLAlchemy makes one long statement of all rows.
        return list(connection.execute(insert_unless_there(session, table, *returning), rows))
    prepared = _insertion("postgresql", table, tuple(rows[0]), True, (), returning)
    return list(connection.execute(prepared.statement, prepared.parameters(rows)))


def add_rows(
    session: Session,
    table: Table,
    rows: Sequence[Row],
    add: str,
    *,
    overwrite: tuple[str, ...] = (),
    returning: tuple[str, ...] = (),
) -> list[Any]:
    """Insert rows without bytes or documents, or where the primary key is there already add to the column `add` and
    overwrite others; gives the columns `returning` of all of them as they are then.

    Each is locked in the order of the rows, whose keys must differ.
    """
    if not rows:
        return []
    connection = session.connection()
    statement = _addition(connection.dialect.name, table, tuple(rows[0]), add, overwrite, returning)
    done = connection.execute(statement, {_GIVEN: as_parameter(rows)})
    return list(done) if returning else []


def update_rows(
    session: Session, table: Table, rows: Sequence[Row], *, key: tuple[str, ...] = ("app_id", "id"), add: bool = False
) -> None:
    """Set, in the rows with these keys, the other columns that are given, or `add` to them. The keys must differ, all
    rows be of one app, and whoever could write the same rows at the same time must have been locked out: they are taken
    in no order.
    """
    if rows:
        if any(row["app_id"] != rows[0]["app_id"] for row in rows):
            raise ValueError("rows of several apps are not written together")
        _run(session, _change, table, (tuple(rows[0]), key, add), rows)


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A statement of one of the databases, and what turns rows into its parameters.

    SQLite's is a text, and so is what inserts the tuples of `TOGETHER` rows at once.
    """

    statement: Any
    parameters: Callable[[Sequence[Row]], Any]
    together: str | None = None


def _run(
    session: Session, prepare: Callable[..., _Prepared], table: Table, how: tuple[Any, ...], rows: Sequence[Row]
) -> None:
    connection = session.connection()
    prepared = prepare(connection.dialect.name, table, *how)
    parameters = prepared.parameters(rows)
    if not isinstance(prepared.statement, str):
        connection.execute(prepared.statement, parameters)
        return
    if prepared.together and len(parameters) >= TOGETHER:
        whole = len(parameters) // TOGETHER * TOGETHER
        parts = [tuple(chain.from_iterable(parameters[n : n + TOGETHER])) for n in range(0, whole, TOGETHER)]
        connection.exec_driver_sql(prepared.together, parts)
        parameters = parameters[whole:]
    if parameters:
        connection.exec_driver_sql(prepared.statement, parameters)


@cache
def _insertion(
    dialect: str,
    table: Table,
    names: tuple[str, ...],
    unless_there: bool,
    overwrite: tuple[str, ...],
    returning: tuple[str, ...] = (),
) -> _Prepared:
    _demand_defaults(table, names)
    statement: Any
    if dialect == "postgresql":
        given = given_rows(dialect, _GIVEN, **{name: table.c[name].type for name in names})
        statement = postgresql.insert(table).from_select(list(names), select(*(given.c[name] for name in names)))
    else:
        statement = sqlite.insert(table).values({name: bindparam(name) for name in names})
    if unless_there:
        statement = statement.on_conflict_do_nothing()
    elif overwrite:
        statement = statement.on_conflict_do_update(
            index_elements=list(table.primary_key.columns),
            set_={name: statement.excluded[name] for name in overwrite},
        )
    if returning:
        statement = statement.returning(*(table.c[name] for name in returning))
    return _as_json(statement, table, names) if dialect == "postgresql" else _as_tuples(statement, table)


@cache
def _addition(
    dialect: str, table: Table, names: tuple[str, ...], add: str, overwrite: tuple[str, ...], returning: tuple[str, ...]
) -> Executable:
    _demand_defaults(table, names)
    given = given_rows(dialect, _GIVEN, **{name: table.c[name].type for name in names})
    # SQLite would take ON CONFLICT for a join's ON, were there no WHERE.
    rows = select(*(given.c[name] for name in names)).where(given.c[names[0]].is_not(None))
    insert = postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)
    statement = insert.from_select(list(names), rows)
    written = {name: statement.excluded[name] for name in overwrite}
    statement = statement.on_conflict_do_update(
        index_elements=list(table.primary_key.columns),
        set_={add: table.c[add] + statement.excluded[add], **written},
    )
    return statement.returning(*(table.c[name] for name in returning)) if returning else statement


def _demand_defaults(table: Table, names: tuple[str, ...]) -> None:
    if left_out := [column.name for column in table.columns if column.default is not None and column.name not in names]:
        raise ValueError(f"rows of {table.name} say nothing of {left_out}, and nobody fills that in here")


@cache
def _change(dialect: str, table: Table, names: tuple[str, ...], key: tuple[str, ...], add: bool) -> _Prepared:
    given: Any
    if dialect == "postgresql":
        given = given_rows(dialect, _GIVEN, **{name: table.c[name].type for name in names}).c
    else:
        given = {name: bindparam(f"given_{name}", type_=table.c[name].type) for name in names}
    changed = [name for name in names if name not in key]
    # The app is said apart, too: what a table of parameters holds nobody knows who plans the statement.
    of_one_app = [table.c.app_id == bindparam(_APP)] if dialect == "postgresql" else []
    statement = (
        update(table)
        .where(and_(*of_one_app, *(table.c[name] == given[name] for name in key)))
        .values({name: table.c[name] + given[name] if add else given[name] for name in changed})
    )
    if dialect != "postgresql":
        return _as_tuples(statement, table)
    whole = _as_json(statement, table, names)
    return _Prepared(statement, lambda rows: {**whole.parameters(rows), _APP: rows[0]["app_id"]})


def _as_json(statement: Executable, table: Table, names: tuple[str, ...]) -> _Prepared:
    """All rows in one parameter. Bytes travel as PostgreSQL writes them, instants as RFC 3339 has them."""
    binary = [name for name in names if isinstance(table.c[name].type, LargeBinary)]
    instants = [name for name in names if isinstance(table.c[name].type, UtcDateTime)]

    def parameters(rows: Sequence[Row]) -> dict[str, Any]:
        if binary:
            rows = [{**row, **{name: _as_hex(row[name]) for name in binary}} for row in rows]
        for name in instants:
            if any(row[name] is not None and row[name].tzinfo is None for row in rows):
                raise ValueError("A time without a time zone is ambiguous.")
        return {_GIVEN: orjson.dumps(list(rows)).decode()}

    return _Prepared(statement, parameters)


def _as_hex(value: bytes | None) -> str | None:
    return None if value is None else f"\\x{value.hex()}"


def _as_tuples(statement: Any, table: Table) -> _Prepared:
    """A tuple for each row, in the order of the statement's parameters, with values as SQLite keeps them."""
    compiled = statement.compile(dialect=_SQLITE)
    order = [name.removeprefix("given_") for name in compiled.positiontup]
    as_it_is = itemgetter(*order)
    written = [(n, _writer(table.c[name].type)) for n, name in enumerate(order)]
    converted = [(n, write) for n, write in written if write is not None]

    def parameters(rows: Sequence[Row]) -> list[tuple[Any, ...]]:
        if not converted:
            return [as_it_is(row) for row in rows]
        tuples = []
        for row in rows:
            values = list(as_it_is(row))
            for n, write in converted:
                values[n] = write(values[n])
            tuples.append(tuple(values))
        return tuples

    one, text = f"({', '.join('?' * len(order))})", str(compiled)
    is_insert = f"VALUES {one}" in text
    return _Prepared(text, parameters, text.replace(one, ", ".join([one] * TOGETHER)) if is_insert else None)


def _writer(type_: object) -> Callable[[Any], Any] | None:
    if isinstance(type_, UtcDateTime):
        return lambda value: None if value is None else as_stored(value)
    if isinstance(type_, JSON):
        return lambda value: None if value is None else orjson.dumps(value).decode()
    return None
