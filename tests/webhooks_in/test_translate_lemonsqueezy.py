"""What Lemon Squeezy's messages mean in our words."""

from __future__ import annotations

import copy
import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from webhooks_in import lemonsqueezy_bodies as bodies

from cast import NOON
from referral_service.events.given import GivenEvent, GivenRefund
from referral_service.kit.money import Money
from referral_service.webhooks_in.providers.lemonsqueezy import LemonSqueezy
from referral_service.webhooks_in.providers.provider import Around, Ignored, Parked, Translation
from referral_service.webhooks_in.read_message import Message, read_message


def read(body: Any, *, is_test: bool = False, now: Any = NOON) -> Message:
    return read_message(LemonSqueezy(), json.dumps(body).encode(), external_id=None, is_test=is_test, now=now)


def meaning(kind: str, thing: dict[str, Any], **more: Any) -> Translation:
    return read(bodies.event(kind, thing, **more)).translation


def purchase(kind: str, thing: dict[str, Any], **more: Any) -> GivenEvent:
    said = meaning(kind, thing, **more)
    assert isinstance(said, GivenEvent), said
    assert said.type == "purchase"
    return said


def test_a_paid_order_is_a_purchase() -> None:
    message = read(bodies.event("order_created", bodies.order()))
    assert (message.provider_type, message.type) == ("order_created", "purchase")
    assert message.translation == GivenEvent(
        external_id="order_created:2718281:paid:0",
        type="purchase",
        occurred_at=NOON,
        customer_hints=("3141592",),
        email="bob@example.com",
        aliases=("2718281", bodies.IDENTIFIER),
        amount=Money(5000, "USD"),
    )


def test_the_number_of_an_order_names_it_nowhere_for_it_may_be_another_orders_id() -> None:
    assert "7" not in purchase("order_created", bodies.order(order_number=7)).aliases


@pytest.mark.parametrize("reason", ["renewal", "updated"])
def test_a_paid_renewal_is_a_purchase_of_its_own_whatever_order_has_its_number(reason: str) -> None:
    said = purchase("subscription_payment_success", bodies.invoice(billing_reason=reason))
    assert said.aliases == ("subscription-invoice:2718281",)
    assert (said.amount, said.occurred_at) == (Money(2000, "USD"), NOON)
    assert not set(said.aliases) & set(purchase("order_created", bodies.order()).aliases)


def test_the_first_payment_of_a_subscription_is_told_by_its_order() -> None:
    first = bodies.invoice(billing_reason="initial")
    assert meaning("subscription_payment_success", first) == Ignored("told_by_order")
    refunded = bodies.invoice(billing_reason="initial", status="refunded")
    assert meaning("subscription_payment_refunded", refunded) == Parked("told_by_order", "refund")


def test_custom_data_of_the_checkout_names_the_customer_and_how_he_came() -> None:
    said = purchase(
        "order_created",
        bodies.order(),
        custom_data={"referral_customer_id": 42, "referral_code": " K7QM3XTD ", "referral_click": "tok.en", "x": [1]},
    )
    assert (said.customer_id, said.code, said.signed_code, said.click_token) == ("42", "K7QM3XTD", None, "tok.en")


def test_a_signed_code_is_told_from_a_typed_one() -> None:
    signed = "K7QM3XTD" + "0" * 25
    said = purchase("order_created", bodies.order(), custom_data={"referral_code": signed})
    assert (said.code, said.signed_code) == (None, signed)


def test_nothing_personal_is_kept_with_the_event() -> None:
    said = purchase("order_created", bodies.order(), custom_data={"referral_customer_id": "bob", "phone": "+1 555"})
    amount = {"amount_minor": 5000, "currency": "USD"}
    assert said.payload() == {"aliases": ["2718281", bodies.IDENTIFIER], "amount": amount}


@pytest.mark.parametrize("custom_data", [None, [], "x", 7, {"referral_customer_id": ["bob"]}, {"referral_code": 7}])
def test_custom_data_that_is_none_names_nobody(custom_data: Any) -> None:
    said = purchase("order_created", bodies.order(customer_id=None, user_email=None), custom_data=custom_data)
    assert (said.customer_id, said.customer_hints, said.email, said.claims) == (None, (), None, False)


