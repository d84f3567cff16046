"""Overload: what is too much is refused in time, what is accepted is kept, and afterwards all is as before."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from campaigns.overload.campaign import Campaign, size
from campaigns.overload.judge import judge
from campaigns.shop import ENVIRONMENT, Shop, a_shop
from cli.processes import Process, free_port, service_environment

from referral_service.kit.clock import SystemClock
from referral_service.kit.db.engines import Database

HOUR_SECONDS = 60 * 60


@pytest.fixture
def shop(database: Database) -> Shop:
    return a_shop(database, SystemClock())


@pytest.fixture
def service(shop: Shop, tmp_path: Path) -> Iterator[Process]:
    """`serve` as anybody starts it: on SQLite one process with the worker inside, on PostgreSQL two without."""
    url = shop.database.url.render_as_string(hide_password=False)
    environment = service_environment(tmp_path / "data", free_port(), REFERRAL_DATABASE_URL=url, **ENVIRONMENT)
    process = Process(["serve", "--json"], environment, tmp_path)
    try:
        process.wait_until_ready()
        shop.open(process.url)
        yield process
        assert process.runs()
    finally:
        process.kill()


@pytest.mark.timeout(HOUR_SECONDS)
def test_what_is_too_much_is_refused_in_time_and_what_is_accepted_is_kept(
    shop: Shop, service: Process, database_kind: str
) -> None:
    campaign = Campaign(shop, service.url, size())
    campaign.run()
    figures = [f"{database_kind}: capacity {campaign.capacity_per_second:.0f} purchases/s", *map(str, campaign.parts)]
    sys.stdout.write("\n" + "\n".join(figures) + f"\nsent again afterwards: {len(campaign.again)}\n")
    assert judge(campaign) == []
    assert '"unexpected_error"' not in service.log()
