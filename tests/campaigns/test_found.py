"""What the campaign has found in the service: each story shrunk to what shows it, and kept for good."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from campaigns.driver import Driver, event_body
from campaigns.facts import Advance, Claim, Event, Touch
from campaigns.stage import HttpStage
from campaigns.story import HELD, START, bought, disputed, refunded


class Shop:
    """A test app with one program: from 20.00 USD on, both sides get something after 14 days."""

    def __init__(self, driver: Driver, stage: HttpStage) -> None:
        self.driver, self.stage = driver, stage
        driver.start_program("p", HELD)

    def claim(self) -> str:
        """Alice refers Bob. Returns the referral's id."""
        answer = self.driver.tell(Claim("p", "bob", (Touch("alice"),)))
        assert answer.status == 201, answer
        referral: str = answer.body["id"]
        return referral

    def hear(self, event: Event) -> dict[str, Any]:
        """Returns the answer, and its HTTP status in it."""
        answer = self.driver.call("POST", "/v1/events", event_body(event))
        return {**answer.body, "status": answer.status}

    def referral(self, referral_id: str) -> tuple[str, str | None]:
        """(state, reason)"""
        found = self.driver.expect(200, "GET", f"/v1/referrals/{referral_id}")
        return found["state"], found["reason"]

    def reward(self, key: str) -> tuple[str, int]:
        """(state, granted in minor units)"""
        (found,) = [item for item in self.driver.items("/v1/rewards") if item["key"] == key]
        return found["state"], found["amount"]["amount_minor"]

    def wait(self, days: float) -> None:
        self.driver.tell(Advance(timedelta(days=days)))


@pytest.fixture
def shop(stage: HttpStage) -> Shop:
    return Shop(stage.open_app(now=START, name="found"), stage)


def test_a_won_dispute_leaves_not_new_as_the_reason_of_a_reversal_that_stands(shop: Shop) -> None:
    """The other order of the same facts says so (I13): bought, opened, won, and last the old purchase."""
    referral = shop.claim()
    shop.hear(bought("o1", on=0))
    shop.hear(disputed("o1", "opened"))
    shop.hear(bought("old", on=-8))
    shop.hear(disputed("o1", "won"))
    assert shop.referral(referral) == ("reversed", "not_new")
    assert shop.stage.violations() == []


def test_a_dispute_opened_that_arrives_after_it_was_won_is_no_repetition(shop: Shop) -> None:
    """Not seen before: no event of this id, and this state of the dispute under no other."""
    shop.claim()
    shop.hear(bought("o1", on=0))
    shop.hear(disputed("o1", "won"))
    late = shop.hear(disputed("o1", "opened"))
    assert (late["status"], late["duplicate"], late["outcome"]) == (201, False, "recorded")
    assert shop.hear(disputed("o1", "opened")) == {**late, "status": 200, "duplicate": True}


def test_a_dispute_opened_that_arrives_late_twice_under_two_ids_is_a_repetition(shop: Shop) -> None:
    shop.hear(disputed("o1", "won"))
    late = shop.hear(disputed("o1", "opened"))
    again = shop.hear(disputed("o1", "opened", event="another-id"))
    assert again == {**late, "id": "another-id", "status": 200, "duplicate": True}


@pytest.mark.parametrize("event_id", ["buy-o1", "another-id"])
def test_what_was_seen_before_is_answered_as_it_was_the_first_time(shop: Shop, event_id: str) -> None:
    """Whatever has come of it since: a sender that lost the answer learns what it was."""
    first = shop.hear(bought("o1", on=0))
    shop.claim()
    later = shop.hear(bought("o1", on=0, event=event_id))
    assert later == {**first, "id": event_id, "status": 200, "duplicate": True}


def test_a_conversion_that_was_reversed_since_is_answered_as_it_was(shop: Shop) -> None:
    shop.claim()
    first = shop.hear(bought("o1", on=0))
    assert first["outcome"] == "converted"
    shop.hear(refunded("o1", 5000))
    assert shop.hear(bought("o1", on=0)) == {**first, "status": 200, "duplicate": True}


def test_an_earlier_purchase_takes_over_however_late_it_comes_while_nothing_is_released(shop: Shop) -> None:
    """A week after the deadline is for what has expired; this was converted in time, and is still held.

    Told in the other order, at the same two moments, the earlier purchase counts as well (I13).
    """
    shop.claim()
    shop.wait(90)
    shop.hear(bought("late", on=90, amount=8000))
    shop.wait(7 + 1 / 24)
    shop.hear(bought("early", on=89, amount=3000))
    assert shop.reward("share") == ("pending", 300)