@pytest.mark.parametrize(
    ("thing", "reason"),
    [
        (bodies.order(status="pending"), "unpaid"),
        (bodies.order(status="failed"), "unpaid"),
        (bodies.order(status="fraudulent"), "unpaid"),
        (bodies.order(status=None), "unpaid"),
        (bodies.order(total=0), "nothing_paid"),
        (bodies.order(total=None), "unusable_amount"),
        (bodies.order(total=-1), "unusable_amount"),
        (bodies.order(total=True), "unusable_amount"),
        (bodies.order(total=19.99), "unusable_amount"),
        (bodies.order(total="5000"), "unusable_amount"),
        (bodies.order(total=10**12 + 1), "unusable_amount"),
        (bodies.order(currency="doubloon"), "unusable_amount"),
        (bodies.order(currency=None), "unusable_amount"),
        # Lemon Squeezy does not say whether a yen has cents there.
        (bodies.order(currency="JPY"), "unusable_amount"),
        (bodies.order(currency="KWD"), "unusable_amount"),
        (bodies.order(created_at=None), "malformed_body"),
        (bodies.order(created_at="yesterday"), "malformed_body"),
        (bodies.order(created_at=1772366400), "malformed_body"),
    ],
)
def test_what_is_not_paid_is_no_purchase(thing: dict[str, Any], reason: str) -> None:
    assert meaning("order_created", thing) == Parked(reason, "purchase")


@pytest.mark.parametrize(
    ("thing", "reason"),
    [
        (bodies.invoice(status="pending"), "unpaid"),
        (bodies.invoice(total=0), "nothing_paid"),
        (bodies.invoice(billing_reason=None), "malformed_body"),
    ],
)
def test_what_is_not_paid_is_no_renewal(thing: dict[str, Any], reason: str) -> None:
    assert meaning("subscription_payment_success", thing) == Parked(reason, "purchase")


@pytest.mark.parametrize(
    "kind", ["subscription_created", "subscription_updated", "subscription_payment_recovered", "license_key_created"]
)
def test_other_types_are_ignored_in_any_mode(kind: str) -> None:
    for mode in (True, False):
        message = read(bodies.event(kind, bodies.order(), test_mode=mode))
        assert (message.translation, message.type, message.provider_type) == (Ignored("not_relevant"), "", kind)


@pytest.mark.parametrize(
    ("said", "total"),
    [
        (bodies.order(status="partial_refund", refunded_amount=2500, refunded_at=None), 2500),
        (bodies.order(status="paid", refunded_amount=100, refunded_at=None), 100),
        (bodies.refunded_order(5000), 5000),
        # Of before partial refunds: the order says no more than that it was refunded.
        (bodies.order(status="refunded", refunded=True, refunded_amount=None), 5000),
        (bodies.order(status="refunded", refunded=True, refunded_amount=4167), 5000),
    ],
)
def test_refunds_add_up_so_the_sum_is_told(said: dict[str, Any], total: int) -> None:
    event = meaning("order_refunded", said)
    assert isinstance(event, GivenEvent)
    assert (event.type, event.aliases, event.occurred_at) == ("refund", ("2718281", bodies.IDENTIFIER), NOON)
    assert event.refund == GivenRefund("cumulative", f"total:{total}:USD", Money(total, "USD"))


def test_the_refund_of_a_renewal_names_the_renewal() -> None:
    event = meaning("subscription_payment_refunded", bodies.invoice(status="partial_refund", refunded_amount=500))
    assert isinstance(event, GivenEvent)
    assert event.aliases == ("subscription-invoice:2718281",)
    assert event.refund == GivenRefund("cumulative", "total:500:USD", Money(500, "USD"))


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (bodies.order(status="partial_refund", refunded_amount=None), "unusable_amount"),
        (bodies.order(status="partial_refund", refunded_amount=-5), "unusable_amount"),
        (bodies.order(status="partial_refund", refunded_amount=0), "malformed_body"),
        (bodies.order(status="refunded", refunded_at="then"), "malformed_body"),
    ],
)
def test_a_refund_of_nothing_is_parked(said: dict[str, Any], reason: str) -> None:
    assert meaning("order_refunded", said) == Parked(reason, "refund")


def test_a_redelivery_is_the_same_message_and_each_new_fact_another() -> None:
    facts = [
        bodies.event("order_created", bodies.order()),
        bodies.event("order_created", bodies.order(order_id="2718282")),
        bodies.event("order_refunded", bodies.refunded_order(100)),
        bodies.event("order_refunded", bodies.refunded_order(200)),
        bodies.event("order_refunded", bodies.refunded_order(5000)),
        bodies.event("subscription_payment_success", bodies.invoice()),
        bodies.event("subscription_payment_refunded", bodies.invoice(status="refunded")),
    ]
    names = [read(fact).external_id for fact in facts]
    assert len(set(names)) == len(names)
    for fact, name in zip(facts, names, strict=True):
        # What else has changed since, such as when, is not another fact.
        again = copy.deepcopy(fact)
        again["data"]["attributes"]["updated_at"] = "2026-03-02T09:00:00.000000Z"
        again["meta"]["webhook_id"] = "another delivery"
        assert read(again).external_id == name


