"""INSERT … ON CONFLICT, which both databases have and SQLAlchemy offers by dialect only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from referral_service.kit.db.base import Base


def insert_into(session: Session, model: type[Base]) -> postgresql.Insert | sqlite.Insert:
    """Return an insert that knows `on_conflict_do_nothing` and `on_conflict_do_update`."""
    if session.get_bind().dialect.name == "postgresql":
        return postgresql.insert(model)
    return sqlite.insert(model)


def insert_unless_there(session: Session, model: type[Base], values: Mapping[str, Any], *, on: Sequence[str]) -> None:
    """Insert a row unless one with the same `on` columns is there, waiting for whoever is about to insert it."""
    statement = insert_into(session, model).values(dict(values)).on_conflict_do_nothing(index_elements=list(on))
    session.execute(statement)
