"""What Chargebee's events mean in our words."""

from __future__ import annotations

import copy
import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from webhooks_in import chargebee_bodies as bodies

from cast import NOON
from referral_service.events.given import GivenEvent, GivenRefund
from referral_service.kit.money import Money
from referral_service.webhooks_in.providers.chargebee import Chargebee
from referral_service.webhooks_in.providers.provider import Around, Ignored, Parked, Translation
from referral_service.webhooks_in.read_message import Message, read_message


def read(body: Any, *, is_test: bool = False, now: Any = NOON) -> Message:
    return read_message(Chargebee(), json.dumps(body).encode(), external_id=None, is_test=is_test, now=now)


def meaning(kind: str, transaction: dict[str, Any], **more: Any) -> Translation:
    return read(bodies.event(kind, transaction, **more)).translation


def purchase(transaction: dict[str, Any], **more: Any) -> GivenEvent:
    said = meaning("payment_succeeded", transaction, **more)
    assert isinstance(said, GivenEvent), said
    assert said.type == "purchase"
    return said


def test_a_payment_is_a_purchase() -> None:
    message = read(bodies.event("payment_succeeded", bodies.payment(), event_id="ev_7"))
    assert (message.external_id, message.provider_type, message.type) == ("ev_7", "payment_succeeded", "purchase")
    assert message.translation == GivenEvent(
        external_id="ev_7",
        type="purchase",
        occurred_at=NOON,
        customer_hints=("cb_bob",),
        email="bob@example.com",
        aliases=("txn_1", "inv_1"),
        amount=Money(5000, "USD"),
    )


@pytest.mark.parametrize(
    ("links", "aliases"),
    [
        ([bodies.linked()], ("txn_1", "inv_1")),
        # As version 1 of the API calls it.
        ([{"invoice_id": "inv_1", "applied_amount": 5000, "invoice_amount": 5000}], ("txn_1", "inv_1")),
        ([bodies.linked(total=9000)], ("txn_1",)),
        ([bodies.linked(applied=2000, total=2000)], ("txn_1",)),
        ([bodies.linked(applied=2500, total=2500), bodies.linked("inv_2", applied=2500, total=2500)], ("txn_1",)),
        ([{"invoice_id": "inv_1"}], ("txn_1",)),
        ([], ("txn_1",)),
        (None, ("txn_1",)),
        ("inv_1", ("txn_1",)),
        ([7, None], ("txn_1",)),
    ],
)
def test_only_an_invoice_that_the_payment_pays_whole_is_another_name_of_it(
    links: object, aliases: tuple[str, ...]
) -> None:
    assert purchase(bodies.payment(linked_invoices=links)).aliases == aliases


@pytest.mark.parametrize(
    ("amount", "currency", "money"),
    [
        (5000, "EUR", Money(5000, "EUR")),
        (5000, "JPY", Money(5000, "JPY")),
        # Two decimals at Chargebee, three in ISO 4217.
        (153, "KWD", Money(1530, "KWD")),
    ],
)
def test_amounts_are_told_in_the_minor_units_of_iso_4217(amount: int, currency: str, money: Money) -> None:
    assert purchase(bodies.payment(amount=amount, currency_code=currency)).amount == money


def test_the_payment_has_happened_when_its_transaction_says_so() -> None:
    earlier = NOON - timedelta(days=2)
    assert purchase(bodies.payment(date=int(earlier.timestamp()))).occurred_at == earlier
    undated = bodies.payment()
    del undated["date"]
    # Then it is the event that says so.
    assert purchase(undated).occurred_at == NOON


@pytest.mark.parametrize("holder", ["customer", "subscription", "invoice"])
@pytest.mark.parametrize("way", ["meta_data", "custom fields"])
def test_what_the_app_noted_names_the_customer_and_how_he_came(holder: str, way: str) -> None:
    noted = {"referral_customer_id": "bob", "referral_code": " K7QM3XTD ", "referral_click": "tok.en"}
    fields = {"meta_data": noted} if way == "meta_data" else {f"cf_{name}": value for name, value in noted.items()}
    said = purchase(bodies.payment(), **{holder: fields})
    assert (said.customer_id, said.code, said.click_token) == ("bob", "K7QM3XTD", "tok.en")


