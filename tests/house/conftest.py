"""Empty databases of both kinds, for the tests that build the schema themselves."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from local_postgres import create_database, start_postgres
from sqlalchemy.engine import URL

from referral_service.kit.db.engines import Database


@pytest.fixture(scope="session")
def house_postgres() -> URL:
    return start_postgres()


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    if request.param == "sqlite":
        database = Database(f"sqlite:///{tmp_path / 'empty.db'}")
    else:
        database = Database(create_database(request.getfixturevalue("house_postgres"), "house"))
    yield database
    database.dispose()
