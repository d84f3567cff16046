"""How the database is reached: what is tried again, for how long, and how a server that no longer leads is left."""

from __future__ import annotations

import sqlite3
import time

import pytest
from sqlalchemy import text
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.orm import Session

from referral_service.kit.db import engines
from referral_service.kit.db.engines import Database


def backend(session: Session) -> int:
    return int(session.execute(text("SELECT pg_backend_pid()")).scalar_one())


@pytest.fixture
def on_postgres(postgres_server: URL) -> Database:
    return Database(postgres_server)


def test_a_server_that_became_a_standby_is_left_for_the_one_that_leads(on_postgres: Database) -> None:
    def lose_the_office(session: Session) -> None:
        # What a standby says to whoever wants to write.
        session.execute(text("SET TRANSACTION READ ONLY"))
        session.execute(text("CREATE TABLE nothing (id int)"))

    before = on_postgres.transact(backend)
    with pytest.raises(DBAPIError) as caught:
        on_postgres.transact(lose_the_office)
    # The edge answers 503 to this.
    assert caught.value.connection_invalidated
    assert on_postgres.transact(backend) != before
    on_postgres.dispose()


def test_a_reader_that_writes_is_our_own_mistake_and_breaks_no_connection(on_postgres: Database) -> None:
    before = on_postgres.read(backend)
    with pytest.raises(DBAPIError) as caught:
        on_postgres.read(lambda session: session.execute(text("CREATE TABLE nothing (id int)")))
    assert not caught.value.connection_invalidated
    assert on_postgres.read(backend) == before
    on_postgres.dispose()


def end(server: URL, backend_pid: int) -> None:
    """End a connection from the server's side, as one that is stopped does."""
    other = Database(server)
    other.transact(lambda session: session.execute(text(f"SELECT pg_terminate_backend({backend_pid})")))
    other.dispose()


def test_work_is_done_once_more_where_the_connection_breaks_under_it(
    on_postgres: Database, postgres_server: URL
) -> None:
    for way in (on_postgres.transact, on_postgres.read, on_postgres.read_late):
        before = way(backend)
        end(postgres_server, before)
        assert way(backend) != before
    on_postgres.dispose()


def test_who_does_not_know_whether_it_was_committed_does_not_do_it_again(
    on_postgres: Database, postgres_server: URL
) -> None:
    runs: list[int] = []

    def work(session: Session) -> None:
        runs.append(1)
        end(postgres_server, backend(session))

    with pytest.raises(DBAPIError) as caught:
        on_postgres.transact(work)
    assert caught.value.connection_invalidated
    assert len(runs) == 1
    on_postgres.dispose()


def test_a_connection_that_idled_is_asked_whether_it_is_there(
    on_postgres: Database, postgres_server: URL, monkeypatch: pytest.MonkeyPatch
) -> None:
    def pid() -> int:
        with on_postgres.write_engine.connect() as connection:
            return int(connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one())

    before = pid()
    end(postgres_server, before)
    monkeypatch.setattr(engines, "TRUSTED_SECONDS", 0.0)
    assert pid() != before
    end(postgres_server, on_postgres.transact(backend))
    # One that was in use just now is not asked: that would be a journey for each transaction.
    monkeypatch.setattr(engines, "TRUSTED_SECONDS", 60.0)
    with pytest.raises(DBAPIError):
        pid()
    on_postgres.dispose()


def test_a_silent_server_is_given_up_and_the_address_may_say_when(postgres_server: URL) -> None:
    database = Database(postgres_server.update_query_dict({"keepalives_idle": "99"}))
    with database.write_engine.connect() as connection:
        info = connection.connection.driver_connection.info  # type: ignore[union-attr]
        said = info.get_parameters()
    assert (said["keepalives_idle"], said["keepalives_interval"]) == ("99", "5")
    assert said["tcp_user_timeout"] == "15000"
    database.dispose()


def test_a_lock_that_was_waited_for_in_vain_is_not_waited_for_again(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "LOCK_WAIT_SECONDS", 0.05)
    runs: list[int] = []

    def work(_session: Session) -> None:
        runs.append(1)
        time.sleep(0.1)
        raise OperationalError("UPDATE", {}, sqlite3.OperationalError("database is locked"))

    with pytest.raises(OperationalError):
        database.transact(work)
    assert len(runs) == 1
