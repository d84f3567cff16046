from __future__ import annotations

from collections.abc import Iterator

import pytest
from campaigns.crash.foreman import Foreman
from local_postgres import create_database

from referral_service import migrations
from referral_service.kit.db.engines import Database


@pytest.fixture(scope="session")
def foreman(
    database_kind: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Foreman]:
    """A workshop with a migrated database of its own."""
    if database_kind == "sqlite":
        url = f"sqlite:///{tmp_path_factory.mktemp('crash') / 'crash.db'}"
    else:
        server = request.getfixturevalue("postgres_server")
        url = create_database(server, "crash").render_as_string(hide_password=False)
    database = Database(url)
    migrations.upgrade(database.write_engine)
    database.dispose()
    made = Foreman(url)
    yield made
    made.close()
