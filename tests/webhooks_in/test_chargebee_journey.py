"""Payments as Chargebee announces them, over HTTP, to their facts; twice, in any order and replayed."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from sqlalchemy import text
from webhooks_in import chargebee_bodies as bodies
from webhooks_in.chargebee_bodies import BeeHook, a_chargebee_source, basic

from builders import Api, a_claim, a_code, a_customer, a_program, expect, items
from cast import BOB
from referral_service.kit.db.engines import Database

BOBS = {"cf_referral_customer_id": "bob"}


@pytest.fixture
def referred(api: Api) -> BeeHook:
    """Bob is referred by Alice; his first purchase will reward both."""
    a_claim(api, a_code(api, a_program(api)))
    return a_chargebee_source(api)


def paid(*, event_id: str = "ev_paid", **more: Any) -> dict[str, Any]:
    return bodies.event("payment_succeeded", bodies.payment(**more), event_id=event_id, customer=BOBS)


def refunded(number: int, amount: int, *, event_id: str | None = None) -> dict[str, Any]:
    transaction = bodies.refund(id=f"txn_r{number}", amount=amount)
    return bodies.event("payment_refunded", transaction, event_id=event_id or f"ev_r{number}")


def reversed_minor(api: Api) -> dict[str, int]:
    return {row["key"]: row["reversed"]["amount_minor"] for row in items(api, "/v1/rewards")}


def books(api: Api) -> list[Any]:
    return [items(api, "/v1/rewards"), items(api, "/v1/referrals"), balances(api)]


def balances(api: Api) -> list[Any]:
    found: list[Any] = expect(api.get("/v1/customers/alice/balances"), 200)["items"]
    return found


def test_a_payment_rewards_both_sides_once_however_often_it_is_told(referred: BeeHook) -> None:
    first = referred.told(paid())
    assert (first["outcome"], len(first["reward_ids"])) == ("converted", 2)
    before = books(referred.api)
    assert referred.told(paid()) == {**first, "duplicate": True}
    # Sent by hand once more from Chargebee's console, it may be another event of the same payment.
    assert referred.told(paid(event_id="ev_again")) == {**first, "id": "ev_again", "duplicate": True}
    assert books(referred.api) == before


def test_replaying_everything_changes_nothing(referred: BeeHook) -> None:
    answers = [referred.told(body) for body in (paid(), refunded(1, 2500), refunded(2, 2500))]
    before = books(referred.api)
    rows = items(referred.api, "/v1/inbound-events")
    assert len(rows) == 3
    for row, answer in zip(sorted(rows, key=lambda row: str(row["id"])), answers, strict=True):
        again = expect(referred.api.post(f"/v1/inbound-events/{row['id']}/replay"), 200)
        assert again == {**answer, "duplicate": True}
    assert books(referred.api) == before


def test_single_refunds_are_added_up_and_each_counts_once(referred: BeeHook) -> None:
    referred.told(paid())
    referred.told(refunded(1, 2500))
    assert referred.told(refunded(1, 2500))["duplicate"] is True
    assert referred.told(refunded(1, 2500, event_id="ev_again"))["duplicate"] is True
    assert reversed_minor(referred.api) == {"referrer_credit": 500, "referee_credit": 250}
    assert referred.told(refunded(2, 2500))["outcome"] == "reversed"
    assert reversed_minor(referred.api) == {"referrer_credit": 1000, "referee_credit": 500}


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_whatever_order_they_come_in_a_refunded_payment_leaves_no_reward(
    referred: BeeHook, order: tuple[int, ...]
) -> None:
    messages = [paid(), refunded(1, 2500), refunded(2, 2500)]
    for index in order:
        referred.told(messages[index])
    assert {row["state"] for row in items(referred.api, "/v1/rewards")} <= {"voided", "clawed_back"}
    assert {row["available"] for row in balances(referred.api)} <= {0}


def test_an_invoice_paid_in_two_parts_is_two_purchases_and_each_refund_finds_its_own(
    referred: BeeHook, database: Database
) -> None:
    for number in (1, 2):
        link = [bodies.linked(applied=5000, total=10_000)]
        referred.told(paid(event_id=f"ev_{number}", id=f"txn_{number}", linked_invoices=link))
    with database.read_engine.connect() as connection:
        standing = text("SELECT COUNT(*) FROM purchases WHERE merged_into IS NULL AND confirmed_at IS NOT NULL")
        assert connection.execute(standing).scalar_one() == 2
    second = bodies.refund(refunded_txn_id="txn_2", amount=5000)
    referred.told(bodies.event("payment_refunded", second, event_id="ev_r"))
    assert reversed_minor(referred.api) == {"referrer_credit": 0, "referee_credit": 0}
    first = bodies.refund(id="txn_r2", refunded_txn_id="txn_1", amount=5000)
    referred.told(bodies.event("payment_refunded", first, event_id="ev_r2"))
    assert {row["state"] for row in items(referred.api, "/v1/rewards")} == {"clawed_back"}


def test_a_payment_that_carries_a_code_claims_and_converts(api: Api) -> None:
    code = a_code(api, a_program(api))
    noted = {"meta_data": {"referral_customer_id": "bob", "referral_code": code["signed_code"]}}
    body = bodies.event("payment_succeeded", bodies.payment(), subscription=noted)
    assert a_chargebee_source(api).told(body)["outcome"] == "converted"


@pytest.mark.parametrize("known_by", ["email", "customer_id"])
def test_without_a_note_the_buyer_is_found_by_address_or_id(api: Api, known_by: str) -> None:
    code = a_code(api, a_program(api))
    a_customer(api, BOB)
    a_claim(api, code, referee=BOB)
    one = {"email": BOB.email} if known_by == "email" else {"id": "bob", "email": None}
    body = bodies.event("payment_succeeded", bodies.payment(customer_id=one.get("id")), customer=one)
    assert a_chargebee_source(api).told(body)["outcome"] == "converted"


def test_a_payment_by_the_test_gateway_never_touches_a_live_app(api: Api, trial_api: Api) -> None:
    a_claim(api, a_code(api, a_program(api)))
    answer = a_chargebee_source(api).told(paid(gateway="chargebee"))
    assert (answer["outcome"], answer["reason"]) == ("parked", "test_mode")
    assert items(api, "/v1/rewards") == []
    a_claim(trial_api, a_code(trial_api, a_program(trial_api)))
    assert a_chargebee_source(trial_api).told(paid(gateway="chargebee"))["outcome"] == "converted"


def test_another_apps_credentials_open_no_door(api: Api, trial_api: Api) -> None:
    hook = a_chargebee_source(api)
    other = a_chargebee_source(trial_api, secret="referrals:of-another-app-7Q2M4XTD")
    answer = hook.post(b"{}", {"Authorization": basic(other.secret)})
    assert expect(answer, 401)["code"] == "bad_signature"


def test_new_credentials_are_taken_beside_the_old_ones(referred: BeeHook) -> None:
    new = "referrals:the-new-password-K7QM3XTD"
    path = f"/v1/sources/{referred.source['id']}/rotate-secret"
    assert "secret" not in expect(referred.api.post(path, {"secret": new}), 200)
    assert referred.told(paid())["outcome"] == "converted"
    assert BeeHook(referred.api, referred.source, new).told(paid())["duplicate"] is True


@pytest.mark.parametrize("raw", [b"", b"not JSON", b"[1]", b'{"id": NaN}', b"[" * 100_000, b'{"id": 7}'])
def test_a_body_that_cannot_be_read_is_parked(api: Api, raw: bytes) -> None:
    hook = a_chargebee_source(api)
    answer = hook.told(raw)
    assert (answer["outcome"], answer["reason"]) == ("parked", "malformed_body")
    assert hook.told(raw) == {**answer, "duplicate": True}
