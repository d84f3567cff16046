"""What Shopify's orders and refunds mean in our words."""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from webhooks_in import shop_bodies as bodies

from cast import NOON
from referral_service.events.given import GivenEvent, GivenRefund
from referral_service.kit.money import Money
from referral_service.webhooks_in.providers.provider import Around, Ignored, Parked, Several, Translation
from referral_service.webhooks_in.providers.shopify import Shopify
from referral_service.webhooks_in.read_message import Message, read_message

ORDER = str(bodies.BIG_ID)
NAMES = (ORDER, f"gid://shopify/Order/{ORDER}")


def read(topic: str, body: Any, *, is_test: bool = False, now: datetime = NOON) -> Message:
    raw = json.dumps(body).encode()
    return read_message(Shopify(), raw, external_id=f"e-1:{topic}", provider_type=topic, is_test=is_test, now=now)


def meaning(topic: str, body: Any, **how: Any) -> Translation:
    return read(topic, body, **how).translation


def purchase(body: dict[str, Any]) -> GivenEvent:
    said = meaning("orders/paid", body)
    assert isinstance(said, GivenEvent), said
    assert said.type == "purchase"
    return said


def test_a_paid_order_is_a_purchase_and_its_id_keeps_every_digit() -> None:
    message = read("orders/paid", bodies.shopify_order())
    assert (message.external_id, message.provider_type, message.type) == ("e-1:orders/paid", "orders/paid", "purchase")
    assert message.translation == GivenEvent(
        external_id="e-1:orders/paid",
        type="purchase",
        occurred_at=NOON,
        customer_hints=("207119551",),
        email="bob@example.com",
        aliases=("9007199254740995", "gid://shopify/Order/9007199254740995"),
        amount=Money(5000, "USD"),
    )


@pytest.mark.parametrize(
    ("said", "money"),
    [
        ({"current_total_price": "40.00"}, Money(4000, "USD")),
        ({"current_total_price": "60.01", "total_price": "50.00"}, Money(6001, "USD")),
        ({"current_total_price": None}, Money(5000, "USD")),
        ({"current_total_price": "1200", "currency": "JPY"}, Money(1200, "JPY")),
        ({"current_total_price": "1200.00", "currency": "JPY"}, Money(1200, "JPY")),
        ({"current_total_price": "1.234", "currency": "KWD"}, Money(1234, "KWD")),
    ],
)
def test_the_amount_is_the_current_total_in_the_currencys_own_minor_units(said: dict[str, Any], money: Money) -> None:
    assert purchase(bodies.shopify_order(**said)).amount == money


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"current_total_price": 50.0}, "unusable_amount"),
        ({"current_total_price": 50}, "unusable_amount"),
        ({"current_total_price": "50.001"}, "unusable_amount"),
        ({"current_total_price": "99999999999999"}, "unusable_amount"),
        ({"currency": "XYZ"}, "unusable_amount"),
        ({"currency": None}, "unusable_amount"),
        ({"current_total_price": "0.00"}, "nothing_paid"),
        ({"current_total_price": "-1.00"}, "nothing_paid"),
        ({"financial_status": "pending"}, "unpaid"),
        ({"financial_status": "partially_paid"}, "unpaid"),
        ({"financial_status": "voided"}, "unpaid"),
        ({"test": True}, "test_mode"),
        ({"id": None}, "malformed_body"),
        ({"id": 4.5e8}, "malformed_body"),
        ({"id": True}, "malformed_body"),
        ({"id": -1}, "malformed_body"),
        ({"processed_at": None, "created_at": "yesterday"}, "malformed_body"),
    ],
)
def test_what_is_no_purchase_is_parked(said: dict[str, Any], why: str) -> None:
    assert meaning("orders/paid", bodies.shopify_order(**said)) == Parked(why, "purchase")


def test_a_test_app_takes_test_orders_and_others() -> None:
    for is_test_order in (True, False):
        said = meaning("orders/paid", bodies.shopify_order(test=is_test_order), is_test=True)
        assert isinstance(said, GivenEvent)


def test_an_order_of_the_future_is_parked() -> None:
    body = bodies.shopify_order(processed_at="2026-03-01T12:05:00Z")
    assert meaning("orders/paid", body) == Parked("occurred_in_future", "purchase")
    assert isinstance(meaning("orders/paid", body, now=NOON + timedelta(minutes=5)), GivenEvent)


