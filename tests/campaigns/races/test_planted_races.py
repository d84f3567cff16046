"""Negative controls of campaign 3: races that eight threads do not show here, they would show nowhere."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from campaigns.races.arena import Arena, rounds_for
from campaigns.races.limit_races import LIMIT_RACES
from campaigns.races.plants import PLANTED, Planted
from campaigns.races.races import RACES
from local_postgres import create_database
from sqlalchemy.engine import URL

from builders import Api
from referral_service import migrations
from referral_service.app import close, create_app
from referral_service.config import Settings
from referral_service.kit.clock import FixedClock
from referral_service.kit.crypto import Sealer
from referral_service.kit.db.engines import Database
from referral_service.signing.rotate import ensure_keys
from referral_service.tenants.open_app import open_app
from referral_service.tenants.tenant import LIVE

MASTER_KEYS = {"k1": "a-master-key-that-only-tests-use-0123456789"}


@pytest.fixture
def own_database(postgres_server: URL) -> Iterator[Database]:
    """One that no other test sees: its keys are dropped."""
    made = Database(create_database(postgres_server, "planted"))
    migrations.upgrade(made.write_engine)
    yield made
    made.dispose()


@pytest.fixture
def arena(own_database: Database, clock: FixedClock) -> Iterator[Arena]:
    settings = Settings(
        database_url=own_database.url.render_as_string(hide_password=False),
        base_url="https://refer.test",
        master_keys=MASTER_KEYS,
        rate_limits=False,
    )
    ensure_keys(own_database, Sealer(settings.master_keys), clock.now())
    opened = own_database.transact(
        lambda session: open_app(session, name="Shop", mode=LIVE, actor="cli", now=clock.now())
    )
    app = create_app(settings, clock=clock, database=own_database)
    api = Api(app.test_client(), key=opened.key.secret, clock=clock)
    yield Arena(app, api, clock, rounds_for("postgresql"))
    close(app)


@pytest.mark.parametrize("planted", PLANTED, ids=lambda planted: planted.bug.__name__)
def test_a_planted_bug_is_caught(
    planted: Planted, arena: Arena, own_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    planted.bug(own_database, monkeypatch)
    (RACES | LIMIT_RACES)[planted.race](arena)
    wrong = arena.examine()
    assert [complaint for complaint in wrong if complaint.startswith(planted.shows)], wrong
