"""Campaign 14 of SAFETY.md: receivers that fail, stall, reset, redirect, answer 410 and 429, or are not there at all,
and workers that are killed.
"""

from __future__ import annotations

import sys

import pytest
from campaigns.outbound.campaign import Campaign, size
from campaigns.outbound.judge import judge

from referral_service.kit.db.engines import Database

HOURS_SECONDS = 3 * 60 * 60


@pytest.mark.timeout(HOURS_SECONDS)
def test_all_arrives_wherever_it_is_wanted_though_workers_die_and_receivers_fail(
    database: Database, database_kind: str
) -> None:
    campaign = Campaign(database, size())
    campaign.run()
    verdict = judge(campaign)
    sys.stdout.write(f"\n{database_kind}: {verdict.figures}\n")
    assert verdict.wrong == []
