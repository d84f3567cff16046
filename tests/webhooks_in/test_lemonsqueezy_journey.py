"""Payments as Lemon Squeezy announces them, over HTTP, to their facts; twice, in any order and replayed."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from sqlalchemy import text
from webhooks_in import lemonsqueezy_bodies as bodies
from webhooks_in.lemonsqueezy_bodies import LemonHook, a_lemon_source

from builders import Api, a_claim, a_code, a_customer, a_program, expect, items
from cast import BOB
from referral_service.kit.db.engines import Database

BOBS = {"referral_customer_id": "bob"}


@pytest.fixture
def referred(api: Api) -> LemonHook:
    """Bob is referred by Alice; his first purchase will reward both."""
    a_claim(api, a_code(api, a_program(api)))
    return a_lemon_source(api)


def paid(**more: Any) -> dict[str, Any]:
    return bodies.event("order_created", bodies.order(**more), custom_data=BOBS)


def refunded(amount: int) -> dict[str, Any]:
    return bodies.event("order_refunded", bodies.refunded_order(amount))


def reversed_minor(api: Api) -> dict[str, int]:
    return {row["key"]: row["reversed"]["amount_minor"] for row in items(api, "/v1/rewards")}


def books(api: Api) -> list[Any]:
    return [items(api, "/v1/rewards"), items(api, "/v1/referrals"), balances(api)]


def balances(api: Api) -> list[Any]:
    found: list[Any] = expect(api.get("/v1/customers/alice/balances"), 200)["items"]
    return found


def test_an_order_rewards_both_sides_once_however_often_it_is_told(referred: LemonHook) -> None:
    first = referred.told(paid())
    assert (first["outcome"], len(first["reward_ids"])) == ("converted", 2)
    before = books(referred.api)
    assert referred.told(paid()) == {**first, "duplicate": True}
    assert referred.told(paid(updated_at="2026-03-01T13:00:00.000000Z")) == {**first, "duplicate": True}
    assert books(referred.api) == before
    assert len(items(referred.api, "/v1/inbound-events")) == 1


def test_replaying_everything_changes_nothing(referred: LemonHook) -> None:
    answers = [referred.told(body) for body in (paid(), refunded(2500), refunded(5000))]
    before = books(referred.api)
    rows = items(referred.api, "/v1/inbound-events")
    assert len(rows) == 3
    for row, answer in zip(sorted(rows, key=lambda row: str(row["id"])), answers, strict=True):
        again = expect(referred.api.post(f"/v1/inbound-events/{row['id']}/replay"), 200)
        assert again == {**answer, "duplicate": True}
    assert books(referred.api) == before


def test_refunds_that_add_up_reverse_in_proportion_and_once(referred: LemonHook) -> None:
    referred.told(paid())
    assert referred.told(refunded(2500))["duplicate"] is False
    assert referred.told(refunded(2500))["duplicate"] is True
    assert reversed_minor(referred.api) == {"referrer_credit": 500, "referee_credit": 250}
    assert referred.told(refunded(5000))["outcome"] == "reversed"
    assert reversed_minor(referred.api) == {"referrer_credit": 1000, "referee_credit": 500}


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_whatever_order_they_come_in_a_refunded_order_leaves_no_reward(
    referred: LemonHook, order: tuple[int, ...]
) -> None:
    messages = [paid(), refunded(2500), refunded(5000)]
    for index in order:
        referred.told(messages[index])
    assert {row["state"] for row in items(referred.api, "/v1/rewards")} <= {"voided", "clawed_back"}
    assert {row["available"] for row in balances(referred.api)} <= {0}


def test_the_first_payment_of_a_subscription_is_one_purchase_and_its_renewal_another(
    referred: LemonHook, database: Database
) -> None:
    first = bodies.invoice(invoice_id="1618033", billing_reason="initial", total=5000)
    assert referred.told(bodies.event("subscription_payment_success", first, custom_data=BOBS))["outcome"] == "ignored"
    assert referred.told(paid())["outcome"] == "converted"
    # By chance it has the number of the order.
    renewal = bodies.event("subscription_payment_success", bodies.invoice(), custom_data=BOBS)
    assert referred.told(renewal)["duplicate"] is False
    assert _purchases(database) == 2
    undone = bodies.invoice(status="refunded", refunded=True)
    referred.told(bodies.event("subscription_payment_refunded", undone))
    # The refund of the renewal leaves the order alone.
    assert reversed_minor(referred.api) == {"referrer_credit": 0, "referee_credit": 0}


def test_an_order_that_carries_a_code_claims_and_converts(api: Api) -> None:
    code = a_code(api, a_program(api))
    custom = {"referral_customer_id": "bob", "referral_code": code["code"]}
    answer = a_lemon_source(api).told(bodies.event("order_created", bodies.order(), custom_data=custom))
    assert answer["outcome"] == "converted"


@pytest.mark.parametrize("known_by", ["email", "customer_id"])
def test_without_custom_data_the_buyer_is_found_by_address_or_number(api: Api, known_by: str) -> None:
    code = a_code(api, a_program(api))
    a_customer(api, BOB)
    a_claim(api, code, referee=BOB)
    thing = bodies.order(customer_id=1) if known_by == "email" else bodies.order(user_email=None, customer_id="bob")
    assert a_lemon_source(api).told(bodies.event("order_created", thing))["outcome"] == "converted"


def test_a_test_order_never_touches_a_live_app_nor_a_live_one_a_test_app(api: Api, trial_api: Api) -> None:
    a_claim(api, a_code(api, a_program(api)))
    answer = a_lemon_source(api).told(
        bodies.event("order_created", bodies.order(test_mode=True), custom_data=BOBS, test_mode=True)
    )
    assert (answer["outcome"], answer["reason"]) == ("parked", "test_mode")
    assert items(api, "/v1/rewards") == []
    answer = a_lemon_source(trial_api).told(paid())
    assert (answer["outcome"], answer["reason"]) == ("parked", "live_mode")


@pytest.mark.parametrize(
    "raw", [b"", b"not JSON", b"[1]", b'{"meta": NaN}', b"[" * 100_000, b'{"meta": {}, "data": 7}']
)
def test_a_genuine_body_that_cannot_be_read_is_parked(api: Api, raw: bytes) -> None:
    hook = a_lemon_source(api)
    answer = hook.told(raw)
    assert (answer["outcome"], answer["reason"]) == ("parked", "malformed_body")
    assert hook.told(raw) == {**answer, "duplicate": True}


def _purchases(database: Database) -> int:
    with database.read_engine.connect() as connection:
        standing = text("SELECT COUNT(*) FROM purchases WHERE merged_into IS NULL AND confirmed_at IS NOT NULL")
        return int(connection.execute(standing).scalar_one())
