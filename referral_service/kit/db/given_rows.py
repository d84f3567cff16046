"""Many rows given to a statement as one parameter, to be joined like a table.

However many they are, the statement is the same, so it is compiled once; and each is found by its index, where SQLite
reads `(a, b) IN (…)` as a scan of the whole table. They travel as JSON, which both databases take apart in C.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from functools import lru_cache
from typing import Any, TypeAlias

import orjson
from sqlalchemy import FromClause, Text, bindparam, cast, column, func, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeEngine

from referral_service.kit.clock import utc

_Type: TypeAlias = TypeEngine[Any] | type[TypeEngine[Any]]


def given_rows(dialect: str, name: str, /, **columns: _Type) -> FromClause:
    """Return the rows of the parameter `name`, which `as_parameter` writes, with these columns."""
    if dialect == "postgresql":
        whole = cast(bindparam(name, type_=Text), JSONB)
        typed = [column(key, type_) for key, type_ in columns.items()]
        return func.jsonb_to_recordset(whole).table_valued(*typed).render_derived(name=name, with_types=True)
    each = func.json_each(bindparam(name, type_=Text)).table_valued("value", name=f"each_{name}")
    fields = [func.json_extract(each.c.value, f"$.{key}", type_=type_).label(key) for key, type_ in columns.items()]
    return select(*fields).subquery(name)


def as_parameter(rows: Iterable[Mapping[str, Any]]) -> str:
    """Return rows of strings, numbers, instants and days as one parameter; TypeError for anything else."""
    return orjson.dumps(list(rows), default=as_stored, option=orjson.OPT_PASSTHROUGH_DATETIME).decode()


def as_stored(value: object) -> str:
    """Return an instant or a day as SQLite keeps it; PostgreSQL reads it so, too, for our sessions are in UTC
    (engines.py)."""
    if isinstance(value, datetime):
        return _written(value)
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"no column holds a {type(value).__name__}")


@lru_cache(maxsize=1024)
def _written(moment: datetime) -> str:
    # Most instants of a transaction are its own time, over and over.
    return utc(moment).replace(tzinfo=None).isoformat(" ", "microseconds")
