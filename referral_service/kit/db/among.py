"""Rows by a set of keys, of which nearly every request has one.

An IN is written out anew for each number of keys, and that costs more than the look-up; `=` is compiled once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Result, Select, bindparam
from sqlalchemy.orm import Session


class Among:
    """A statement for the rows whose `column` is among some keys. Made once, at the module's level."""

    def __init__(self, statement: Select[Any], column: ColumnElement[Any]) -> None:
        self._one = statement.where(column == bindparam("key"))
        self._several = statement.where(column.in_(bindparam("keys", expanding=True)))

    def execute(self, session: Session, keys: Sequence[Any], parameters: Mapping[str, Any]) -> Result[*tuple[Any, ...]]:
        """Return the rows of these keys; `parameters` are the statement's own."""
        if len(keys) == 1:
            return session.execute(self._one, {**parameters, "key": keys[0]})
        return session.execute(self._several, {**parameters, "keys": list(keys)})
