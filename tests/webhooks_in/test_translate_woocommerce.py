"""What a WooCommerce order means in our words, and by what its messages are known."""

from __future__ import annotations

import copy
import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from webhooks_in import shop_bodies as bodies
from webhooks_in.test_translate_shopify import ODD

from cast import NOON
from referral_service.events.given import GivenEvent, GivenRefund
from referral_service.kit.money import Money
from referral_service.webhooks_in.providers.provider import Around, Ignored, Parked, Several, Translation
from referral_service.webhooks_in.providers.woocommerce import WooCommerce
from referral_service.webhooks_in.read_message import Message, read_message

NAMES = ("727", "wc_order_58d2d042d1d")
HALF = [{"id": 726, "reason": "", "total": "-15.00"}, {"id": 725, "reason": "late", "total": "-10.00"}]


def read(body: Any, *, topic: str = "order.updated", now: datetime = NOON) -> Message:
    raw = json.dumps(body).encode()
    return read_message(WooCommerce(), raw, external_id=None, provider_type=topic, is_test=False, now=now)


def meaning(body: Any, **how: Any) -> Translation:
    return read(body, **how).translation


def purchase(body: dict[str, Any]) -> GivenEvent:
    said = meaning(body)
    assert isinstance(said, GivenEvent), said
    assert said.type == "purchase"
    return said


def cumulative(minor: int) -> GivenRefund:
    return GivenRefund("cumulative", f"total:{minor}:USD", Money(minor, "USD"))


@pytest.mark.parametrize("topic", ["order.created", "order.updated", "order.restored"])
@pytest.mark.parametrize("status", ["processing", "completed"])
def test_a_paid_order_is_a_purchase(topic: str, status: str) -> None:
    message = read(bodies.woo_order(status=status, customer_id=26), topic=topic)
    assert message.external_id.startswith(f"727:{status}:")
    assert (message.provider_type, message.type) == (topic, "purchase")
    assert message.translation == GivenEvent(
        external_id=message.external_id,
        type="purchase",
        occurred_at=NOON,
        customer_hints=("26",),
        email="bob@example.com",
        aliases=NAMES,
        amount=Money(5000, "USD"),
    )


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"status": "pending", "date_paid_gmt": None}, Parked("unpaid", "purchase")),
        ({"status": "on-hold"}, Parked("unpaid", "purchase")),
        ({"status": "failed"}, Parked("unpaid", "purchase")),
        ({"status": "checkout-draft"}, Parked("unpaid", "purchase")),
        # Cash on delivery.
        ({"date_paid_gmt": None}, Parked("unpaid", "purchase")),
        ({"date_paid_gmt": "0000-00-00T00:00:00"}, Parked("unpaid", "purchase")),
        ({"date_paid_gmt": 1}, Parked("unpaid", "purchase")),
        ({"status": "shipped", "date_paid_gmt": None}, Parked("unpaid", "purchase")),
        ({"status": "shipped"}, Parked("unknown_status", "purchase")),
        ({"status": "cancelled"}, Ignored("not_relevant")),
        ({"status": "trash"}, Ignored("not_relevant")),
        ({"status": None}, Parked("malformed_body", "purchase")),
        ({"total": "0.00"}, Parked("nothing_paid", "purchase")),
        ({"total": 50.0}, Parked("unusable_amount", "purchase")),
        ({"total": 50}, Parked("unusable_amount", "purchase")),
        ({"total": "50.001"}, Parked("unusable_amount", "purchase")),
        ({"currency": "BTC"}, Parked("unusable_amount", "purchase")),
        ({"refunds": [{"id": 1, "total": -10.0}]}, Parked("unusable_amount", "purchase")),
    ],
)
def test_what_is_no_purchase_says_why(more: dict[str, Any], said: Translation) -> None:
    assert meaning(bodies.woo_order(**more)) == said


@pytest.mark.parametrize("key", [None, 0, -1, True, 7.5, "x", "", {}])
def test_an_order_without_an_id_is_parked(key: object) -> None:
    message = read(bodies.woo_order(id=key))
    assert message.translation == Parked("malformed_body")
    assert message.external_id.startswith("sha256:")


def test_more_decimals_than_the_currency_has_are_taken_where_they_are_zeros() -> None:
    assert purchase(bodies.woo_order(total="29.3500")).amount == Money(2935, "USD")
    assert purchase(bodies.woo_order(total="2935", currency="JPY")).amount == Money(2935, "JPY")
    assert purchase(bodies.woo_order(total="2.935", currency="KWD")).amount == Money(2935, "KWD")


@pytest.mark.parametrize("hidden", ["", "_"])
def test_meta_data_name_the_customer_and_how_he_came(hidden: str) -> None:
    said = {f"{hidden}referral_customer_id": "bob", f"{hidden}referral_code": "K7QM3XTD",
            f"{hidden}referral_click": "tok.en", "_x": {"y": 1}}  # fmt: skip
    event = purchase(bodies.woo_order(meta_data=bodies.meta_data(**said), coupon_lines=[{"code": "tenoff"}]))
    assert event.customer_id == "bob"
    assert (event.code, event.click_token, event.code_hints) == ("K7QM3XTD", "tok.en", ())


