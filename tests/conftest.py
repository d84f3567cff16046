"""What every test may ask for: a database of each kind, a clock that stands still, the service, a tenant, a client.

A test that uses `database`, or anything built on it, runs on SQLite and on PostgreSQL; `--database sqlite` keeps to
one.
"""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
import structlog
from flask import Flask
from flask.testing import FlaskClient
from local_memory import write_to_memory
from local_pgbouncer import start_pgbouncer
from local_postgres import create_database, start_postgres
from sqlalchemy import create_engine, text
from sqlalchemy.engine import URL

from builders import Api
from cast import NOON
from referral_service import migrations
from referral_service.all_models import metadata
from referral_service.app import close, create_app
from referral_service.config import Settings
from referral_service.kit.clock import FixedClock
from referral_service.kit.crypto import Sealer
from referral_service.kit.db.engines import Database
from referral_service.operations.views import READINESS
from referral_service.signing.rotate import ensure_keys
from referral_service.tenants.create_key import create_operator_key
from referral_service.tenants.open_app import OpenedApp, open_app
from referral_service.tenants.tenant import LIVE, TEST

DATABASES = ("sqlite", "postgresql")
MASTER_KEYS = {"k1": "a-master-key-that-only-tests-use-0123456789"}
# What is not part of the clone that a stranger makes.
MAY_BE_ABSENT = "needs ../shared"


# A busy machine is no failure; and in CI the same commit meets the same examples, so that green stays green.
hypothesis.settings.register_profile("work", deadline=None)
hypothesis.settings.register_profile("ci", deadline=None, derandomize=True)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") == "true" else "work")

# The access log of a test says nothing that the test does not know; warnings still show.
structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--database", choices=[*DATABASES, "both"], default="both", help="which databases to test on")
    parser.addoption("--pgbouncer", action="store_true", help="reach PostgreSQL through PgBouncer in transaction mode")


def pytest_configure(config: pytest.Config) -> None:
    # The processes of a parallel run begin with the environment of the first.
    if not hasattr(config, "workerinput"):
        write_to_memory()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "database_kind" in metafunc.fixturenames:
        chosen = metafunc.config.getoption("--database")
        metafunc.parametrize("database_kind", DATABASES if chosen == "both" else [chosen], scope="session")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:  # noqa: ARG001
    report: pytest.TestReport = yield  # type: ignore[assignment]
    _refuse_skip(report)
    return report  # type: ignore[return-value]


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Iterator[None]:  # noqa: ARG001
    report: pytest.CollectReport = yield  # type: ignore[assignment]
    _refuse_skip(report)
    return report  # type: ignore[return-value]


def _refuse_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    """In CI green means that everything ran: a skipped test is a failed one."""
    if os.environ.get("CI") != "true" or report.outcome != "skipped" or hasattr(report, "wasxfail"):
        return
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    if not reason.removeprefix("Skipped: ").startswith(MAY_BE_ABSENT):
        report.outcome = "failed"
        report.longrepr = f"Skipped in CI: {reason}"


class EmptyAgain:
    """One migrated database for many tests, emptied before each. Its engines live on, and with them what SQLAlchemy
    has compiled: that saves more time than anything else here.
    """

    def __init__(self, database: Database) -> None:
        self.database = database

    def empty(self) -> Database:
        raise AssertionError("Each kind of database has its own way.")


class EmptySqlite(EmptyAgain):
    def __init__(self, folder: Path) -> None:
        self._template, self._path = folder / "template.db", folder / "test.db"
        template = Database(f"sqlite:///{self._template}")
        migrations.upgrade(template.write_engine)
        # Folds the write-ahead log in, so that the one file is all there is to copy.
        with template.write_engine.connect() as connection:
            connection.connection.driver_connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # type: ignore[union-attr]
        template.dispose()
        super().__init__(Database(f"sqlite:///{self._path}"))

    def empty(self) -> Database:
        self.database.dispose()
        for ending in ("", "-wal", "-shm"):
            self._path.with_name(self._path.name + ending).unlink(missing_ok=True)
        shutil.copyfile(self._template, self._path)
        return self.database


