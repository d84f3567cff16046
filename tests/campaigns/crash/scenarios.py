"""What the process dies of doing. A scene sets itself on the stage and gives the act; the act is what may be cut short,
and what its sender does again, with the same ids. The ending is written by hand from PRODUCT.md.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from campaigns.crash.stage import Stage
from webhooks_in.hooks import a_stripe_source
from webhooks_in.stripe_bodies import event, session

from builders import a_customer, a_purchase, a_refund, credit, expect, purchase_body
from cast import ALICE, BOB, CAROL
from referral_service.journeys.coming_due.run_due import run_due
from referral_service.kit.clock import format_rfc3339
from referral_service.notifications.place import place_notifications

Act = Callable[[], Any]
"""Gives the answer over HTTP, or None where it is the worker that acts."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """`ending` is what `Stage.picture` must show in the end."""

    scene: Callable[[Stage], Act]
    ending: tuple[str, ...]


def post(stage: Stage, path: str, body: Any, **more: Any) -> Act:
    return lambda: stage.api.post(path, body, **more)


def worker(stage: Stage) -> Act:
    def act() -> None:
        run_due(stage.database, clock=stage.clock)

    return act


def refund_of_o(stage: Stage, *, total_minor: int = 5000) -> Act:
    body = {
        "id": "refunded",
        "type": "refund",
        "order_id": "o",
        "refunded_total": {"amount_minor": total_minor, "currency": "USD"},
        "occurred_at": format_rfc3339(stage.clock.now()),
    }
    return post(stage, "/v1/events", body)


# -- claims ----------------------------------------------------------------------------------------------


def a_claim(stage: Stage) -> Act:
    return post(stage, "/v1/referrals", stage.invite())


def a_refused_claim(stage: Stage) -> Act:
    """Alice invites herself; the refusal is kept."""
    return post(stage, "/v1/referrals", stage.invite() | {"referee": ALICE.document()})


def a_claim_that_meets_a_waiting_purchase(stage: Stage) -> Act:
    body = stage.invite()
    a_purchase(stage.api, order_id="o")
    return post(stage, "/v1/referrals", body)


def a_claim_that_meets_a_purchase_waiting_by_email(stage: Stage) -> Act:
    body = stage.invite()
    a_stripe_source(stage.api).told(event("checkout.session.completed", session()))
    return post(stage, "/v1/referrals", body)


# -- purchases -------------------------------------------------------------------------------------------


def a_purchase_without_a_hold(stage: Stage) -> Act:
    stage.refer()
    return post(stage, "/v1/events", purchase_body(at=stage.clock.now(), order_id="o"))


def a_purchase_with_a_hold(stage: Stage) -> Act:
    stage.refer(hold_days=14)
    return post(stage, "/v1/events", purchase_body(at=stage.clock.now(), order_id="o"))


def a_purchase_by_webhook(stage: Stage) -> Act:
    """Stripe tells of it, and knows Bob by his e-mail alone."""
    stage.refer()
    hook = a_stripe_source(stage.api)
    body = event("checkout.session.completed", session())
    return lambda: hook.send(body)


def a_purchase_that_claims(stage: Stage) -> Act:
    body = stage.invite()
    more = {"code": body["code"]}
    return post(stage, "/v1/events", purchase_body(at=stage.clock.now(), order_id="o", **more))


def a_purchase_that_takes_over(stage: Stage) -> Act:
    """An earlier purchase comes late, and ten per cent of it is less."""
    give = {"kind": "percent", "percent": "10.00"}
    stage.refer(rewards=[credit(key="share", side="referee", hold_days=14) | {"give": give}])
    early = stage.clock.now()
    stage.wait(days=2)
    a_purchase(stage.api, order_id="late", amount_minor=9000)
    return post(stage, "/v1/events", purchase_body(at=early, order_id="o", amount_minor=4000))


def a_purchase_after_its_refund(stage: Stage) -> Act:
    stage.refer()
    a_refund(stage.api, order_id="o")
    return post(stage, "/v1/events", purchase_body(at=stage.clock.now(), order_id="o"))


def a_batch(stage: Stage) -> Act:
    """Bob's purchase and Carol's; Carol was referred too."""
    claim = stage.invite()
    for person in (BOB, CAROL):
        expect(stage.api.post("/v1/referrals", claim | {"referee": person.document()}), 201)
    bodies = [purchase_body(at=stage.clock.now(), customer=person) for person in (BOB, CAROL)]
    return post(stage, "/v1/events", {"events": bodies})


# -- refunds ---------------------------------------------------------------------------------------------


def a_refund_during_the_hold(stage: Stage) -> Act:
    stage.convert(hold_days=14)
    return refund_of_o(stage)


def a_refund_after_the_release(stage: Stage) -> Act:
    stage.convert()
    return refund_of_o(stage)


def a_part_refund_after_the_release(stage: Stage) -> Act:
    stage.convert()
    return refund_of_o(stage, total_minor=1000)


def a_refund_after_it_was_spent(stage: Stage) -> Act:
    stage.convert()
    spent = {"unit": "USD", "amount": 700, "reference": "order o-9"}
    expect(stage.api.post("/v1/customers/alice/redemptions", spent), 201)
    return refund_of_o(stage)


# -- the wallet ------------------------------------------------------------------------------------------


def a_redemption(stage: Stage) -> Act:
    stage.convert()
    spent = {"unit": "USD", "amount": 700, "reference": "order o-9"}
    return post(stage, "/v1/customers/alice/redemptions", spent, idempotency_key="spend-once")


# -- the worker ------------------------------------------------------------------------------------------


def a_release_by_the_worker(stage: Stage) -> Act:
    stage.convert(hold_days=14)
    stage.wait(days=14)
    return worker(stage)


def a_match_by_the_worker(stage: Stage) -> Act:
    """Bob's purchase waits for his e-mail, which the app tells later."""
    body = stage.invite()
    expect(stage.api.post("/v1/referrals", body | {"referee": {"customer_id": BOB.customer_id}}), 201)
    a_stripe_source(stage.api).told(event("checkout.session.completed", session()))
    a_customer(stage.api, BOB)
    return worker(stage)


