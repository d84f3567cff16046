"""A payment is announced by several messages, and the first of them often knows least."""

from __future__ import annotations

from webhooks_in import stripe_bodies as bodies
from webhooks_in.hooks import a_stripe_source

from builders import Api, a_claim, a_code, a_customer, a_program, items
from cast import BOB


def test_an_address_that_only_the_second_message_knows_finds_the_payer_later(api: Api) -> None:
    code = a_code(api, a_program(api))
    hook = a_stripe_source(api)
    hook.told(bodies.event("payment_intent.succeeded", bodies.payment_intent(), event_id="evt_1"))
    hook.told(bodies.event("checkout.session.completed", bodies.session(), event_id="evt_2"))
    assert a_claim(api, code, referee=BOB)["state"] == "converted"
    assert {row["state"] for row in items(api, "/v1/inbound-events")} == {"processed"}


def test_a_code_that_only_the_second_message_carries_claims_and_converts(api: Api) -> None:
    code = a_code(api, a_program(api))
    a_customer(api, BOB)
    hook = a_stripe_source(api)
    intent = bodies.payment_intent(receipt_email=BOB.email)
    session = bodies.session(metadata={"referral_code": code["code"]})
    hook.told(bodies.event("payment_intent.succeeded", intent, event_id="evt_1"))
    answer = hook.told(bodies.event("checkout.session.completed", session, event_id="evt_2"))
    assert (answer["outcome"], answer["duplicate"]) == ("converted", False)
    assert len(items(api, "/v1/rewards")) == 2


def test_a_code_that_both_messages_carry_claims_once(api: Api) -> None:
    code = a_code(api, a_program(api))
    hook = a_stripe_source(api)
    session = bodies.session(metadata={"referral_code": code["code"], "referral_customer_id": "bob"})
    first = hook.told(bodies.event("checkout.session.completed", session, event_id="evt_1"))
    again = hook.told(bodies.event("checkout.session.async_payment_succeeded", session, event_id="evt_2"))
    assert again == {**first, "id": "evt_2", "duplicate": True}
