"""Writes of one SQLite that come while another is under way share the next transaction, and its commit.

SQLite has one writer and waits for the disk at each commit, so threads that write queue for it anyway. Here whoever has
its turn takes along those who wait: one BEGIN IMMEDIATE, a savepoint for each, one COMMIT. They see each other's rows
as if they had come one after another, for so they do; one that fails is rolled back to its savepoint and spoils
nothing. Nobody is answered before the commit, and if that fails, nothing has been done.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from contextvars import Context, copy_context
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

from referral_service.kit.concurrency.gather import Gathering
from referral_service.kit.db.sessions import DirectSession, take_deeds

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Done(Generic[Result]):
    """What a piece of work came to once it was committed, and what is to be done after that; or what it raised."""

    result: Result | None = None
    deeds: Sequence[Callable[[], None]] = ()
    error: Exception | None = None


@dataclass(frozen=True, slots=True)
class _Piece:
    """Work and the context of the thread that brought it: whoever leads does it in its name."""

    work: Callable[[Session], Any]
    context: Context


class SharedCommits:
    """Does work in transactions of `engine`, whose threads share one connection; `alone` does a piece by itself."""

    def __init__(self, engine: Engine, *, alone: Callable[[Callable[[Session], Any]], Done[Any]]) -> None:
        self._engine = engine
        self._gathering: Gathering[_Piece, Done[Any]] = Gathering(
            alone=lambda piece: alone(piece.work), together=self._together, alike=lambda _piece: None
        )

    def do(self, work: Callable[[Session], Result]) -> Done[Result]:
        """Do it, alone or with what others bring meanwhile; what it led to is committed."""
        return self._gathering.do(_Piece(work, copy_context()))

    def _together(self, pieces: Sequence[_Piece]) -> list[Done[Any]]:
        with ExitStack() as stack:
            try:
                connection = stack.enter_context(self._engine.connect())
                stack.enter_context(connection.begin())
            except (DBAPIError, PoolTimeout) as error:
                # They have waited for the lock together, and need not wait again one by one.
                return [Done(error=error)] * len(pieces)
            info: dict[Any, Any] = {}
            return [_behind_a_savepoint(connection, piece, info) for piece in pieces]


def _behind_a_savepoint(connection: Connection, piece: _Piece, info: dict[Any, Any]) -> Done[Any]:
    """Do a piece; `info` is what those before it have noted in their sessions."""
    with DirectSession(
        connection, expire_on_commit=False, join_transaction_mode="create_savepoint", info=info
    ) as session:
        try:
            result = piece.context.run(piece.work, session)
            session.commit()
        except Exception as error:  # noqa: BLE001 -- whatever it is, it is raised where the work came from
            session.rollback()
            take_deeds(session)
            done: Done[Any] = Done(error=error)
        else:
            done = Done(result, take_deeds(session))
        info.update(session.info)
    if not connection.connection.driver_connection.in_transaction:  # type: ignore[union-attr]
        # A full disk and the like make SQLite roll back everything, savepoints and all.
        raise RuntimeError("The transaction is gone.")
    return done
