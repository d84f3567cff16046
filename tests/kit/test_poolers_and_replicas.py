"""How PostgreSQL is reached: directly, through a pooler that changes the connection under one's feet, and a replica."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from local_postgres import create_database
from sqlalchemy import bindparam, select, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from referral_service.config import Settings
from referral_service.kit.db.engines import Database

LIMITS = ("lock_timeout", "statement_timeout", "TimeZone")
ENOUGH_TO_BE_PREPARED = 12
SAYS_WHICH = "CREATE TABLE which AS SELECT '{name}'::text AS name"


def limits_in(session: Session) -> list[str]:
    return [str(session.execute(text(f"SHOW {name}")).scalar_one()) for name in LIMITS]


def prepared_in(session: Session) -> int:
    for n in range(ENOUGH_TO_BE_PREPARED):
        assert session.execute(select(bindparam("n", n))).scalar_one() == n
    return int(session.execute(text("SELECT count(*) FROM pg_prepared_statements")).scalar_one())


@pytest.fixture
def url(postgres_server: URL) -> URL:
    return create_database(postgres_server, "engines")


@pytest.fixture(params=[False, True], ids=["direct", "pooled"])
def either(request: pytest.FixtureRequest, url: URL) -> Iterator[Database]:
    database = Database(url, pooled=request.param)
    yield database
    database.dispose()


def test_waiting_has_limits_and_times_are_utc_in_writing_and_reading(either: Database) -> None:
    assert either.transact(limits_in) == ["10s", "30s", "UTC"]
    assert either.read(limits_in) == ["10s", "30s", "UTC"]


def test_a_transaction_may_set_a_limit_of_its_own(either: Database) -> None:
    def work(session: Session) -> list[str]:
        session.execute(text("SET LOCAL lock_timeout = '1s'"))
        return limits_in(session)

    assert either.transact(work) == ["1s", "30s", "UTC"]
    assert either.transact(limits_in) == ["10s", "30s", "UTC"]


def test_behind_a_pooler_nothing_is_left_on_the_connection(url: URL) -> None:
    database = Database(url, pooled=True)
    database.transact(limits_in)
    raw = database.write_engine.raw_connection()
    cursor = raw.cursor()
    cursor.execute("SHOW lock_timeout")
    assert cursor.fetchone() == ("0",)
    raw.close()
    database.dispose()


def test_behind_a_pooler_nothing_is_prepared(url: URL) -> None:
    pooled, direct = Database(url, pooled=True), Database(url)
    assert pooled.transact(prepared_in) == 0
    assert pooled.read(prepared_in) == 0
    assert direct.transact(prepared_in) > 0
    pooled.dispose()
    direct.dispose()


def test_late_reading_asks_the_replica_and_nothing_else_does(postgres_server: URL) -> None:
    urls = {name: create_database(postgres_server, name) for name in ("original", "replica")}
    for name, url in urls.items():
        written = Database(url)
        written.transact(lambda session, name=name: session.execute(text(SAYS_WHICH.format(name=name))))  # type: ignore[misc]
        written.dispose()

    def which(session: Session) -> str:
        return str(session.execute(text("SELECT name FROM which")).scalar_one())

    database = Database(urls["original"], replica_url=urls["replica"])

    assert (database.transact(which), database.read(which), database.read_late(which)) == (
        "original",
        "original",
        "replica",
    )
    with pytest.raises(DBAPIError, match="read-only"):
        database.read_late(lambda session: session.execute(text("DELETE FROM which")))
    database.dispose()


def test_without_a_replica_late_reading_is_reading(database: Database) -> None:
    assert database.late_engine is database.read_engine
    assert database.read_late(lambda session: session.execute(text("SELECT 1")).scalar_one()) == 1


def test_a_database_is_made_as_the_settings_say(url: URL) -> None:
    settings = Settings(
        database_url=url.render_as_string(hide_password=False),
        base_url="https://refer.test",
        master_keys={},
        pgbouncer=True,
        replica_url=url.render_as_string(hide_password=False),
    )
    database = Database.of(settings)
    assert database.transact(prepared_in) == database.read_late(prepared_in) == 0
    assert database.late_engine is not database.read_engine
    database.dispose()
