"""Campaign 1 of SAFETY.md on the real service: claims, purchases, refunds, disputes, time, in any order."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from campaigns.stage import HttpStage, campaign_settings, run_campaign
from campaigns.story import Story
from campaigns.traps import TRAPS

HOUR_SECONDS = 60 * 60


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
