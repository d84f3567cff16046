"""The session that verbs are given."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection
from sqlalchemy.orm import Session


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
        connection = self._direct
        if connection is None or connection.closed:
            connection = self._direct = self.connection()
        return connection.execute(statement, params)
