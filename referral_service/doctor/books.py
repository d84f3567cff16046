"""How the checks read: plain SQL about one app at a time, always with its number first, as every key has it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, text

from referral_service.doctor.report import Check
from referral_service.kit.db.base import JsonDocument, UtcDateTime

ROWS_AT_ONCE = 2000
# Plain SQL says nothing about types; these columns would come back as text from SQLite.
_TYPES = {"terms": JsonDocument, "details": JsonDocument}


@dataclass(frozen=True, slots=True)
class Books:
    """One app's rows, read through `connection`. `now` is real time, `business_now` the app's own."""

    connection: Connection
    app_id: int
    now: datetime
    business_now: datetime

    def number(self, sql: str, **given: object) -> int:
        """Return the single number that the query answers."""
        return int(self.connection.execute(*self._statement(sql, given, {})).scalar_one())

    def rows(self, sql: str, **given: object) -> Iterator[Row[Any]]:
        """Return the rows of a query that answers few."""
        return iter(self.connection.execute(*self._statement(sql, given, {})))

    def stream(self, sql: str, *, times: tuple[str, ...] = (), **given: object) -> Iterator[Row[Any]]:
        """Return the rows of a query that may answer very many, some at a time; `times` names its instants."""
        statement, parameters = self._statement(sql, given, dict.fromkeys(times, UtcDateTime()))
        return iter(self.connection.execute(statement, parameters, execution_options={"yield_per": ROWS_AT_ONCE}))

    def _statement(self, sql: str, given: Mapping[str, object], types: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
        parameters = {"app_id": self.app_id, "now": self.now, "business_now": self.business_now, **given}
        parameters = {name: value for name, value in parameters.items() if f":{name}" in sql}
        instants = [
            bindparam(name, type_=UtcDateTime()) for name, value in parameters.items() if isinstance(value, datetime)
        ]
        statement: Any = text(sql).bindparams(*instants)
        named = {name: kind for name, kind in _TYPES.items() if f" AS {name}" in sql} | dict(types)
        # Named columns of a text are matched by name, so that the others may stay untyped.
        return (statement.columns(**named) if named else statement), parameters


@dataclass(frozen=True, slots=True)
class Question:
    """A query that answers only what is wrong: `object_id` and whatever the sentence `says` names in braces."""

    table: str
    finds: str
    says: str


def put(questions: tuple[Question, ...], books: Books, check: Check) -> None:
    """Put each question; what it looks at is every row of its table."""
    for question in questions:
        check.looked_at(books.number(f"SELECT count(*) FROM {question.table} WHERE app_id = :app_id"))
        for row in books.rows(question.finds):
            check.accuse(row.object_id, question.says.format(**row._mapping))
