"""Negative controls of campaign 14: what it could not find here, it could not find anywhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from campaigns.outbound.campaign import Campaign, Size
from campaigns.outbound.judge import judge
from campaigns.outbound.plants import PLANTS
from campaigns.outbound.receivers import Deed

from referral_service import migrations
from referral_service.kit.db.engines import Database

SMALL = Size(notifications=90, batch=15, kills=1, drain_seconds=15.0)
# So fast that the slow one has a queue all the while, in batches that the healthy one takes at once.
FAST = Size(notifications=300, batch=15, kills=0, pause_seconds=0.05, drain_seconds=5.0)


def nothing_else(_: Campaign) -> None:
    pass


def the_healthy_one_thinks(campaign: Campaign) -> None:
    campaign.healthy.seconds = 0.3


def the_sick_one_is_slow(campaign: Campaign) -> None:
    campaign.sick.seconds, campaign.sick.behave = 0.6, lambda: Deed.TAKE


# The bug -> how much is announced, and what makes it show.
SHOWN_BY: dict[str, tuple[Size, Callable[[Campaign], None]]] = {
    "it_is_done_before_it_is_sent": (SMALL, nothing_else),
    "leases_end_before_attempts_do": (SMALL, the_healthy_one_thinks),
    "all_stand_in_one_queue": (FAST, the_sick_one_is_slow),
    "an_endpoint_is_switched_off_silently": (SMALL, nothing_else),
}


@pytest.fixture
def own_database(tmp_path: Path) -> Iterator[Database]:
    """One is enough: the bugs are in the couriers, not in statements."""
    made = Database(f"sqlite:///{tmp_path / 'control.db'}")
    migrations.upgrade(made.write_engine)
    yield made
    made.dispose()


@pytest.mark.timeout(600)
@pytest.mark.parametrize("plant", PLANTS)
def test_a_planted_bug_is_found(plant: str, own_database: Database) -> None:
    small, tune = SHOWN_BY[plant]
    campaign = Campaign(own_database, small)
    tune(campaign)
    campaign.run(plant=plant)
    wrong = judge(campaign).wrong
    assert [complaint for complaint in wrong if complaint.startswith(PLANTS[plant].shows)], wrong
