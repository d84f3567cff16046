"""What arrived, and what became of it, as it stands now."""

from __future__ import annotations

from typing import Any

import pytest
from webhooks_in import stripe_bodies as bodies
from webhooks_in.hooks import a_standard_source, a_stripe_source

from builders import Api, a_claim, a_code, a_program, expect, items, purchase_body


@pytest.fixture
def arrived(api: Api) -> dict[str, Any]:
    """One message of each state: processed, parked before and after it became an event, ignored."""
    standard, stripe = a_standard_source(api), a_stripe_source(api)
    a_claim(api, a_code(api, a_program(api)))
    standard.told(purchase_body(at=api.now()), message_id="msg_processed")
    carols = bodies.session(metadata={"referral_customer_id": "carol"})
    stripe.told(bodies.event("checkout.session.completed", carols, event_id="evt_no_referral"))
    stripe.told(
        bodies.event("checkout.session.completed", bodies.session(payment_status="unpaid"), event_id="evt_unpaid")
    )
    stripe.told(bodies.event("customer.created", {}, event_id="evt_ignored"))
    return {"standard": standard.source["id"], "stripe": stripe.source["id"]}


def names(api: Api, **filters: Any) -> list[str]:
    return [row["external_id"] for row in items(api, "/v1/inbound-events", **filters)]


def test_the_newest_comes_first_with_all_that_is_known(api: Api, arrived: dict[str, Any]) -> None:
    rows = items(api, "/v1/inbound-events")
    assert [(row["external_id"], row["state"], row["reason"], row["type"]) for row in rows] == [
        ("evt_ignored", "ignored", "not_relevant", ""),
        ("evt_unpaid", "parked", "unpaid", "purchase"),
        ("evt_no_referral", "parked", "no_referral", "purchase"),
        ("msg_processed", "processed", None, "purchase"),
    ]
    newest = rows[0]
    assert newest["id"].startswith("inb_")
    assert (newest["source_id"], newest["provider"]) == (arrived["stripe"], "stripe")
    assert (newest["provider_type"], newest["received_at"]) == ("customer.created", "2026-03-01T12:00:00Z")


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({"state": "processed"}, ["msg_processed"]),
        ({"state": "parked"}, ["evt_unpaid", "evt_no_referral"]),
        ({"state": "ignored"}, ["evt_ignored"]),
        ({"reason": "unpaid"}, ["evt_unpaid"]),
        ({"reason": "no_referral", "state": "parked"}, ["evt_no_referral"]),
        ({"reason": "no_referral", "state": "processed"}, []),
    ],
)
@pytest.mark.usefixtures("arrived")
def test_filters_leave_what_was_asked_for(api: Api, filters: dict[str, str], found: list[str]) -> None:
    assert names(api, **filters) == found


def test_messages_of_one_source_alone(api: Api, arrived: dict[str, Any]) -> None:
    assert names(api, source_id=arrived["standard"]) == ["msg_processed"]


@pytest.mark.usefixtures("arrived")
def test_page_after_page_nothing_is_left_out_or_shown_twice(api: Api) -> None:
    assert names(api, limit=1) == names(api)
    assert names(api, limit=1, state="parked") == ["evt_unpaid", "evt_no_referral"]


@pytest.mark.usefixtures("arrived")
def test_a_purchase_that_waited_is_shown_as_processed_once_its_referral_has_come(api: Api) -> None:
    code = items(api, "/v1/referrals")[0]
    program = {"id": code["program_id"]}
    carol = {"customer_id": "carol", "email": "carol@example.com"}
    body = {"code": a_code(api, program)["code"], "referee": carol}
    assert expect(api.post("/v1/referrals", body), 201)["state"] == "converted"
    assert names(api, state="parked") == ["evt_unpaid"]
    assert names(api, state="processed") == ["evt_no_referral", "msg_processed"]
    assert names(api, reason="no_referral") == []


@pytest.mark.parametrize("query", [{"state": "lost"}, {"limit": 0}, {"colour": "red"}, {"cursor": "x"}])
def test_what_cannot_be_asked_for_is_refused(api: Api, query: dict[str, Any]) -> None:
    assert api.get("/v1/inbound-events", **query).status_code in {400, 422}