def an_expiry_by_the_worker(stage: Stage) -> Act:
    stage.refer()
    stage.wait(days=91)
    return worker(stage)


def notifications_placed(stage: Stage) -> Act:
    stage.convert()

    def act() -> None:
        stage.database.transact(partial(place_notifications, app_id=stage.app_id))

    return act


def a_whole_turn_of_the_worker(stage: Stage) -> Act:
    stage.convert(hold_days=14)
    stage.wait(days=14)

    def act() -> None:
        stage.work()

    return act


# -- how each must end -----------------------------------------------------------------------------------

CLAIMED = "bob is pending"
CONVERTED = "bob is converted"
NOTHING_LEFT = "alice has 0+0 USD, bob has 0+0 USD, bob is reversed refunded"
HELD = f"alice has 0+1000 USD, alice pending 1000-0, bob has 0+500 USD, {CONVERTED}, bob pending 500-0"
REWARDED = f"alice available 1000-0, alice has 1000+0 USD, bob available 500-0, bob has 500+0 USD, {CONVERTED}"
BOTH_REWARDED = (
    "alice available 1000-0, alice available 1000-0, alice has 2000+0 USD, bob available 500-0, bob has 500+0 USD, "
    f"{CONVERTED}, carol available 500-0, carol is converted"
)
SPENT = f"alice available 1000-0, alice has 300+0 USD, bob available 500-0, bob has 500+0 USD, {CONVERTED}"
PARTLY_REFUNDED = (
    f"alice available 1000-200, alice has 800+0 USD, bob available 500-100, bob has 400+0 USD, {CONVERTED}"
)
VOIDED = f"alice voided 1000-1000, bob voided 500-500, {NOTHING_LEFT}"
CLAWED_BACK = f"alice clawed_back 1000-1000, bob clawed_back 500-500, {NOTHING_LEFT}"
IN_DEBT = (
    "alice clawed_back 1000-1000, alice has -700+0 USD, bob clawed_back 500-500, bob has 0+0 USD, "
    "bob is reversed refunded"
)

SCENARIOS = {
    scene.__name__: Scenario(scene, tuple(ending.split(", ")))
    for scene, ending in (
        (a_claim, CLAIMED),
        (a_refused_claim, "alice is rejected self_referral"),
        (a_claim_that_meets_a_waiting_purchase, REWARDED),
        (a_claim_that_meets_a_purchase_waiting_by_email, REWARDED),
        (a_purchase_without_a_hold, REWARDED),
        (a_purchase_with_a_hold, HELD),
        (a_purchase_by_webhook, REWARDED),
        (a_purchase_that_claims, REWARDED),
        (a_purchase_that_takes_over, f"bob has 0+400 USD, {CONVERTED}, bob pending 400-0"),
        (a_purchase_after_its_refund, VOIDED),
        (a_batch, BOTH_REWARDED),
        (a_refund_during_the_hold, VOIDED),
        (a_refund_after_the_release, CLAWED_BACK),
        (a_part_refund_after_the_release, PARTLY_REFUNDED),
        (a_refund_after_it_was_spent, IN_DEBT),
        (a_redemption, SPENT),
        (a_release_by_the_worker, REWARDED),
        (a_match_by_the_worker, REWARDED),
        (an_expiry_by_the_worker, "bob is expired deadline_passed"),
        (notifications_placed, REWARDED),
        (a_whole_turn_of_the_worker, REWARDED),
    )
}