class EmptyPostgres(EmptyAgain):
    def __init__(self, server: URL, *, pgbouncer: bool = False) -> None:
        url = create_database(server, "tests")
        super().__init__(Database(start_pgbouncer(url), pooled=True) if pgbouncer else Database(url))
        migrations.upgrade(self.database.write_engine)
        tables = [table.name for table in metadata.sorted_tables]
        # As a replica, no trigger fires: neither the append-only ones nor foreign keys.
        self._statements = "; ".join(
            [
                "SET LOCAL session_replication_role = replica",
                *(f"DELETE FROM {name}" for name in reversed(tables)),
                # App numbers and key ids are counted from 1 again: both have few characters in a signed code.
                "ALTER SEQUENCE apps_id_seq RESTART",
                "ALTER SEQUENCE signing_keys_kid_seq RESTART",
            ]
        )

    def empty(self) -> Database:
        self.database.dispose()
        with self.database.write_engine.begin() as connection:
            # A thread that a test left behind may still hold a lock.
            connection.exec_driver_sql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            connection.exec_driver_sql(self._statements)
        return self.database


@pytest.fixture(scope="session")
def postgres_server() -> URL:
    """The address of a real PostgreSQL; `local_postgres.create_database` makes a database in it."""
    server = start_postgres()
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        # What a test writes need not outlive the machine.
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            connection.execute(text(f"ALTER SYSTEM SET {setting} = off"))
        connection.execute(text("SELECT pg_reload_conf()"))
    engine.dispose()
    return server


@pytest.fixture(scope="session")
def migrated(
    database_kind: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[EmptyAgain]:
    made: EmptyAgain
    if database_kind == "sqlite":
        made = EmptySqlite(tmp_path_factory.mktemp("sqlite"))
    else:
        pgbouncer = request.config.getoption("--pgbouncer")
        made = EmptyPostgres(request.getfixturevalue("postgres_server"), pgbouncer=pgbouncer)
    yield made
    made.database.dispose()


@pytest.fixture
def database(migrated: EmptyAgain) -> Iterator[Database]:
    """A migrated, empty database."""
    yield migrated.empty()
    migrated.database.dispose()


@pytest.fixture
def clock() -> FixedClock:
    """A clock that stands at noon until it is advanced."""
    return FixedClock(NOON)


@pytest.fixture
def settings(database: Database) -> Settings:
    return Settings(
        database_url=database.url.render_as_string(hide_password=False),
        base_url="https://refer.test",
        master_keys=MASTER_KEYS,
        rate_limits=False,
        # Tests of what happens at once bring all their threads inside.
        threads=64,
    )


@pytest.fixture
def app(settings: Settings, clock: FixedClock, database: Database) -> Iterator[Flask]:
    ensure_keys(database, Sealer(settings.master_keys), clock.now())
    made = create_app(settings, clock=clock, database=database)
    # A machine that is busy for two seconds is no failure either: only tests of readiness take it for one.
    made.extensions[READINESS].answer_seconds_max = 60.0
    yield made
    # Or the clicks of this test would be written into the database of the next.
    close(made)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def operator_key(database: Database, clock: FixedClock) -> str:
    """A key that may open apps."""
    made = database.transact(
        lambda session: create_operator_key(session, name="Operator", actor="cli", now=clock.now())
    )
    return made.secret


@pytest.fixture
def tenant(database: Database, clock: FixedClock) -> OpenedApp:
    """A live app with an admin key: `tenant.tenant.app_id`, `tenant.key.secret`."""
    return database.transact(lambda session: open_app(session, name="Shop", mode=LIVE, actor="cli", now=clock.now()))


@pytest.fixture
def trial_tenant(database: Database, clock: FixedClock) -> OpenedApp:
    """A test app, whose clock can be advanced."""
    return database.transact(lambda session: open_app(session, name="Trial", mode=TEST, actor="cli", now=clock.now()))


@pytest.fixture
def api(client: FlaskClient, tenant: OpenedApp, clock: FixedClock) -> Api:
    """A client with the live app's admin key."""
    return Api(client, key=tenant.key.secret, clock=clock)


@pytest.fixture
def trial_api(client: FlaskClient, trial_tenant: OpenedApp, clock: FixedClock) -> Api:
    """A client with the test app's admin key."""
    return Api(client, key=trial_tenant.key.secret, clock=clock)
