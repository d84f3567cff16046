"""The books on both databases. Each test takes an app number of its own, so that nothing needs to be cleaned."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from local_postgres import create_database, start_postgres

from referral_service import migrations
from referral_service.kit.db.engines import Database

_NUMBERS = count(1)


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def books(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    if request.param == "sqlite":
        folder: Path = tmp_path_factory.mktemp("books")
        database = Database(f"sqlite:///{folder / 'books.db'}")
    else:
        database = Database(create_database(start_postgres(), "books"))
    migrations.upgrade(database.write_engine)
    yield database
    database.dispose()


@pytest.fixture
def app_id() -> int:
    return next(_NUMBERS)
