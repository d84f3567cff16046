"""The worker finds an app in which nothing but an end has come, and has done with it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from journeys.granted import COUPON, CREDIT, CUSTOM, granted, standing

from builders import Api
from referral_service.journeys.coming_due.run_due import run_due
from referral_service.kit.clock import FixedClock
from referral_service.kit.db.engines import Database

END = timedelta(days=5)


@pytest.mark.parametrize(
    ("give", "more", "edge"),
    [
        (CREDIT, {"accept_within_days": 5}, timedelta(microseconds=1)),
        (CREDIT, {"expires_days": 5}, timedelta(0)),
        (COUPON | {"valid_days": 5}, {}, timedelta(0)),
        (CUSTOM, {"expires_days": 5}, timedelta(0)),
    ],
    ids=["offer", "lot", "coupon", "custom"],
)
def test_the_worker_ends_what_is_over_and_nothing_sooner(
    api: Api, database: Database, clock: FixedClock, give: dict[str, Any], more: dict[str, Any], edge: timedelta
) -> None:
    granted(api, give, **more)
    clock.advance(END - timedelta(seconds=1))
    assert run_due(database, clock=clock) == 0
    clock.advance(timedelta(seconds=1) + edge)
    assert run_due(database, clock=clock) == 1
    assert standing(api)[0] == "expired"
    assert run_due(database, clock=clock) == 0


@pytest.mark.parametrize("give", [CREDIT, COUPON, CUSTOM], ids=["lot", "coupon", "custom"])
def test_what_has_no_end_never_comes_to_one(
    api: Api, database: Database, clock: FixedClock, give: dict[str, Any]
) -> None:
    granted(api, {name: value for name, value in give.items() if name != "valid_days"})
    clock.advance(timedelta(days=3650))
    run_due(database, clock=clock)
    assert standing(api)[0] == "available"
