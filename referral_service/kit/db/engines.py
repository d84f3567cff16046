"""One database, two engines: one that writes and one that can only read; a third where reports have a replica.

SQLite has a single writer. The write pool holds exactly one connection, so threads queue for it fairly instead of
polling the file lock, and `BEGIN IMMEDIATE` takes the lock before anything is read: a read-modify-write cannot lose
its update. Readers begin deferred and see a snapshot, so they never wait for the writer.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar, cast

import orjson
from sqlalchemy import Engine, ExceptionContext, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError, InvalidatePoolError, OperationalError
from sqlalchemy.orm import Session
from sqlalchemy.pool import ConnectionPoolEntry

from referral_service.config import Settings
from referral_service.kit.concurrency.fibers import elsewhere
from referral_service.kit.db.sessions import DirectSession, take_deeds
from referral_service.kit.db.shared_commits import Done, SharedCommits

Result = TypeVar("Result")

ATTEMPTS_MAX = 4
POOL_WAIT_SECONDS = 10
LOCK_WAIT_SECONDS = 10
STATEMENT_SECONDS_MAX = 30
# A connection that was used so recently is taken to be there.
TRUSTED_SECONDS = 1.0
# Of each connection that reads; SQLite's own 2 MiB, of ten of them, are no faster: the system keeps the file's pages.
READER_CACHE_KIB = 512
# Serialization failure and deadlock: the same work may go through a moment later.
RETRIED_SQLSTATES = {"40001", "40P01"}
READ_ONLY_SQLSTATE = "25006"
# A server whose machine is gone says nothing: without these its connections would be waited on for hours.
DEAD_SERVER_OPTIONS = {
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
}


def _to_json(value: object) -> str:
    return orjson.dumps(value).decode()


def _shared_options() -> dict[str, Any]:
    # Parameters may be personal data, and errors are logged.
    return {
        "json_serializer": _to_json,
        "json_deserializer": orjson.loads,
        "pool_timeout": POOL_WAIT_SECONDS,
        "hide_parameters": True,
        # The one that was used last: its cache is warm and its statements are prepared, and the others need neither.
        "pool_use_lifo": True,
    }


def _prepare_sqlite(engine: Engine, *, begin: str, read_only: bool) -> None:
    @event.listens_for(engine, "connect")
    def configure(connection: Any, _record: object) -> None:
        # The driver must not open transactions by itself; the begin event below does.
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {LOCK_WAIT_SECONDS * 1000}")
        if not read_only:
            cursor.execute("PRAGMA journal_mode = WAL")
        # NORMAL lost acknowledged rows in a power cut; FULL lost none.
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.execute("PRAGMA foreign_keys = ON")
        if read_only:
            cursor.execute("PRAGMA query_only = ON")
            cursor.execute(f"PRAGMA cache_size = -{READER_CACHE_KIB}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def start(connection: Any) -> None:
        connection.exec_driver_sql(begin)


def _leave_a_server_that_lost_its_office(context: ExceptionContext) -> None:
    """Take a refused write as a broken connection: the server has become a standby, and another one leads.

    The next connection finds it (`target_session_attrs=read-write`). What was only meant to read is refused rightly.
    """
    if getattr(context.original_exception, "sqlstate", None) != READ_ONLY_SQLSTATE or context.connection is None:
        return
    if not context.connection.get_execution_options().get("postgresql_readonly"):
        context.is_disconnect = True


def _ask_after_those_that_idled(engine: Engine) -> None:
    """Ask a connection whether it is still there before it is used, unless that was used just now: among a dozen
    journeys of a busy request it would be one more.
    """

    @event.listens_for(engine, "checkin")
    def note(_connection: Any, record: ConnectionPoolEntry) -> None:
        record.info["used_at"] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def ask(connection: Any, record: ConnectionPoolEntry, _proxy: object) -> None:
        used_at = record.info.get("used_at")
        if used_at is None or time.monotonic() - used_at < TRUSTED_SECONDS:
            return
        try:
            engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as error:
            # Nor are the others of its time.
            raise InvalidatePoolError from error


def _limit_each_transaction(engine: Engine, limits: dict[str, object]) -> None:
    """Say the limits anew in every transaction: behind a pooler each may be on another connection of the server's."""
    statement = "; ".join(f"SET LOCAL {name} = '{value}'" for name, value in limits.items())

    @event.listens_for(engine, "begin")
    def say(connection: Any) -> None:
        connection.exec_driver_sql(statement)


def _postgres_engine(url: URL, *, pool_size: int, pooled: bool) -> Engine:
    limits: dict[str, object] = {
        "lock_timeout": LOCK_WAIT_SECONDS * 1000,
        "statement_timeout": STATEMENT_SECONDS_MAX * 1000,
        "TimeZone": "UTC",
    }
    said_once = {"options": " ".join(f"-c {name}={value}" for name, value in limits.items())}
    engine = create_engine(
        url,
        pool_size=pool_size,
        max_overflow=pool_size,
        isolation_level="READ COMMITTED",
        # What the address itself says goes first. A statement that one connection of the server's has prepared is
        # unknown to the next.
        connect_args={name: value for name, value in DEAD_SERVER_OPTIONS.items() if name not in url.query}
        | ({"prepare_threshold": None} if pooled else said_once),
        **_shared_options(),
    )
    event.listen(engine, "handle_error", _leave_a_server_that_lost_its_office)
    _ask_after_those_that_idled(engine)
    if pooled:
        _limit_each_transaction(engine, limits)
    return engine