def test_coupons_are_hints_where_nothing_else_says_how_the_buyer_came() -> None:
    event = purchase(bodies.woo_order(coupon_lines=[{"id": 1, "code": "tenoff"}, {"code": None}, {"code": "alice20"}]))
    assert (event.code, event.code_hints, event.claims) == (None, ("tenoff", "alice20"), True)


def test_a_guest_has_no_customer_id() -> None:
    assert purchase(bodies.woo_order(customer_id=0)).customer_hints == ()


# --- money given back ----------------------------------------------------------------------------------------


def test_refunds_are_told_together_with_the_payment_which_may_have_been_missed() -> None:
    message = read(bodies.woo_order(refunds=HALF))
    said = message.translation
    assert isinstance(said, Several)
    assert message.type == "refund"
    paid, back = said.events
    assert (paid.type, paid.amount, paid.external_id) == ("purchase", Money(5000, "USD"), f"{message.external_id}:paid")
    assert back == GivenEvent(
        external_id=message.external_id, type="refund", occurred_at=NOON, aliases=NAMES, refund=cumulative(2500)
    )


@pytest.mark.parametrize("refunds", [[], [{"id": 726, "total": "-15.00"}], [{"id": 726, "total": "-50.00"}]])
def test_a_refunded_order_is_given_back_whole_whatever_its_refunds_add_up_to(refunds: list[Any]) -> None:
    said = meaning(bodies.woo_order(status="refunded", refunds=refunds))
    assert isinstance(said, Several)
    assert [event.type for event in said.events] == ["purchase", "refund"]
    assert said.events[-1].refund == cumulative(5000)


def test_a_cancelled_order_tells_its_refunds_alone() -> None:
    said = meaning(bodies.woo_order(status="cancelled", refunds=HALF))
    assert isinstance(said, GivenEvent)
    assert (said.type, said.refund) == ("refund", cumulative(2500))


def test_a_payment_of_the_future_is_parked() -> None:
    body = bodies.woo_order(at=NOON + timedelta(minutes=5))
    assert meaning(body) == Parked("occurred_in_future", "purchase")
    assert isinstance(meaning(body, now=NOON + timedelta(minutes=5)), GivenEvent)


@pytest.mark.parametrize("topic", ["order.deleted", "customer.updated", "coupon.created", "action.woocommerce_x"])
def test_other_topics_are_ignored(topic: str) -> None:
    assert meaning(bodies.woo_order(), topic=topic) == Ignored("not_relevant")


def test_without_a_topic_nobody_knows_what_a_body_means() -> None:
    assert meaning(bodies.woo_order(), topic="") == Parked("malformed_body")


# --- by what a message is known ------------------------------------------------------------------------------


def test_the_same_state_of_an_order_is_one_message_however_often_it_is_saved() -> None:
    first = read(bodies.woo_order(), topic="order.created").external_id
    assert read(bodies.woo_order(at=NOON), topic="order.updated").external_id == first
    later = bodies.woo_order(customer_note="Ring twice", date_modified_gmt="2026-03-02T12:00:00")
    assert read(later).external_id == first


@pytest.mark.parametrize(
    "more",
    [
        {"id": 728},
        {"status": "completed"},
        {"status": "pending"},
        {"date_paid_gmt": None},
        {"total": "60.00"},
        {"currency": "EUR"},
        {"customer_id": 26},
        {"refunds": HALF},
        {"refunds": HALF[:1]},
        {"refunds": HALF[1:]},
        {"meta_data": bodies.meta_data(referral_code="K7QM3XTD")},
        {"meta_data": bodies.meta_data(referral_customer_id="bob")},
        {"coupon_lines": [{"code": "alice20"}]},
    ],
)
def test_each_new_fact_is_another_message(more: dict[str, Any]) -> None:
    assert read(bodies.woo_order(**more)).external_id != read(bodies.woo_order()).external_id


def test_the_name_of_a_message_holds_nothing_of_the_person() -> None:
    other = bodies.woo_order(billing={"email": "carol@example.com"})
    assert read(other).external_id == read(bodies.woo_order()).external_id


@given(data=st.data())
def test_nothing_in_a_genuine_body_raises(data: st.DataObject) -> None:
    body = copy.deepcopy(bodies.woo_order(refunds=HALF, meta_data=bodies.meta_data(referral_code="K7QM3XTD")))
    for _ in range(data.draw(st.integers(1, 3))):
        body[data.draw(st.sampled_from(sorted(body)))] = data.draw(ODD)
    provider = WooCommerce()
    labels = provider.labels(body)
    assert labels.external_id is None or len(labels.external_id) <= 250
    said = provider.translate(body, Around("e", "order.updated", is_test=False, now=NOON))
    assert isinstance(said, GivenEvent | Several | Parked | Ignored)
