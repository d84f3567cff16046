"""Why something happened is told as it is: in the books, in notifications, in what became of an event."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text
from webhooks_in import stripe_bodies as bodies
from webhooks_in.hooks import a_standard_source, a_stripe_source

from builders import (
    Api,
    a_claim,
    a_code,
    a_customer,
    a_program,
    a_purchase,
    a_refund,
    both_sides,
    expect,
    items,
    purchase_body,
)
from cast import ALICE, BOB
from referral_service.kit.clock import format_rfc3339
from referral_service.kit.db.engines import Database
from referral_service.notifications.place import place_notifications
from referral_service.tenants.open_app import OpenedApp


def a_dispute(api: Api, status: str) -> Any:
    body = {"id": f"d-{status}", "type": "dispute", "order_id": "o-1", "status": status}
    return expect(api.post("/v1/events", {**body, "occurred_at": format_rfc3339(api.now())}), 201)


def refund_body(api: Api, *, refunded_total_minor: int, event_id: str) -> dict[str, Any]:
    return {
        "id": event_id,
        "type": "refund",
        "order_id": "o-1",
        "refunded_total": {"amount_minor": refunded_total_minor, "currency": "USD"},
        "occurred_at": format_rfc3339(api.now()),
    }


def rows(database: Database, query: str, **parameters: str) -> list[tuple[Any, ...]]:
    return database.read(lambda session: [tuple(row) for row in session.execute(text(query), parameters)])


def what_became(database: Database, event_id: str) -> list[tuple[Any, ...]]:
    """An event's own outcome and reason as they stand now, and then those of its results."""
    own = "SELECT outcome, reason FROM events WHERE external_id = :event_id"
    results = (
        "SELECT r.outcome, r.reason FROM event_results r JOIN events e ON e.app_id = r.app_id AND e.id = r.event_id "
        "WHERE e.external_id = :event_id"
    )
    return rows(database, own, event_id=event_id) + rows(database, results, event_id=event_id)


def booked(database: Database, kind: str) -> set[str | None]:
    """The reasons of the ledger's transactions of one kind."""
    return {row[0] for row in rows(database, "SELECT reason FROM ledger_txns WHERE kind = :kind", kind=kind)}


def told(api: Api, database: Database, tenant: OpenedApp, kind: str) -> list[str | None]:
    """The reasons that notifications of one type have told so far, in order."""
    database.transact(lambda session: place_notifications(session, app_id=tenant.tenant.app_id))
    return [one["data"]["reason"] for one in items(api, "/v1/notifications") if one["type"] == kind]


def referral_reasons(api: Api) -> list[tuple[str, str | None]]:
    return [(row["state"], row["reason"]) for row in items(api, "/v1/referrals")]


def test_a_partial_claw_back_is_booked_and_told_as_partly_refunded(
    api: Api, database: Database, tenant: OpenedApp
) -> None:
    a_claim(api, a_code(api, a_program(api)))
    a_purchase(api, order_id="o-1")
    before = told(api, database, tenant, "balance.changed")
    answer = a_refund(api, order_id="o-1", refunded_total_minor=1000)
    assert (answer["outcome"], answer["reason"]) == ("reversed", "partly_refunded")
    assert booked(database, "claw_back") == {"partly_refunded"}
    assert told(api, database, tenant, "balance.changed")[len(before) :] == ["partly_refunded"] * 2


def test_a_partial_void_of_what_is_held_is_booked_as_partly_refunded(api: Api, database: Database) -> None:
    a_claim(api, a_code(api, a_program(api, rewards=both_sides(hold_days=14))))
    a_purchase(api, order_id="o-1")
    a_refund(api, order_id="o-1", refunded_total_minor=1000)
    assert booked(database, "void") == {"partly_refunded"}


@pytest.mark.parametrize("hold_days", [0, 14])
def test_a_reward_that_comes_back_with_a_won_dispute_says_so_though_part_of_it_stays_refunded(
    api: Api, database: Database, tenant: OpenedApp, hold_days: int
) -> None:
    a_claim(api, a_code(api, a_program(api, rewards=both_sides(hold_days=hold_days))))
    a_purchase(api, order_id="o-1")
    a_refund(api, order_id="o-1", refunded_total_minor=1000)
    a_dispute(api, "opened")
    answer = a_dispute(api, "won")
    assert (answer["outcome"], answer["reason"]) == ("converted", "dispute_won")
    assert told(api, database, tenant, "reward.restored") == ["dispute_won"] * 2
    assert booked(database, "restore") == {"dispute_won"}
    kept = {row["side"]: row["reversed"]["amount_minor"] for row in items(api, "/v1/rewards")}
    assert kept == {"referrer": 200, "referee": 100}


