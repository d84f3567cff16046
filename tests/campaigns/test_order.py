"""Campaign 7 of SAFETY.md on the real service: a history in ten orders comes to the same, without shared limits."""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from campaigns.driver import Driver, Observed
from campaigns.facts import Entry
from campaigns.stage import HttpStage
from campaigns.story import START
from campaigns.test_model_order import PROGRAMS, histories
from hypothesis import HealthCheck, Phase, given, settings

ORDERS = 10
HOUR_SECONDS = 60 * 60
# SAFETY.md's size, and what CI has time for.
HISTORIES = 200 if os.environ.get("CAMPAIGN_SIZE") == "long" else 2
# Of one program in each history, so that there is time for more histories.
NAMES = tuple(PROGRAMS)
FOLLOWS_A_PURCHASE = ("every", "more")


def is_something(balance: dict[str, Any]) -> bool:
    return bool(balance["available"] or balance["pending"])


def outcome(stage: HttpStage, name: str, entries: Sequence[Entry]) -> dict[str, Any]:
    """Tell the history to an app of its own; what has come of it, without ids, reasons and what follows arrival."""
    driver: Driver = stage.open_app(now=START, name="order")
    driver.start_program(name, PROGRAMS[name])
    for entry in entries:
        driver.tell(entry)
    seen: Observed = driver.look(["alice", "bob"])
    accepted = [item for item in seen.referrals if item["state"] != "rejected"]
    balances = {who: Counter(map(str, filter(is_something, items))) for who, items in seen.balances.items()}
    if not accepted or accepted[0]["reason"] == "not_new":
        # Refused at the claim, rejected while pending, reversed once converted: the same nothing.
        return {"referral": "not_new", "balances": balances}
    rewards = Counter(
        (i["key"], i["customer_id"], i["state"], str(i["amount"]), str(i["reversed"]), i["hold_ends_at"])
        for i in seen.rewards
        # For a purchase while the referral is reversed there is no row, or a voided one, as it came.
        if not (i["key"] in FOLLOWS_A_PURCHASE and i["state"] == "voided")
    )
    referral = (accepted[0]["state"], accepted[0]["converted_at"], accepted[0]["expires_at"])
    return {"referral": referral, "rewards": rewards, "balances": balances}


@pytest.mark.timeout(HOUR_SECONDS)
@pytest.mark.parametrize("name", NAMES)
def test_ten_orders_of_one_history_end_alike(stage: HttpStage, name: str) -> None:
    @settings(
        max_examples=HISTORIES,
        deadline=None,
        derandomize=HISTORIES < 200,
        database=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    @given(histories())
    def play(history: Any) -> None:
        shuffled = [entry for entry in history.shuffled if getattr(entry, "program", name) == name]
        first = outcome(stage, name, shuffled)
        for number in range(ORDERS - 1):
            random.Random(number).shuffle(shuffled)
            assert outcome(stage, name, shuffled) == first, shuffled

    play()