def test_the_carts_attributes_name_the_customer_and_how_he_came() -> None:
    said = bodies.note_attributes(
        referral_customer_id="bob", referral_code=" K7QM3XTD ", referral_click="tok.en", x="y"
    )
    event = purchase(bodies.shopify_order(note_attributes=said, discount_codes=[{"code": "TENOFF"}]))
    assert event.customer_id == "bob"
    assert (event.code, event.signed_code, event.click_token) == ("K7QM3XTD", None, "tok.en")
    assert event.code_hints == ()


def test_a_signed_code_is_told_from_a_typed_one() -> None:
    signed = "K7QM3XTD" + "A" * 25
    event = purchase(bodies.shopify_order(note_attributes=bodies.note_attributes(referral_code=signed)))
    assert (event.code, event.signed_code) == (None, signed)


def test_discount_codes_are_hints_where_nothing_else_says_how_the_buyer_came() -> None:
    codes = [{"code": "TENOFF", "amount": "10.00"}, {"code": "ALICE20"}, {"code": 7}, {}, "x", {"code": "TENOFF"}]
    event = purchase(bodies.shopify_order(discount_codes=codes))
    assert (event.code, event.code_hints, event.claims) == (None, ("TENOFF", "ALICE20"), True)
    many = [{"code": f"CODE{number}"} for number in range(50)]
    assert len(purchase(bodies.shopify_order(discount_codes=many)).code_hints) == 5


@pytest.mark.parametrize(
    "odd", [None, [], "x", {"name": "referral_code"}, [{"name": "referral_code", "value": 7}], [["referral_code", "A"]],
            [{"name": 7, "value": "A"}], [{"name": "referral_code", "value": "A" * 300}]]
)  # fmt: skip
def test_odd_attributes_say_nothing(odd: object) -> None:
    event = purchase(bodies.shopify_order(note_attributes=odd, customer=odd, email=7, discount_codes=odd))
    assert not event.claims
    assert (event.customer_id, event.customer_hints, event.email) == (None, (), None)


def test_lines_have_the_category_that_terms_may_exclude() -> None:
    lines = [
        {"price": "10.00", "quantity": 2, "vendor": "Acme", "product_type": "Shoes", "discount_allocations": []},
        {"price": "10.00", "quantity": 1, "vendor": "Acme", "discount_allocations": [{"amount": "2.50"}]},
        {"price": "25.00", "quantity": 1, "vendor": "Acme", "gift_card": True},
        {"price": "1.00", "quantity": 1, "vendor": None},
        {"price": 1.0, "quantity": 1, "vendor": "Acme"},
        {"price": "1.00", "quantity": 1.5, "vendor": "Acme"},
        "x",
    ]
    assert list(purchase(bodies.shopify_order(line_items=lines)).lines) == [
        {"category": "Shoes", "amount_minor": 2000},
        {"category": "Acme", "amount_minor": 750},
        {"category": "gift_card", "amount_minor": 2500},
    ]


# --- money given back ----------------------------------------------------------------------------------------


def test_a_refund_is_the_sum_of_its_transactions_that_went_through() -> None:
    body = bodies.shopify_refund(
        bodies.shopify_transaction("20.00"),
        bodies.shopify_transaction("5.00"),
        bodies.shopify_transaction("7.00", status="failure"),
        bodies.shopify_transaction("7.00", status="pending"),
        bodies.shopify_transaction("7.00", kind="void"),
    )
    assert meaning("refunds/create", body) == GivenEvent(
        external_id="e-1:refunds/create",
        type="refund",
        occurred_at=NOON,
        aliases=(ORDER,),
        refund=GivenRefund("single", str(bodies.BIG_ID + 2), Money(2500, "USD")),
    )