def test_an_unrelated_purchase_leaves_a_won_disputes_reason_as_it_is(
    api: Api, database: Database, tenant: OpenedApp
) -> None:
    a_claim(api, a_code(api, a_program(api)))
    a_purchase(api, order_id="o-1")
    a_dispute(api, "opened")
    a_dispute(api, "won")
    rewards = [(row["state"], row["reason"]) for row in items(api, "/v1/rewards")]
    assert referral_reasons(api) == [("converted", "dispute_won")]
    assert a_purchase(api, order_id="o-2")["outcome"] == "recorded"
    assert referral_reasons(api) == [("converted", "dispute_won")]
    assert [(row["state"], row["reason"]) for row in items(api, "/v1/rewards")] == rewards
    assert told(api, database, tenant, "referral.converted") == [None, "dispute_won"]


def test_a_partial_refund_that_waited_for_its_purchase_is_told_as_partly_refunded(api: Api, database: Database) -> None:
    a_claim(api, a_code(api, a_program(api)))
    hook = a_standard_source(api)
    first = hook.told(refund_body(api, refunded_total_minor=1000, event_id="e-refund"), message_id="msg_refund")
    assert (first["outcome"], first["reason"]) == ("parked", "no_purchase")
    hook.told(purchase_body(at=api.now(), order_id="o-1", event_id="e-purchase"), message_id="msg_purchase")
    standing = {row["external_id"]: (row["state"], row["reason"]) for row in items(api, "/v1/inbound-events")}
    assert standing == {"msg_refund": ("processed", "partly_refunded"), "msg_purchase": ("processed", None)}
    refund = rows(database, "SELECT external_id FROM events WHERE type = 'refund'")[0][0]
    assert what_became(database, refund) == [("reversed", "partly_refunded")] * 2


def test_a_partial_refund_that_waited_for_a_claim_is_told_as_partly_refunded(api: Api, database: Database) -> None:
    code = a_code(api, a_program(api))
    a_purchase(api, order_id="o-1")
    a_refund(api, order_id="o-1", refunded_total_minor=1000, event_id="e-refund")
    assert what_became(database, "e-refund") == [("parked", "no_referral")]
    assert a_claim(api, code)["state"] == "converted"
    assert what_became(database, "e-refund") == [("reversed", "partly_refunded")] * 2


def test_a_purchase_parked_for_its_bad_code_shows_converted_after_a_good_claim(api: Api, database: Database) -> None:
    code = a_code(api, a_program(api))
    body = purchase_body(at=api.now(), event_id="e-purchase", order_id="o-1", code="ZZZZZZZZ")
    first = expect(api.post("/v1/events", body), 201)
    assert (first["outcome"], first["reason"]) == ("parked", "code_not_found")
    assert a_claim(api, code)["state"] == "converted"
    assert what_became(database, "e-purchase") == [("converted", None)] * 2
    # Whoever asks again is told what he was told.
    assert expect(api.post("/v1/events", body), 200) == {**first, "duplicate": True}


def test_a_claim_that_sends_the_referrers_address_is_a_self_referral(api: Api) -> None:
    a_customer(api, ALICE)
    a_customer(api, BOB)
    code = a_code(api, a_program(api))
    body = {"code": code["code"], "referee": {"customer_id": BOB.customer_id, "email": ALICE.email}}
    assert expect(api.post("/v1/referrals", body), 409)["code"] == "self_referral"
    a_purchase(api, customer=BOB)
    assert items(api, "/v1/rewards") == []
    assert expect(api.get(f"/v1/customers/{BOB.customer_id}"), 200)["email"] == BOB.email


@pytest.mark.parametrize("has_address_on_file", [False, True])
def test_a_purchase_paid_under_the_referrers_address_does_not_convert_by_her_code(
    api: Api, has_address_on_file: bool
) -> None:
    a_customer(api, ALICE)
    if has_address_on_file:
        a_customer(api, BOB)
    code = a_code(api, a_program(api))
    paid = bodies.session(
        customer_details={"email": ALICE.email},
        metadata={"referral_code": code["code"], "referral_customer_id": BOB.customer_id},
    )
    answer = a_stripe_source(api).told(bodies.event("checkout.session.completed", paid))
    assert (answer["outcome"], answer["reason"]) == ("parked", "self_referral")
    assert {row["state"] for row in items(api, "/v1/referrals")} <= {"rejected"}
    assert items(api, "/v1/rewards") == []
