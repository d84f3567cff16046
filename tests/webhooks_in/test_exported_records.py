"""What an exported record stands for: the messages that webhooks would have told, under names that stay."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from webhooks_in import chargebee_bodies, lemonsqueezy_bodies, paddle_bodies, shop_bodies, stripe_bodies

from cast import NOON
from referral_service.events.given import GivenEvent
from referral_service.kit import strict_json
from referral_service.webhooks_in.providers.exports.exported import UnknownRecord
from referral_service.webhooks_in.providers.provider import Ignored, Parked, Several
from referral_service.webhooks_in.providers.registry import PROVIDERS
from referral_service.webhooks_in.read_message import Message, read_body, read_message

CREATED = int(NOON.timestamp())
LIVE = {"livemode": True, "created": CREATED}


def messages(provider: str, record: dict[str, Any], *, is_test: bool = False) -> list[Message]:
    """What the record's messages mean."""
    reader = PROVIDERS[provider]
    found = []
    for exported in reader.exported(record):
        how: dict[str, Any] = {
            "external_id": exported.external_id,
            "provider_type": exported.provider_type,
            "is_test": is_test,
            "now": NOON,
        }
        raw = strict_json.dumps(exported.body)
        message = read_body(reader, exported.body, raw=raw, **how)
        # It is kept as a webhook's body is, and read again by a replay.
        assert read_message(reader, raw, **how) == message
        found.append(message)
    assert len({message.external_id for message in found}) == len(found)
    return found


def facts(provider: str, record: dict[str, Any]) -> list[tuple[str, int]]:
    """The kind and the amount of each fact, in order."""
    told: list[GivenEvent] = []
    for message in messages(provider, record):
        said = message.translation
        assert not isinstance(said, Ignored | Parked), said
        told += said.events if isinstance(said, Several) else [said]
    return [
        (
            event.type,
            event.amount.amount_minor if event.amount else event.refund.amount.amount_minor if event.refund else 0,
        )
        for event in told
    ]


def only(provider: str, record: dict[str, Any]) -> GivenEvent:
    (message,) = messages(provider, record)
    assert isinstance(message.translation, GivenEvent), message.translation
    return message.translation


# --- what the provider's own list of events holds is the webhook itself ------------------------------------------


@pytest.mark.parametrize(
    ("provider", "record", "name"),
    [
        ("stripe", stripe_bodies.event("payment_intent.succeeded", stripe_bodies.payment_intent()), "evt_1"),
        ("paddle", paddle_bodies.paid(), "evt_paid"),
        ("chargebee", chargebee_bodies.event("payment_succeeded", chargebee_bodies.payment()), "ev_1"),
        ("lemonsqueezy", lemonsqueezy_bodies.event("order_created", lemonsqueezy_bodies.order()),
         "order_created:2718281:paid:0"),
    ],
)  # fmt: skip
def test_an_event_is_the_webhook_and_has_its_name(provider: str, record: dict[str, Any], name: str) -> None:
    webhook = read_message(PROVIDERS[provider], json.dumps(record).encode(), external_id=None, is_test=False, now=NOON)
    assert messages(provider, record) == [webhook]
    assert webhook.external_id == name


def test_an_event_of_chargebees_list_stands_in_an_entry() -> None:
    event = chargebee_bodies.event("payment_succeeded", chargebee_bodies.payment())
    assert messages("chargebee", {"event": event}) == messages("chargebee", event)


def test_an_order_of_woocommerce_has_the_name_that_its_webhook_has() -> None:
    order = shop_bodies.woo_order(refunds=[{"id": 1, "total": "-10.00"}])
    (message,) = messages("woocommerce", order)
    webhook = read_message(
        PROVIDERS["woocommerce"],
        json.dumps(order).encode(),
        external_id=None,
        provider_type="order.updated",
        is_test=False,
        now=NOON,
    )
    assert message == webhook
    assert facts("woocommerce", order) == [("purchase", 5000), ("refund", 1000)]


def test_an_event_of_the_apps_own_is_named_by_its_id_or_by_all_that_it_says() -> None:
    event = {"type": "signup", "customer_id": "bob", "occurred_at": "2026-03-01T12:00:00Z"}
    assert only("standard", {**event, "id": "e-1"}).external_id == "e-1"
    nameless = only("standard", event).external_id
    assert nameless == only("standard", dict(reversed(event.items()))).external_id
    assert only("standard", {**event, "customer_id": "carol"}).external_id != nameless


# --- Stripe ------------------------------------------------------------------------------------------------------