def test_a_refund_in_the_buyers_currency_is_counted_in_the_shops() -> None:
    amount_set = {"shop_money": {"amount": "25.00", "currency_code": "USD"}, "presentment_money": {}}
    said = meaning("refunds/create", bodies.shopify_refund(
        bodies.shopify_transaction("23.10", currency="EUR", amount_set=amount_set)))  # fmt: skip
    assert isinstance(said, GivenEvent)
    assert said.refund is not None
    assert said.refund.amount == Money(2500, "USD")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (bodies.shopify_refund(), Ignored("nothing_refunded")),
        (bodies.shopify_refund(bodies.shopify_transaction(status="failure")), Ignored("nothing_refunded")),
        (bodies.shopify_refund(bodies.shopify_transaction(status="pending")), Parked("refund_pending", "refund")),
        (bodies.shopify_refund(bodies.shopify_transaction(test=True)), Parked("test_mode", "refund")),
        (bodies.shopify_refund(bodies.shopify_transaction("25.005")), Parked("unusable_amount", "refund")),
        (bodies.shopify_refund(bodies.shopify_transaction("-25.00")), Parked("unusable_amount", "refund")),
        (
            bodies.shopify_refund(bodies.shopify_transaction(), bodies.shopify_transaction(currency="EUR")),
            Parked("unusable_amount", "refund"),
        ),
        (bodies.shopify_refund(bodies.shopify_transaction(), id=None), Parked("malformed_body", "refund")),
        (bodies.shopify_refund(bodies.shopify_transaction(), order_id="x"), Parked("malformed_body", "refund")),
        (bodies.shopify_refund(transactions=None), Parked("malformed_body", "refund")),
        (bodies.shopify_order(), Parked("malformed_body", "refund")),
    ],
)
def test_a_refund_of_nothing_says_why(body: dict[str, Any], said: Translation) -> None:
    assert meaning("refunds/create", body) == said


CANCELLED_AT = "2026-03-01T06:30:00-05:00"


def test_a_cancelled_order_is_given_back_whole() -> None:
    body = bodies.shopify_order(cancelled_at=CANCELLED_AT, current_total_price="0.00", financial_status="refunded")
    assert meaning("orders/cancelled", body) == GivenEvent(
        external_id="e-1:orders/cancelled",
        type="refund",
        occurred_at=datetime(2026, 3, 1, 11, 30, tzinfo=UTC),
        aliases=NAMES,
        refund=GivenRefund("cumulative", "total:5000:USD", Money(5000, "USD")),
    )


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"financial_status": "voided"}, Ignored("unpaid")),
        ({"financial_status": "pending"}, Ignored("unpaid")),
        ({"total_price": "0.00"}, Ignored("nothing_refunded")),
        ({"test": True}, Parked("test_mode", "refund")),
        # The topic stands in a header that nobody signed: the body must say so too.
        ({"cancelled_at": None}, Parked("malformed_body", "refund")),
        ({"total_price": 50.0}, Parked("unusable_amount", "refund")),
    ],
)
def test_what_was_never_paid_is_not_given_back(more: dict[str, Any], said: Translation) -> None:
    assert meaning("orders/cancelled", bodies.shopify_order(**{"cancelled_at": CANCELLED_AT, **more})) == said


def test_a_paid_order_told_late_tells_what_was_given_back_since() -> None:
    refunds = [bodies.shopify_refund(bodies.shopify_transaction("10.00")), bodies.shopify_refund()]
    said = meaning("orders/paid", bodies.shopify_order(current_total_price="40.00", refunds=refunds))
    assert isinstance(said, Several)
    paid, back = said.events
    assert (paid.type, paid.amount, paid.external_id) == ("purchase", Money(5000, "USD"), "e-1:orders/paid:paid")
    assert (back.type, back.external_id) == ("refund", "e-1:orders/paid")
    assert back.refund == GivenRefund("cumulative", "total:1000:USD", Money(1000, "USD"))


@pytest.mark.parametrize("topic", ["orders/create", "orders/updated", "orders/edited", "app/uninstalled", "x/y"])
def test_other_topics_are_ignored(topic: str) -> None:
    assert meaning(topic, bodies.shopify_order()) == Ignored("not_relevant")


def test_without_a_topic_nobody_knows_what_a_body_means() -> None:
    assert meaning("", bodies.shopify_order()) == Parked("malformed_body")


ODD = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**62), 2**62), st.floats(allow_nan=False), st.text(max_size=10)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    max_leaves=6,
)


@given(data=st.data())
def test_nothing_in_a_genuine_body_raises(data: st.DataObject) -> None:
    topic = data.draw(st.sampled_from(["orders/paid", "refunds/create", "orders/cancelled"]))
    refund = bodies.shopify_refund(bodies.shopify_transaction())
    body = copy.deepcopy(
        refund if topic == "refunds/create" else bodies.shopify_order(refunds=[refund], cancelled_at=CANCELLED_AT)
    )
    for _ in range(data.draw(st.integers(1, 3))):
        body[data.draw(st.sampled_from(sorted(body)))] = data.draw(ODD)
    assert isinstance(
        Shopify().translate(body, Around("e", topic, is_test=False, now=NOON)),
        GivenEvent | Several | Parked | Ignored,
    )
