"""What webhooks and files tell alike counts once, whichever comes first, for every provider."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from webhooks_in import chargebee_bodies, lemonsqueezy_bodies, paddle_bodies, shop_bodies, stripe_bodies
from webhooks_in.chargebee_bodies import a_chargebee_source
from webhooks_in.hooks import Hook, a_shopify_source, a_standard_source, a_stripe_source, a_woocommerce_source
from webhooks_in.lemonsqueezy_bodies import a_lemon_source
from webhooks_in.paddle_bodies import a_paddle_source
from webhooks_in.reading_in import GRANTED, Reading, counted, referred, rewarded
from webhooks_in.tables import SHOPIFY_COLUMNS, shopify_row, table

from builders import Api, a_purchase, items
from cast import NOON
from referral_service.kit.db.engines import Database

BOBS = {"referral_customer_id": "bob"}
LIVE = {"livemode": True, "created": int(NOON.timestamp())}
HALVED = {"referrer_credit": ("available", 500), "referee_credit": ("available", 250)}


def a_woo_history(api: Api) -> tuple[Hook, list[Any], list[Callable[[Hook], Any]]]:
    paid = shop_bodies.woo_order(meta_data=shop_bodies.meta_data(**BOBS))
    back = {**paid, "refunds": [{"id": 1, "total": "-25.00"}]}
    return a_woocommerce_source(api), [back], [lambda hook: hook.told(paid), lambda hook: hook.told(back)]


def a_shopify_history(api: Api) -> tuple[Hook, list[Any], list[Callable[[Hook], Any]]]:
    refund = shop_bodies.shopify_refund(shop_bodies.shopify_transaction())
    paid = shop_bodies.shopify_order(note_attributes=shop_bodies.note_attributes(**BOBS))
    back = {**paid, "financial_status": "partially_refunded", "refunds": [refund], "current_total_price": "25.00"}
    return (
        a_shopify_source(api),
        [back],
        [lambda hook: hook.told(paid), lambda hook: hook.told(refund, topic="refunds/create")],
    )


def a_stripe_history(api: Api) -> tuple[Hook, list[Any], list[Callable[[Hook], Any]]]:
    session = stripe_bodies.session(metadata=BOBS, **LIVE)
    charge = stripe_bodies.charge(**LIVE, status="succeeded", captured=True)
    sent = [
        stripe_bodies.event("checkout.session.completed", session, event_id="evt_paid"),
        stripe_bodies.event("charge.refunded", charge, event_id="evt_back"),
    ]
    return a_stripe_source(api), [session, charge], [lambda hook, body=body: hook.told(body) for body in sent]  # type: ignore[misc]


def a_paddle_history(api: Api) -> tuple[Hook, list[Any], list[Callable[[Hook], Any]]]:
    back = paddle_bodies.adjustment(updated_at="2026-03-01T12:00:00Z")
    sent = [paddle_bodies.paid(custom_data=BOBS), paddle_bodies.adjusted("evt_back")]
    exported = paddle_bodies.transaction(custom_data=BOBS, adjustments=[back])
    return a_paddle_source(api), [exported], [lambda hook, body=body: hook.told(body) for body in sent]  # type: ignore[misc]


def a_lemon_history(api: Api) -> tuple[Hook, list[Any], list[Callable[[Hook], Any]]]:
    back = lemonsqueezy_bodies.refunded_order(2500)
    sent = [
        lemonsqueezy_bodies.event("order_created", lemonsqueezy_bodies.order(), custom_data=BOBS),
        lemonsqueezy_bodies.event("order_refunded", back),
    ]
    # Its API does not give custom data: Bob is found by his address.
    return a_lemon_source(api), [back], [lambda hook, body=body: hook.told(body) for body in sent]  # type: ignore[misc]


def a_chargebee_history(api: Api) -> tuple[Hook, list[Any], list[Callable[[Hook], Any]]]:
    payment, refund = chargebee_bodies.payment(), chargebee_bodies.refund()
    bob = {"id": "cb_bob", "email": "bob@example.com", "meta_data": BOBS}
    sent = [
        chargebee_bodies.event("payment_succeeded", payment, customer=bob),
        chargebee_bodies.event("payment_refunded", refund, event_id="ev_2"),
    ]
    exported = [{"transaction": payment, "customer": bob}, {"transaction": refund}]
    return a_chargebee_source(api), exported, [lambda hook, body=body: hook.told(body) for body in sent]  # type: ignore[misc]


HISTORIES = pytest.mark.parametrize(
    "history",
    [a_woo_history, a_shopify_history, a_stripe_history, a_paddle_history, a_lemon_history, a_chargebee_history],
)


@HISTORIES
def test_what_webhooks_told_a_file_tells_without_effect(api: Api, reading: Reading, history: Any) -> None:
    referred(api)
    hook, records, sent = history(api)
    for send in sent:
        send(hook)
    assert rewarded(api) == HALVED
    before = items(api, "/v1/rewards"), items(api, "/v1/referrals")
    tally = reading.read(hook.source["id"], records)
    assert (tally.is_whole, tally.outcomes["converted"]) == (True, 0)
    assert (items(api, "/v1/rewards"), items(api, "/v1/referrals")) == before


@HISTORIES
def test_what_a_file_told_webhooks_tell_without_effect(
    api: Api, reading: Reading, database: Database, history: Any
) -> None:
    referred(api)
    hook, records, sent = history(api)
    tally = reading.read(hook.source["id"], records)
    assert (tally.is_whole, tally.fates["new"]) == (True, len(records))
    assert rewarded(api) == HALVED
    rows = counted(database)
    again = reading.read(hook.source["id"], records)
    assert (again.fates["already"], again.fates["new"]) == (len(records), 0)
    assert counted(database) == rows
    before = items(api, "/v1/rewards"), items(api, "/v1/referrals")
    for send in sent:
        send(hook)
    assert (items(api, "/v1/rewards"), items(api, "/v1/referrals")) == before


def test_events_of_the_providers_own_list_are_the_webhooks_themselves(api: Api, reading: Reading) -> None:
    referred(api)
    hook = a_stripe_source(api)
    paid = stripe_bodies.event("payment_intent.succeeded", stripe_bodies.payment_intent(metadata=BOBS))
    hook.told(paid)
    tally = reading.read(hook.source["id"], [paid])
    assert tally.fates["already"] == 1
    assert len(items(api, "/v1/inbound-events")) == 1


def test_an_order_that_the_api_told_counts_once(api: Api, reading: Reading) -> None:
    referred(api)
    hook = a_standard_source(api)
    body = {
        "type": "purchase", "customer_id": "bob", "order_id": "o-1", "occurred_at": "2026-03-01T12:00:00Z",
        "amount": {"amount_minor": 5000, "currency": "USD"},
    }  # fmt: skip
    reading.read(hook.source["id"], [{**body, "id": "e-1"}])
    assert rewarded(api) == GRANTED
    answer = a_purchase(api, order_id="o-1", source_id=hook.source["id"])
    assert answer["duplicate"] is True


def test_refunds_told_one_by_one_after_the_file_add_up_with_those_in_it(api: Api, reading: Reading) -> None:
    referred(api)
    hook, records, _ = a_shopify_history(api)
    reading.read(hook.source["id"], records)
    more = shop_bodies.shopify_refund(shop_bodies.shopify_transaction("12.50"), id=77)
    hook.told(more, topic="refunds/create")
    assert rewarded(api) == {"referrer_credit": ("available", 750), "referee_credit": ("available", 375)}


def test_a_newer_export_tells_what_has_been_given_back_since(api: Api, reading: Reading) -> None:
    referred(api)
    source = a_shopify_source(api).source["id"]
    row = shopify_row(Note_Attributes="referral_customer_id: bob")
    reading.read(source, table(SHOPIFY_COLUMNS, row))
    assert rewarded(api) == GRANTED
    later = {**row, "Financial Status": "partially_refunded", "Refunded Amount": "25.00"}
    for _ in range(2):
        reading.read(source, table(SHOPIFY_COLUMNS, later))
        assert rewarded(api) == HALVED