def _reading(engine: Engine) -> Engine:
    """One snapshot for the whole reading, and the server itself refuses a write."""
    return engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)


class Database:
    """The service's database. `transact`, `read` and `read_late` are the only ways to get a session.
    Whoever calls them in a fiber has them done by a thread that may wait.

    `pooled`: PgBouncer in transaction mode stands before PostgreSQL. `replica_url`: a copy that may be some seconds
    behind, for `read_late`.
    """

    def __init__(
        self, url: str | URL, *, pool_size: int = 10, pooled: bool = False, replica_url: str | URL | None = None
    ) -> None:
        self.url = make_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        if self.is_sqlite:
            self.write_engine = create_engine(
                self.url,
                pool_size=1,
                max_overflow=0,
                connect_args={"check_same_thread": False},
                **_shared_options(),
            )
            self.read_engine = create_engine(
                self.url,
                pool_size=pool_size,
                max_overflow=0,
                connect_args={"check_same_thread": False},
                **_shared_options(),
            )
            _prepare_sqlite(self.write_engine, begin="BEGIN IMMEDIATE", read_only=False)
            _prepare_sqlite(self.read_engine, begin="BEGIN", read_only=True)
        else:
            self.write_engine = _postgres_engine(self.url, pool_size=pool_size, pooled=pooled)
            self.read_engine = _reading(self.write_engine)
        # What SQLite does one by one anyway.
        self._shared = SharedCommits(self.write_engine, alone=self._alone) if self.is_sqlite else None
        self._replica: Engine | None = None
        self.late_engine = self.read_engine
        if replica_url is not None:
            self._replica = _postgres_engine(make_url(replica_url), pool_size=pool_size, pooled=pooled)
            self.late_engine = _reading(self._replica)

    @classmethod
    def of(cls, settings: Settings) -> Database:
        """Return the database that the settings name."""
        return cls(settings.database_url, pooled=settings.pgbouncer, replica_url=settings.replica_url)

    def transact(self, work: Callable[[Session], Result]) -> Result:
        """Run `work` in one transaction and commit it once; after a deadlock, a serialization failure or a broken
        connection it is tried again.

        `work` may run more than once, and in another thread, in a copy of this one's context; so it must have no effect
        outside the session. Whatever it raises rolls back all that it did. On SQLite, what comes while other work is
        under way shares a commit (shared_commits.py).
        """
        return elsewhere(lambda: self._transact(work))

    def _transact(self, work: Callable[[Session], Result]) -> Result:
        done = self._alone(work) if self._shared is None else self._shared.do(work)
        if done.error is not None:
            raise done.error
        for deed in done.deeds:
            deed()
        return cast(Result, done.result)

    def _alone(self, work: Callable[[Session], Result]) -> Done[Result]:
        until = time.monotonic() + LOCK_WAIT_SECONDS
        for attempt in range(1, ATTEMPTS_MAX + 1):
            with DirectSession(self.write_engine, expire_on_commit=False) as session:
                has_worked = False
                try:
                    result = work(session)
                    has_worked = True
                    session.commit()
                    return Done(result, take_deeds(session))
                except DBAPIError as error:
                    session.rollback()
                    # Where the connection broke in the commit, nobody knows whether it was made.
                    may_go_through = _worth_another_try(error) or (error.connection_invalidated and not has_worked)
                    # Who has waited for a lock until now would keep others waiting as long again.
                    if attempt == ATTEMPTS_MAX or time.monotonic() > until or not may_go_through:
                        raise
            # The other transaction needs a moment to finish; the later the attempt, the longer.
            time.sleep(0.01 * attempt * attempt)
        raise AssertionError("unreachable: the loop returns or raises")

    def read(self, work: Callable[[Session], Result]) -> Result:
        """Run `work` on a read-only snapshot, and once more where the connection was broken."""
        return elsewhere(lambda: _read(self.read_engine, work))

    def read_late(self, work: Callable[[Session], Result]) -> Result:
        """Run `work` on a read-only snapshot that may be some seconds old: the replica's, where there is one.

        For reports alone. Whatever decides something, or must show what its caller has just written, is read by `read`.
        """
        return elsewhere(lambda: _read(self.late_engine, work))

    def dispose(self) -> None:
        """Close every pooled connection."""
        self.write_engine.dispose()
        self.read_engine.dispose()
        if self._replica is not None:
            self._replica.dispose()


def _read(engine: Engine, work: Callable[[Session], Result]) -> Result:
    try:
        with DirectSession(engine, expire_on_commit=False) as session:
            return work(session)
    except DBAPIError as error:
        if not error.connection_invalidated:
            raise
    with DirectSession(engine, expire_on_commit=False) as session:
        return work(session)


def _worth_another_try(error: DBAPIError) -> bool:
    state = getattr(error.orig, "sqlstate", None)
    if state is not None:
        return state in RETRIED_SQLSTATES
    return isinstance(error, OperationalError) and "database is locked" in str(error.orig)
