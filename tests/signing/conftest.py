"""A migrated database of each kind, made once; every test works in an app of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from local_postgres import create_database, start_postgres
from signing.key_cast import NOON

from referral_service.kit.clock import FixedClock
from referral_service.kit.db.engines import Database
from referral_service.migrations import upgrade


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    if request.param == "sqlite":
        made = Database(f"sqlite:///{tmp_path_factory.mktemp('signing') / 'signing.db'}")
    else:
        made = Database(create_database(start_postgres(), "signing"))
    upgrade(made.write_engine)
    yield made
    made.dispose()


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(NOON)
