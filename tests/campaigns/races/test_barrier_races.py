"""Campaign 3 of SAFETY.md, first form: eight threads released at once, round after round."""

from __future__ import annotations

import pytest
from campaigns.races.arena import Arena, rounds_for
from campaigns.races.limit_races import LIMIT_RACES
from campaigns.races.races import RACES
from flask import Flask

from builders import Api
from referral_service.kit.clock import FixedClock

HOUR_SECONDS = 60 * 60


@pytest.mark.timeout(HOUR_SECONDS)
@pytest.mark.parametrize("race", RACES | LIMIT_RACES)
def test_what_happens_at_once_happens_once(
    race: str, app: Flask, api: Api, clock: FixedClock, database_kind: str
) -> None:
    arena = Arena(app, api, clock, rounds_for(database_kind))
    (RACES | LIMIT_RACES)[race](arena)
    assert arena.examine() == []
