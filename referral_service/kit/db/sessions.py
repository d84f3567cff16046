"""The session that verbs are given."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.orm import Session

_DEEDS = "after_commit"


class DirectSession(Session):
    """A session that hands statements about tables to its connection at once.

    What SQLAlchemy's own does with such a statement comes to the same, but it looks for its connection anew each time
    and passes by all that the ORM needs: half as much again as the statement itself. Statements about mapped classes
    take the usual way, and so does whatever stands behind a savepoint.
    """

    _direct: Connection | None = None

    def execute(self, statement: Any, params: Any = None, **options: Any) -> Any:
        """As `Session.execute`."""
        # A savepoint is not set before the session itself asks for its connection.
        if options or "compile_state_plugin" in statement._propagate_attrs or self.in_nested_transaction():
            return super().execute(statement, params, **options)
        if self.autoflush:
            self.flush()
        return self.connection().execute(statement, params)

    def connection(self, *args: Any, **options: Any) -> Connection:
        """As `Session.connection`."""
        if args or options or self.in_nested_transaction():
            return super().connection(*args, **options)
        connection = self._direct
        if connection is None or connection.closed:
            connection = self._direct = super().connection()
        return connection


def after_commit(session: Session, deed: Callable[[], None]) -> None:
    """Do something once what this session wrote is committed, and not at all where it is rolled back."""
    session.info.setdefault(_DEEDS, []).append(deed)


def take_deeds(session: Session) -> Sequence[Callable[[], None]]:
    """Return what is to be done after the commit, for whoever commits; the session forgets it."""
    deeds: Sequence[Callable[[], None]] = session.info.pop(_DEEDS, ())
    return deeds