def test_what_stands_nearer_to_the_payment_goes_first() -> None:
    said = purchase(
        bodies.payment(),
        customer={"cf_referral_customer_id": "carol", "cf_referral_code": "K7QM3XTD"},
        subscription={"meta_data": {"referral_customer_id": "bob"}, "cf_referral_code": None},
    )
    assert (said.customer_id, said.code) == ("bob", "K7QM3XTD")


def test_a_signed_code_is_told_from_a_typed_one() -> None:
    signed = "K7QM3XTD" + "0" * 25
    said = purchase(bodies.payment(), subscription={"cf_referral_code": signed})
    assert (said.code, said.signed_code) == (None, signed)


def test_nothing_personal_is_kept_with_the_event() -> None:
    said = purchase(bodies.payment(), customer={"phone": "+1 555", "cf_referral_customer_id": "bob"})
    amount = {"amount_minor": 5000, "currency": "USD"}
    assert said.payload() == {"aliases": ["txn_1", "inv_1"], "amount": amount}


@pytest.mark.parametrize("nobody", [None, [], "x", {"id": None, "email": None, "meta_data": "x"}])
def test_a_payment_without_a_customer_names_nobody(nobody: object) -> None:
    body = bodies.event("payment_succeeded", bodies.payment(customer_id=None))
    body["content"]["customer"] = nobody
    said = read(body).translation
    assert isinstance(said, GivenEvent)
    assert (said.customer_id, said.customer_hints, said.email, said.claims) == (None, (), None, False)


@pytest.mark.parametrize(
    ("transaction", "reason"),
    [
        (bodies.payment(status="in_progress"), "unpaid"),
        (bodies.payment(status="failure"), "unpaid"),
        (bodies.payment(status=None), "unpaid"),
        (bodies.payment(amount=0), "nothing_paid"),
        (bodies.payment(amount=None), "unusable_amount"),
        (bodies.payment(amount=-1), "unusable_amount"),
        (bodies.payment(amount=True), "unusable_amount"),
        (bodies.payment(amount=19.99), "unusable_amount"),
        (bodies.payment(amount="5000"), "unusable_amount"),
        (bodies.payment(amount=10**12 + 1), "unusable_amount"),
        (bodies.payment(amount=10**12, currency_code="KWD"), "unusable_amount"),
        (bodies.payment(currency_code="doubloon"), "unusable_amount"),
        (bodies.payment(currency_code=None), "unusable_amount"),
        (bodies.payment(id=None), "malformed_body"),
        (bodies.payment(id=""), "malformed_body"),
        (bodies.payment(type="authorization"), "malformed_body"),
        (bodies.payment(type="refund"), "malformed_body"),
        (bodies.payment(date="2026-03-01"), "malformed_body"),
        (bodies.payment(date=-1), "malformed_body"),
        (bodies.payment(date=10**18), "malformed_body"),
    ],
)
def test_what_is_not_paid_is_no_purchase(transaction: dict[str, Any], reason: str) -> None:
    assert meaning("payment_succeeded", transaction) == Parked(reason, "purchase")


@pytest.mark.parametrize("kind", ["payment_failed", "payment_initiated", "refund_initiated", "invoice_generated", ""])
def test_other_types_are_ignored(kind: str) -> None:
    message = read(bodies.event(kind, bodies.payment()))
    assert (message.translation, message.type, message.provider_type) == (Ignored("not_relevant"), "", kind)


@pytest.mark.parametrize(
    "named",
    [
        {"refunded_txn_id": "txn_1"},
        # Of a payment in cash or by check, and of a charge-back.
        {"refunded_txn_id": None, "reference_transaction_id": "txn_1", "payment_method": "chargeback"},
        {"refunded_txn_id": None, "linked_payments": [{"id": "txn_1", "amount": 5000}]},
        {"refunded_txn_id": "txn_1", "linked_payments": [{"id": "txn_1"}]},
    ],
)
def test_a_refund_is_one_of_its_payment(named: dict[str, Any]) -> None:
    message = read(bodies.event("payment_refunded", bodies.refund(**named), event_id="ev_9"))
    assert message.translation == GivenEvent(
        external_id="ev_9",
        type="refund",
        occurred_at=NOON,
        aliases=("txn_1",),
        refund=GivenRefund("single", "txn_r1", Money(2500, "USD")),
    )


