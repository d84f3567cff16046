"""Rows by a set of keys: one statement whatever their number.

An IN is written out anew for each number of keys. SQLAlchemy has to render it, the database to parse and to plan it:
together that costs more than the look-up. Here the keys travel as one parameter, an array or JSON.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from sqlalchemy import (
    ARRAY,
    Boolean,
    ColumnElement,
    Dialect,
    Result,
    Select,
    String,
    Text,
    bindparam,
    func,
    select,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import InstrumentedAttribute, Session
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator, TypeEngine


class _Keys(TypeDecorator[Sequence[Any]]):
    """Keys of one type: an array on PostgreSQL, JSON on SQLite."""

    impl = Text
    cache_ok = True

    def __init__(self, of: TypeEngine[Any]) -> None:
        super().__init__()
        # Without a length: a cast to one would cut a longer key until it is somebody else's.
        self.of = Text() if isinstance(of, String) else of

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(ARRAY(self.of) if dialect.name == "postgresql" else Text())

    def process_bind_param(self, value: Sequence[Any] | None, dialect: Dialect) -> Any:
        keys = list(value or ())
        return keys if dialect.name == "postgresql" else orjson.dumps(keys).decode()


class _IsAmong(FunctionElement[bool]):
    """`column` is one of the keys of a parameter."""

    type = Boolean()
    inherit_cache = True

    def self_group(self, against: Any = None) -> Any:  # noqa: ARG002
        """Stand as it is: with the `= 1` that SQLAlchemy gives to other functions no index would be found."""
        return self


@compiles(_IsAmong)
def _in_json(element: _IsAmong, compiler: SQLCompiler, **options: Any) -> str:
    column, keys = element.clauses
    given = func.json_each(keys).table_valued("value")
    return compiler.process(column.in_(select(given.c.value)), **options)


@compiles(_IsAmong, "postgresql")
def _in_array(element: _IsAmong, compiler: SQLCompiler, **options: Any) -> str:
    column, keys = element.clauses
    return compiler.process(column == func.any(keys), **options)


def among(column: ColumnElement[Any] | InstrumentedAttribute[Any], name: str) -> ColumnElement[bool]:
    """Return the condition that `column`, of texts or numbers, is among the keys that the parameter `name` lists."""
    return _IsAmong(column, bindparam(name, type_=_Keys(column.type)))


class Among:
    """A statement for the rows whose `column` is among some keys. Made once, at the module's level.

    Nearly every request has one key, and `=` is the cheapest of all.
    """

    def __init__(self, statement: Select[Any], column: ColumnElement[Any]) -> None:
        self._one = statement.where(column == bindparam("key"))
        self._several = statement.where(among(column, "keys"))

    def execute(self, session: Session, keys: Sequence[Any], parameters: Mapping[str, Any]) -> Result[*tuple[Any, ...]]:
        """Return the rows of these keys; `parameters` are the statement's own."""
        if len(keys) == 1:
            return session.execute(self._one, {**parameters, "key": keys[0]})
        return session.execute(self._several, {**parameters, "keys": list(keys)})
