"""Campaign 1 of SAFETY.md on the real service: claims, purchases, refunds, disputes, time, in any order."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from campaigns.stage import HttpStage, campaign_settings, run_campaign
from campaigns.story import Story
from campaigns.traps import TRAPS
from flask.testing import FlaskClient

from referral_service.doctor.run import examine
from referral_service.kit.clock import FixedClock
from referral_service.kit.db.engines import Database

HOUR_SECONDS = 60 * 60


@pytest.fixture
def stage(client: FlaskClient, operator_key: str, database: Database, clock: FixedClock) -> HttpStage:
    def violations(app_number: int | None) -> list[str]:
        report = database.read(
            lambda session: examine(session, settings=None, now=clock.now(), app_id=app_number)
        )
        # Not I15: the tests' own PostgreSQL is set up to forget (conftest.py), and that is all it would say.
        checks = [check for check in report.checks if check.invariant != "I15"]
        return [f"{check.invariant} {v.object_id}: {v.says}" for check in checks for v in check.violations]

    return HttpStage(client, operator_key=operator_key, examine=violations)


# A campaign of the long size takes an hour; the short one's own limit is the CI's.
@pytest.mark.timeout(HOUR_SECONDS)
def test_service_and_model_agree_on_every_history(stage: HttpStage, database_kind: str) -> None:
    run_campaign(stage, campaign_settings(database_kind))
    assert stage.examine(None) == []


@pytest.mark.parametrize("trap", TRAPS)
def test_service_and_model_agree_on_what_is_hard(stage: HttpStage, trap: Callable[[], Story]) -> None:
    oracle = stage.perform(trap(), name=trap.__name__)
    assert oracle.repeats() == []
    assert stage.examine(None) == []