@pytest.mark.parametrize(
    ("transaction", "reason"),
    [
        (bodies.refund(refunded_txn_id=None), "malformed_body"),
        (bodies.refund(refunded_txn_id=""), "malformed_body"),
        (bodies.refund(id=None), "malformed_body"),
        (bodies.refund(amount=0), "malformed_body"),
        (bodies.refund(type="payment"), "malformed_body"),
        (bodies.refund(amount="2500"), "unusable_amount"),
        (bodies.refund(status="in_progress"), "unpaid"),
        (bodies.refund(linked_payments=[{"id": "txn_2"}]), "several_payments"),
    ],
)
def test_a_refund_of_nothing_or_of_who_knows_what_is_parked(transaction: dict[str, Any], reason: str) -> None:
    assert meaning("payment_refunded", transaction) == Parked(reason, "refund")


@pytest.mark.parametrize(
    ("kind", "transaction"),
    [
        ("payment_succeeded", bodies.payment(gateway="chargebee")),
        ("payment_refunded", bodies.refund(gateway="chargebee")),
    ],
)
def test_a_live_app_takes_nothing_from_the_test_gateway(kind: str, transaction: dict[str, Any]) -> None:
    body = bodies.event(kind, transaction)
    said = read(body).translation
    assert isinstance(said, Parked)
    assert said.reason == "test_mode"
    assert isinstance(read(body, is_test=True).translation, GivenEvent)


def test_a_payment_of_the_future_is_parked_and_a_minutes_difference_of_clocks_is_none() -> None:
    body = bodies.event("payment_refunded", bodies.refund())
    early, late = NOON - timedelta(seconds=61), NOON - timedelta(seconds=60)
    assert read(body, now=early).translation == Parked("occurred_in_future", "refund")
    assert isinstance(read(body, now=late).translation, GivenEvent)


@pytest.mark.parametrize("content", [None, [], {}, {"transaction": None}, {"transaction": []}])
def test_an_event_without_a_transaction_is_malformed(content: object) -> None:
    body = bodies.event("payment_succeeded", bodies.payment()) | {"content": content}
    assert read(body).translation == Parked("malformed_body", "purchase")


@pytest.mark.parametrize("value", [None, 7, "", "x" * 256, ["ev_1"]])
def test_a_body_without_an_id_is_parked_under_its_hash(value: object) -> None:
    message = read(bodies.event("payment_succeeded", bodies.payment()) | {"id": value})
    assert message.translation == Parked("malformed_body")
    assert message.external_id.startswith("sha256:")


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**63), 2**70), st.floats(allow_nan=False), st.text()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    max_leaves=6,
)


@given(data=st.data())
def test_whatever_stands_where_nothing_raises(data: st.DataObject) -> None:
    kind, transaction = data.draw(
        st.sampled_from([("payment_succeeded", bodies.payment()), ("payment_refunded", bodies.refund())])
    )
    body = bodies.event(kind, copy.deepcopy(transaction), customer={"cf_referral_code": "K7QM3XTD", "meta_data": {}})
    content = body["content"]
    for target in (content["transaction"], content["customer"], content, body):
        for name in data.draw(st.lists(st.sampled_from(sorted(target)), max_size=2)):
            target[name] = data.draw(JSON)
    labels = Chargebee().labels(body)
    assert labels.external_id is None or 1 <= len(labels.external_id) <= 255
    said = Chargebee().translate(body, Around("ev_1", "", is_test=False, now=NOON))
    assert isinstance(said, GivenEvent | Parked | Ignored)
    if isinstance(said, GivenEvent):
        assert said.aliases
        assert all(1 <= len(alias) <= 255 for alias in said.aliases)
        assert said.amount is None or 0 < said.amount.amount_minor <= 10**12
        assert said.refund is None or 0 < said.refund.amount.amount_minor <= 10**12
