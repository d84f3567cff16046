"""What the service itself writes is in order: journeys over HTTP, examined after each step."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from builders import Api, a_claim, a_code, a_customer, a_program, a_purchase, a_refund, credit, expect
from cast import ALICE, BOB, CAROL, Person
from referral_service.doctor.run import examine
from referral_service.kit.clock import FixedClock, format_rfc3339
from referral_service.kit.db.engines import Database

# The PostgreSQL of the tests runs without fsync, which I15 rightly names.
ON_ANY_SERVER = "I15"
DAY_SECONDS = 86_400


class Shop:
    """A test app, and the doctor who looks at it after every step."""

    def __init__(self, api: Api, database: Database, clock: FixedClock) -> None:
        self.api, self.database, self.clock = api, database, clock

    def is_in_order(self) -> None:
        report = self.database.read(lambda session: examine(session, settings=None, now=self.clock.now()))
        assert [
            f"{check.invariant} {each.object_id}: {each.says}"
            for check in report.checks
            if check.invariant != ON_ANY_SERVER
            for each in check.violations
        ] == []

    def days_pass(self, days: int) -> None:
        expect(self.api.post("/v1/test-clock/advance", {"seconds": days * DAY_SECONDS}), 200)
        self.is_in_order()

    def dispute(self, order_id: str, status: str) -> None:
        body = {"type": "dispute", "order_id": order_id, "status": status, "id": f"{order_id}-{status}"}
        expect(self.api.post("/v1/events", body | {"occurred_at": format_rfc3339(self.clock.now())}), 200, 201)
        self.is_in_order()


@pytest.fixture
def shop(trial_api: Api, clock: FixedClock, database: Database) -> Shop:
    return Shop(trial_api, database, clock)


def claimed(shop: Shop, *, referee: Person = BOB, **terms: Any) -> None:
    program = a_program(shop.api, **terms)
    a_customer(shop.api, ALICE)
    a_claim(shop.api, a_code(shop.api, program), referee=referee)
    shop.is_in_order()


FIRST = {"key": "first", "event": "purchase", "min_amount_minor": 2000}
HOLD: dict[str, Any] = {"hold_days": 30}
HELD: dict[str, Any] = {
    "rewards": [credit(key="a", side="referrer", **HOLD), credit(key="b", side="referee", on_refund="keep")]
}
ALL_HELD: dict[str, Any] = {"rewards": [credit(key=side, side=side, **HOLD) for side in ("referrer", "referee")]}
MINIMUM: dict[str, Any] = {"qualification": {"steps": [FIRST]}}


@pytest.mark.parametrize("terms", [{}, HELD, ALL_HELD, ALL_HELD | MINIMUM, MINIMUM])
def test_a_journey_with_refunds_is_in_order_at_every_step(shop: Shop, terms: dict[str, Any]) -> None:
    claimed(shop, **terms)
    a_purchase(shop.api, order_id="small", amount_minor=1500)
    shop.is_in_order()
    a_purchase(shop.api, order_id="o-1", amount_minor=5000)
    shop.is_in_order()
    a_refund(shop.api, order_id="o-1", refunded_total_minor=1234)
    shop.is_in_order()
    a_refund(shop.api, order_id="small", refunded_total_minor=700)
    shop.is_in_order()
    shop.days_pass(31)
    a_refund(shop.api, order_id="o-1", refunded_total_minor=5000)
    a_refund(shop.api, order_id="small", refunded_total_minor=1500)
    shop.is_in_order()
    shop.days_pass(100)


@pytest.mark.parametrize("outcome", ["won", "lost"])
@pytest.mark.parametrize("terms", [{}, HELD, ALL_HELD])
def test_a_dispute_is_in_order_at_every_step(shop: Shop, terms: dict[str, Any], outcome: str) -> None:
    claimed(shop, **terms)
    a_purchase(shop.api, order_id="o-1")
    a_refund(shop.api, order_id="o-1", refunded_total_minor=999)
    shop.dispute("o-1", "opened")
    shop.dispute("o-1", outcome)
    shop.days_pass(31)


def test_an_earlier_purchase_that_takes_over_is_in_order(shop: Shop) -> None:
    percent = {"kind": "percent", "percent": "12.50"}
    claimed(shop, rewards=[credit(key="a", side="referrer", hold_days=30, give=percent)])
    now = shop.clock.now()
    a_purchase(shop.api, order_id="late", amount_minor=5001, at=now)
    a_refund(shop.api, order_id="late", refunded_total_minor=5001)
    shop.is_in_order()
    a_purchase(shop.api, order_id="early", amount_minor=7777, at=now - timedelta(days=1))
    shop.is_in_order()
    a_refund(shop.api, order_id="early", refunded_total_minor=100)
    shop.is_in_order()
    shop.days_pass(31)
    a_purchase(shop.api, order_id="earliest", amount_minor=100, at=now - timedelta(days=2))
    shop.is_in_order()


def test_an_old_customer_who_becomes_known_is_in_order(shop: Shop) -> None:
    claimed(shop, **ALL_HELD)
    a_purchase(shop.api, order_id="new")
    a_purchase(shop.api, order_id="old", at=shop.clock.now() - timedelta(days=40))
    shop.is_in_order()
    program = a_program(shop.api, name="Another")
    a_purchase(shop.api, order_id="old-too", customer=CAROL, at=shop.clock.now() - timedelta(days=40))
    refused = shop.api.post("/v1/referrals", {"code": a_code(shop.api, program)["code"], "referee": CAROL.document()})
    assert refused.status_code == 409
    shop.is_in_order()


def test_a_refund_before_its_purchase_and_a_purchase_before_its_claim_are_in_order(shop: Shop) -> None:
    a_refund(shop.api, order_id="o-1", refunded_total_minor=5000)
    shop.is_in_order()
    a_purchase(shop.api, order_id="o-1")
    a_purchase(shop.api, order_id="eur", currency="EUR")
    shop.is_in_order()
    claimed(shop)
    shop.days_pass(91)


def test_waiting_and_expiring_are_in_order(shop: Shop) -> None:
    claimed(shop)
    start = shop.clock.now()
    claims = shop.api.post("/v1/referrals", {"code": "7777777H", "referee": BOB.document()})
    assert claims.status_code == 404
    shop.days_pass(92)
    a_purchase(shop.api, order_id="late", at=start + timedelta(days=80))
    shop.is_in_order()
    shop.days_pass(10)
    assert shop.api.delete(f"/v1/customers/{BOB.customer_id}").status_code in {200, 204}
    shop.is_in_order()
