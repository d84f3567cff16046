"""What is asked of a database: the statements, as they are sent."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy import event

from referral_service.kit.db.engines import Database


@contextmanager
def heard(database: Database, listener: Callable[..., None]) -> Iterator[None]:
    """Let `listener` hear each statement of what is carried out within, before it is carried out: as SQLAlchemy's
    `before_cursor_execute`."""
    # PostgreSQL's two are one; SQLite reads and writes by different ones.
    engines = {database.write_engine, database.read_engine} if database.is_sqlite else {database.write_engine}
    for engine in engines:
        event.listen(engine, "before_cursor_execute", listener)
    try:
        yield
    finally:
        for engine in engines:
            event.remove(engine, "before_cursor_execute", listener)


@contextmanager
def statements(database: Database, containing: str = "") -> Iterator[list[str]]:
    """The statements of what is carried out within, whether they read or write; those that contain a text."""
    asked: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if containing in statement:
            asked.append(statement)

    with heard(database, note):
        yield asked
