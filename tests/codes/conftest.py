"""A migrated database of each kind, made once; every test works in an app of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from local_postgres import create_database, start_postgres
from signing.key_cast import NOON, ring_with_keys

from referral_service.kit.clock import FixedClock
from referral_service.kit.db.engines import Database
from referral_service.migrations import upgrade
from referral_service.signing.key_ring import KeyRing


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    if request.param == "sqlite":
        made = Database(f"sqlite:///{tmp_path_factory.mktemp('codes') / 'codes.db'}")
    else:
        made = Database(create_database(start_postgres(), "codes"))
    upgrade(made.write_engine)
    yield made
    made.dispose()


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(NOON)


@pytest.fixture
def ring(database: Database, clock: FixedClock) -> KeyRing:
    return ring_with_keys(database, clock)
