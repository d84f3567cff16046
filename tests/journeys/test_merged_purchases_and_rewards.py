"""Two purchases that a later message shows to be one are rewarded once, under whatever name they were rewarded."""

from __future__ import annotations

from typing import Any

import pytest
from journeys.earned import TEN_PERCENT, an_event, earned, referrals, reward, rows
from journeys.subscriptions import joined, paid, refunded, subscribed
from webhooks_in import stripe_bodies as bodies
from webhooks_in.hooks import Hook, a_stripe_source

from builders import Api, a_claim, a_code, a_customer, a_program
from cast import BOB
from referral_service.kit.db.engines import Database

pytestmark = pytest.mark.usefixtures("books_in_order")

TWO_PURCHASES = {"steps": [{"key": "buy", "event": "purchase", "count": 2}]}


def joined_after_a_refund(hook: Hook) -> None:
    """Ten of Bob's fifty dollars go back, then he buys, then both are found to be one: the refund's row carries on."""
    refunded(hook, amount_refunded=1000)
    subscribed(hook)
    joined(hook)


@pytest.mark.parametrize("bound", [{"cap": {"count": 1}}, {"limit": {"count": 1}}, {"cap": {"amount_minor": 500}}])
def test_merge_leaves_a_reward_the_place_it_has(api: Api, bound: dict[str, Any]) -> None:
    share = reward("share", on="every_purchase", give=TEN_PERCENT, hold_days=14, **bound)
    a_claim(api, a_code(api, a_program(api, rewards=[share])))
    joined_after_a_refund(a_stripe_source(api))
    assert earned(api) == [("share", "pending", None, 500, 100)]


@pytest.mark.parametrize("bound", [{"cap": {"count": 1}}, {"limit": {"count": 1}}])
def test_merge_leaves_a_persons_own_reward_the_place_it_has(api: Api, bound: dict[str, Any]) -> None:
    a_customer(api, BOB)
    a_program(api, rewards=[reward("own", "self", "every_purchase", TEN_PERCENT, hold_days=14, **bound)])
    joined_after_a_refund(a_stripe_source(api))
    assert earned(api) == [("own", "pending", None, 500, 100)]


def test_merged_purchase_is_one_of_every_two(api: Api) -> None:
    a_customer(api, BOB)
    a_program(api, rewards=[reward("own", "self", "every_purchase", every=2)])
    joined_after_a_refund(a_stripe_source(api))
    assert earned(api) == []


def test_step_that_was_rewarded_is_still_met_by_the_purchase_that_carries_on(api: Api) -> None:
    steps = [{"key": "buy", "event": "purchase"}, {"key": "join", "event": "signup"}]
    rewards = [reward("step", on="step:buy"), reward("thanks")]
    a_claim(api, a_code(api, a_program(api, rewards=rewards, qualification={"steps": steps})))
    joined_after_a_refund(a_stripe_source(api))
    an_event(api, "signup")
    assert referrals(api) == [("converted", None)]
    assert [(key, state) for key, state, *_ in earned(api)] == [("step", "available"), ("thanks", "available")]


def test_purchases_that_were_counted_as_two_convert_nothing_once_they_are_one(api: Api) -> None:
    program = a_program(api, rewards=[reward("thanks", hold_days=14)], qualification=TWO_PURCHASES)
    a_claim(api, a_code(api, program))
    hook = a_stripe_source(api)
    subscribed(hook)
    paid(hook, receipt_email=BOB.email)
    assert referrals(api) == [("converted", None)]
    joined(hook)
    assert [state for state, _ in referrals(api)] != ["converted"]
    assert [state for _, state, *_ in earned(api)] == ["voided"]


def test_purchase_of_three_names_of_which_two_were_counted_counts_once(api: Api, database: Database) -> None:
    program = a_program(api, rewards=[reward("thanks", hold_days=14)], qualification=TWO_PURCHASES)
    a_claim(api, a_code(api, program))
    hook = a_stripe_source(api)
    refunded(hook, amount_refunded=1000, payment_intent=None)
    subscribed(hook)
    paid(hook, receipt_email=BOB.email, latest_charge=None)
    assert referrals(api) == [("converted", None)]
    # An invoice names all three.
    hook.told(bodies.event("invoice.paid", bodies.invoice(), event_id="evt_invoice"))
    assert rows(database, "SELECT count(*) FROM purchases WHERE merged_into IS NULL") == [(1,)]
    assert [state for state, _ in referrals(api)] != ["converted"]
    assert rows(database, "SELECT count(*) <= 1 FROM qualification_facts") == [(True,)]