@pytest.mark.parametrize("place", ["meta", "attributes", "both"])
def test_a_live_app_takes_no_test_payment_and_a_test_app_no_live_one(place: str) -> None:
    for kind, thing in _each_meaning():
        body = bodies.event(kind, copy.deepcopy(thing))
        meta, attributes = body["meta"], body["data"]["attributes"]
        for holder in (meta, attributes):
            holder.pop("test_mode")
        for holder in {"meta": [meta], "attributes": [attributes], "both": [meta, attributes]}[place]:
            holder["test_mode"] = True
        said = read(body).translation
        assert isinstance(said, Parked)
        assert said.reason == "test_mode"
        assert isinstance(read(body, is_test=True).translation, GivenEvent)
        for holder in (meta, attributes):
            holder["test_mode"] = False
        live = read(body, is_test=True).translation
        assert isinstance(live, Parked)
        assert live.reason == "live_mode"


def test_where_the_two_marks_of_test_mode_differ_it_is_a_test() -> None:
    for meta, inner in ((True, False), (False, True)):
        body = bodies.event("order_created", bodies.order(test_mode=inner), test_mode=meta)
        assert read(body).translation == Parked("test_mode", "purchase")


@pytest.mark.parametrize("mode", ["false", 0, 1, [], {}])
def test_a_mode_that_is_none_is_malformed(mode: object) -> None:
    assert meaning("order_created", bodies.order(), test_mode=mode) == Parked("malformed_body", "purchase")


def test_without_any_mode_a_message_is_malformed() -> None:
    thing = bodies.order(test_mode=None)
    assert meaning("order_created", thing, test_mode=None) == Parked("malformed_body", "purchase")


def test_a_payment_of_the_future_is_parked_and_a_minutes_difference_of_clocks_is_none() -> None:
    body = bodies.event("order_created", bodies.order())
    early, late = NOON - timedelta(seconds=61), NOON - timedelta(seconds=60)
    assert read(body, now=early).translation == Parked("occurred_in_future", "purchase")
    assert isinstance(read(body, now=late).translation, GivenEvent)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"meta": None, "data": None},
        {"meta": {"event_name": "order_created"}},
        {"meta": {"event_name": 7}, "data": bodies.order()},
        {"meta": {}, "data": bodies.order()},
        bodies.event("order_created", bodies.order(order_id=None)),
        bodies.event("order_created", bodies.order(order_id="")),
        bodies.event("order_created", bodies.order(order_id="1" * 256)),
        bodies.event("order_created", bodies.order(order_id=["1"])),
    ],
)
def test_a_body_that_cannot_be_named_is_parked_under_its_hash(body: dict[str, Any]) -> None:
    message = read(body)
    assert message.translation == Parked("malformed_body")
    assert message.external_id.startswith("sha256:")


@pytest.mark.parametrize("attributes", [None, [], "x", 7])
def test_a_body_without_attributes_is_malformed(attributes: object) -> None:
    body = bodies.event("order_created", {"type": "orders", "id": "1", "attributes": attributes})
    assert read(body).translation == Parked("malformed_body", "purchase")


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**63), 2**70), st.floats(allow_nan=False), st.text()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    max_leaves=6,
)


@given(data=st.data())
def test_whatever_stands_where_nothing_raises(data: st.DataObject) -> None:
    kind, thing = data.draw(st.sampled_from(_each_meaning()))
    body = bodies.event(kind, copy.deepcopy(thing), custom_data={"referral_code": "K7QM3XTD"})
    for target in (body["meta"], body["data"]["attributes"], body["data"], body):
        for name in data.draw(st.lists(st.sampled_from(sorted(target)), max_size=2)):
            target[name] = data.draw(JSON)
    labels = LemonSqueezy().labels(body)
    assert labels.external_id is None or 1 <= len(labels.external_id) <= 255
    said = LemonSqueezy().translate(body, Around("x", "", is_test=False, now=NOON))
    assert isinstance(said, GivenEvent | Parked | Ignored)
    if isinstance(said, GivenEvent):
        assert said.aliases
        assert all(1 <= len(alias) <= 255 for alias in said.aliases)
        assert said.amount is None or 0 < said.amount.amount_minor <= 10**12
        assert said.refund is None or 0 < said.refund.amount.amount_minor <= 10**12


def _each_meaning() -> list[tuple[str, dict[str, Any]]]:
    return [
        ("order_created", bodies.order()),
        ("order_refunded", bodies.refunded_order(2500)),
        ("subscription_payment_success", bodies.invoice()),
        ("subscription_payment_refunded", bodies.invoice(status="partial_refund", refunded_amount=500)),
    ]