def test_stripes_objects_mean_what_their_events_mean() -> None:
    session = stripe_bodies.session(status="complete", metadata={"referral_customer_id": "bob"}, **LIVE)
    bought = only("stripe", session)
    assert (bought.type, bought.customer_id, bought.occurred_at) == ("purchase", "bob", NOON)
    assert bought.aliases == ("pi_1", "cs_1")
    assert only("stripe", stripe_bodies.payment_intent(**LIVE)).aliases == ("pi_1", "ch_1")
    paid_at = CREATED - 60
    paid = only("stripe", stripe_bodies.invoice(**LIVE, status_transitions={"paid_at": paid_at}))
    assert paid.occurred_at == datetime.fromtimestamp(paid_at, UTC)


def test_a_charge_is_its_payment_and_what_was_refunded_of_it() -> None:
    charge = stripe_bodies.charge(
        **LIVE, status="succeeded", captured=True, amount_captured=5000, metadata={"referral_customer_id": "bob"},
        billing_details={"email": "bob@example.com"},
    )  # fmt: skip
    assert facts("stripe", charge) == [("purchase", 5000), ("refund", 2500)]
    paid, back = messages("stripe", charge)
    assert isinstance(paid.translation, GivenEvent)
    assert (paid.translation.aliases, paid.translation.customer_id) == (("pi_1", "ch_1"), "bob")
    assert paid.translation.email == "bob@example.com"
    more = messages("stripe", {**charge, "amount_refunded": 3000})
    assert more[0].external_id == paid.external_id
    assert more[1].external_id != back.external_id


def test_a_charge_of_its_own_is_known_by_its_own_id() -> None:
    alone = stripe_bodies.charge(**LIVE, status="succeeded", payment_intent=None, amount_refunded=0)
    assert only("stripe", alone).aliases == ("ch_1",)


def test_a_dispute_is_told_by_its_charge_or_alone() -> None:
    lost = stripe_bodies.dispute(**LIVE, status="lost")
    charge = stripe_bodies.charge(**LIVE, status="succeeded", amount_refunded=0, dispute=lost)
    assert [kind for kind, _ in facts("stripe", charge)] == ["purchase", "dispute"]
    told = only("stripe", lost)
    assert told.dispute is not None
    assert told.dispute.status == "lost"


@pytest.mark.parametrize(
    "record",
    [
        stripe_bodies.session(**LIVE, status="open", payment_status="unpaid"),
        stripe_bodies.payment_intent(**LIVE, status="requires_payment_method"),
        stripe_bodies.invoice(**LIVE, status="open"),
        stripe_bodies.charge(**LIVE, status="failed"),
        stripe_bodies.charge(**LIVE, status="succeeded", captured=False),
    ],
)
def test_what_stripe_was_not_paid_is_no_message(record: dict[str, Any]) -> None:
    assert messages("stripe", record) == []


def test_a_test_payment_of_stripe_stays_parked_in_a_live_app() -> None:
    (message,) = messages("stripe", stripe_bodies.payment_intent(created=CREATED, livemode=False))
    assert message.translation == Parked("test_mode", "purchase")
    (message,) = messages("stripe", stripe_bodies.payment_intent(**LIVE), is_test=True)
    assert message.translation == Parked("live_mode", "purchase")


# --- Paddle, Lemon Squeezy, Chargebee ------------------------------------------------------------------------------


def test_a_transaction_of_paddle_tells_its_adjustments() -> None:
    waits = paddle_bodies.adjustment(id="adj_2", status="pending_approval", updated_at="2026-03-01T12:00:00Z")
    back = paddle_bodies.adjustment(updated_at="2026-03-01T12:00:00Z")
    whole = paddle_bodies.transaction(adjustments=[back])
    assert facts("paddle", whole) == [("purchase", 5000), ("refund", 2500)]
    *_, told = messages("paddle", {**whole, "adjustments": [back, waits]})
    assert told.translation == Ignored("not_approved")
    assert messages("paddle", back) == messages("paddle", whole)[1:]
    assert messages("paddle", paddle_bodies.transaction(status="billed")) == []


def test_an_invoice_at_paddle_was_paid_when_the_money_was_captured() -> None:
    payments = [{"status": "error"}, {"status": "captured", "captured_at": "2026-02-28T08:00:00Z"}]
    paid = only("paddle", paddle_bodies.transaction(collection_mode="manual", payments=payments))
    assert paid.occurred_at == datetime(2026, 2, 28, 8, tzinfo=UTC)


