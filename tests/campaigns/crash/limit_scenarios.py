"""Scenes of caps, budgets, offers, coupons, a person's own rewards and a contest that closes."""

from __future__ import annotations

from datetime import timedelta

from campaigns.crash.scenarios import Act, Scenario, post, worker
from campaigns.crash.stage import Stage

from builders import a_purchase, credit, expect, items, purchase_body
from cast import ALICE, BOB, CAROL
from referral_service.kit.clock import format_rfc3339


def _after_carol(stage: Stage, **terms: object) -> Act:
    """Carol has brought Alice her reward already; now Bob buys."""
    claim = stage.invite(**terms)  # type: ignore[arg-type]
    for person in (BOB, CAROL):
        expect(stage.api.post("/v1/referrals", claim | {"referee": person.document()}), 201)
    a_purchase(stage.api, customer=CAROL)
    return post(stage, "/v1/events", purchase_body(at=stage.clock.now(), order_id="o"))


def a_purchase_that_a_cap_cuts(stage: Stage) -> Act:
    return _after_carol(stage, rewards=[credit(key="thanks", side="referrer", cap={"amount_minor": 1500})])


def a_purchase_that_the_budget_cannot_hold(stage: Stage) -> Act:
    return _after_carol(stage, rewards=[credit(key="thanks", side="referrer")], budget={"amount_minor": 1000})


def a_claim_that_sets_budget_aside(stage: Stage) -> Act:
    budget = {"amount_minor": 1000, "reserve": "claimed"}
    return post(stage, "/v1/referrals", stage.invite(rewards=[credit(key="thanks", side="referrer")], budget=budget))


def a_claim_that_gives_a_coupon(stage: Stage) -> Act:
    return post(stage, "/v1/referrals", stage.invite(rewards=[COUPON]))


def a_coupon_is_redeemed(stage: Stage) -> Act:
    stage.refer(rewards=[COUPON])
    (reward,) = items(stage.api, "/v1/rewards")
    return post(stage, f"/v1/coupons/{reward['coupon']['code']}/redeem", {"order_id": "o-7"})


def an_offer_is_accepted(stage: Stage) -> Act:
    stage.refer(rewards=[credit(key="thanks", side="referrer", accept_within_days=7)])
    a_purchase(stage.api, order_id="o")
    (reward,) = items(stage.api, "/v1/rewards")
    return post(stage, f"/v1/rewards/{reward['id']}/accept", None)


def an_offer_ends(stage: Stage) -> Act:
    stage.refer(rewards=[credit(key="thanks", side="referrer", accept_within_days=7)])
    a_purchase(stage.api, order_id="o")
    stage.wait(days=8)
    return worker(stage)


def credit_lapses(stage: Stage) -> Act:
    stage.refer(rewards=[credit(key="thanks", side="referrer", expires_days=10)])
    a_purchase(stage.api, order_id="o")
    stage.wait(days=11)
    return worker(stage)


def a_purchase_of_ones_own(stage: Stage) -> Act:
    give = {"kind": "points", "quantity": 1, "per_minor": 100}
    stage.invite(rewards=[{"key": "points", "side": "self", "on": "every_purchase", "give": give}])
    return post(stage, "/v1/events", purchase_body(at=stage.clock.now(), order_id="o"))


def a_contest_closes(stage: Stage) -> Act:
    ends_at = format_rfc3339(stage.clock.now() + timedelta(days=5))
    prizes = [{"rank": 1, "give": {"kind": "credit", "amount_minor": 50000}}]
    stage.refer(rewards=[credit(key="thanks", side="referrer")], schedule={"ends_at": ends_at}, prizes=prizes)
    a_purchase(stage.api, order_id="o")
    stage.wait(days=6)
    return worker(stage)


COUPON = {
    "key": "welcome", "side": "referee", "on": "claimed",
    "give": {"kind": "coupon", "percent_off": "15.00", "valid_days": 30, "prefix": "FRIEND"},
}  # fmt: skip
BOTH = "bob is converted, carol is converted"

LIMIT_SCENARIOS = {
    scene.__name__: Scenario(scene, tuple(ending.split(", ")))
    for scene, ending in (
        (a_purchase_that_a_cap_cuts, f"alice available 1000-0, alice available 500-0, alice has 1500+0 USD, {BOTH}"),
        (
            a_purchase_that_the_budget_cannot_hold,
            f"alice available 1000-0, alice capped 0-0, alice has 1000+0 USD, {BOTH}",
        ),
        (a_claim_that_sets_budget_aside, "bob is pending"),
        (a_claim_that_gives_a_coupon, "bob available 0-0, bob is pending"),
        (a_coupon_is_redeemed, "bob is pending, bob redeemed 0-0"),
        (an_offer_is_accepted, "alice available 1000-0, alice has 1000+0 USD, bob is converted"),
        (an_offer_ends, "alice expired 1000-0, alice has 0+0 USD, bob is converted"),
        (credit_lapses, "alice expired 1000-0, alice has 0+0 USD, bob is converted"),
        (a_purchase_of_ones_own, "bob available 50-0, bob has 50+0 points"),
        (
            a_contest_closes,
            f"{ALICE.customer_id} available 1000-0, alice available 50000-0, alice has 51000+0 USD, bob is converted",
        ),
    )
}