def test_a_refunded_order_of_lemon_squeezy_was_paid_first() -> None:
    order = lemonsqueezy_bodies.refunded_order(2500)
    assert facts("lemonsqueezy", order) == [("purchase", 5000), ("refund", 2500)]
    webhooks = [
        lemonsqueezy_bodies.event("order_created", lemonsqueezy_bodies.order()),
        lemonsqueezy_bodies.event("order_refunded", order),
    ]
    names = [PROVIDERS["lemonsqueezy"].labels(body).external_id for body in webhooks]
    assert [message.external_id for message in messages("lemonsqueezy", order)] == names


def test_a_refunded_invoice_of_lemon_squeezy_was_paid_when_it_was_made() -> None:
    invoice = lemonsqueezy_bodies.invoice(
        status="refunded", refunded=True, refunded_amount=2000, refunded_at="2026-03-01T12:00:00Z"
    )
    assert facts("lemonsqueezy", invoice) == [("purchase", 2000), ("refund", 2000)]
    paid = messages("lemonsqueezy", invoice)[0].translation
    assert isinstance(paid, GivenEvent)
    assert paid.occurred_at == datetime(2026, 2, 28, 12, tzinfo=UTC)


def test_transactions_of_chargebee_are_payments_and_refunds() -> None:
    customer = {"id": "cb_bob", "email": "bob@example.com", "cf_referral_customer_id": "bob"}
    paid = only("chargebee", {"transaction": chargebee_bodies.payment(), "customer": customer})
    assert (paid.aliases, paid.customer_id, paid.email) == (("txn_1", "inv_1"), "bob", "bob@example.com")
    assert facts("chargebee", chargebee_bodies.refund()) == [("refund", 2500)]
    assert messages("chargebee", chargebee_bodies.payment(status="failure")) == []
    assert messages("chargebee", chargebee_bodies.payment(type="authorization")) == []
    (tried,) = messages("chargebee", chargebee_bodies.payment(gateway="chargebee"))
    assert tried.translation == Parked("test_mode", "purchase")


# --- Shopify -----------------------------------------------------------------------------------------------------


def test_an_order_of_shopify_stands_for_its_payment_and_each_refund() -> None:
    refunds = [
        shop_bodies.shopify_refund(shop_bodies.shopify_transaction("10.00"), id=7),
        shop_bodies.shopify_refund(shop_bodies.shopify_transaction("5.00"), id=8),
    ]
    order = shop_bodies.shopify_order(financial_status="partially_refunded", refunds=refunds)
    # The order itself tells the sum as well, which is never added to the single refunds.
    assert facts("shopify", order) == [("purchase", 5000), ("refund", 1500), ("refund", 1000), ("refund", 500)]
    assert messages("shopify", {"order": order}) == messages("shopify", order)
    assert messages("shopify", refunds[0]) == messages("shopify", order)[1:2]


def test_an_order_that_is_cancelled_later_is_another_message() -> None:
    order = shop_bodies.shopify_order()
    cancelled = {**order, "cancelled_at": "2026-03-01T12:00:00Z"}
    assert facts("shopify", cancelled) == [("purchase", 5000), ("refund", 5000)]
    assert messages("shopify", cancelled)[0].external_id != messages("shopify", order)[0].external_id
    assert messages("shopify", {**order, "note": "changed"})[0].external_id == messages("shopify", order)[0].external_id


@pytest.mark.parametrize("status", ["pending", "authorized", "partially_paid", "voided", "expired", None, 7])
def test_an_order_that_is_not_paid_is_no_message(status: object) -> None:
    assert messages("shopify", shop_bodies.shopify_order(financial_status=status)) == []


def test_a_test_order_stays_parked_in_a_live_app() -> None:
    (message,) = messages("shopify", shop_bodies.shopify_order(test=True))
    assert message.translation == Parked("test_mode", "purchase")


# --- what is none of it ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("provider", sorted(PROVIDERS))
@pytest.mark.parametrize(
    "record",
    [
        {},
        {"id": None},
        {"id": 7, "object": ["charge"]},
        {"id": [], "object": "charge", "status": "succeeded"},
        {"object": "refund", "id": "re_1"},
        {"data": {"id": 1}},
        {"transaction": {"type": "payment", "status": "success"}},
        {"orders": [{"id": 1}]},
    ],
)
def test_anything_else_is_refused_with_a_sentence(provider: str, record: dict[str, Any]) -> None:
    with pytest.raises(UnknownRecord) as refused:
        PROVIDERS[provider].exported(record)
    assert str(refused.value).endswith(".")
