"""What Stripe's events mean in our words."""

from __future__ import annotations

import copy
import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from webhooks_in import stripe_bodies as bodies

from cast import NOON
from referral_service.events.given import GivenDispute, GivenEvent, GivenRefund
from referral_service.kit.money import Money
from referral_service.webhooks_in.providers.provider import Around, Ignored, Parked, Translation
from referral_service.webhooks_in.providers.stripe import Stripe
from referral_service.webhooks_in.read_message import Message, read_message


def read(kind: str, thing: dict[str, Any], *, is_test: bool = False, now: datetime = NOON, **envelope: Any) -> Message:
    raw = json.dumps(bodies.event(kind, thing, **envelope)).encode()
    return read_message(Stripe(), raw, external_id=None, is_test=is_test, now=now)


def purchase(kind: str, thing: dict[str, Any]) -> GivenEvent:
    said = read(kind, thing).translation
    assert isinstance(said, GivenEvent), said
    assert said.type == "purchase"
    return said


def meaning(kind: str, thing: dict[str, Any]) -> Translation:
    return read(kind, thing).translation


def test_a_paid_checkout_session_is_a_purchase() -> None:
    message = read("checkout.session.completed", bodies.session(), event_id="evt_7")
    assert message.external_id == "evt_7"
    assert message.provider_type == "checkout.session.completed"
    assert message.type == "purchase"
    assert message.translation == GivenEvent(
        external_id="evt_7",
        type="purchase",
        occurred_at=NOON,
        customer_hints=("cus_NffrFeUfNV2Hib",),
        email="bob@example.com",
        aliases=("pi_1", "cs_1"),
        amount=Money(5000, "USD"),
    )


@pytest.mark.parametrize(
    ("kind", "thing", "aliases"),
    [
        ("checkout.session.async_payment_succeeded", bodies.session(), ("pi_1", "cs_1")),
        ("checkout.session.completed", bodies.session(payment_intent=None, invoice="in_1"), ("in_1", "cs_1")),
        ("invoice.paid", bodies.invoice(), ("pi_1", "in_1", "ch_1")),
        ("invoice.paid", bodies.invoice(payment_intent=None, charge=None), ("in_1",)),
        (
            "invoice.paid",
            bodies.invoice(
                payment_intent=None,
                charge=None,
                payments={"data": [{"payment": {"type": "payment_intent", "payment_intent": "pi_1"}}]},
            ),
            ("pi_1", "in_1"),
        ),
        ("payment_intent.succeeded", bodies.payment_intent(), ("pi_1", "ch_1")),
        ("payment_intent.succeeded", bodies.payment_intent(invoice="in_1"), ("pi_1", "in_1", "ch_1")),
        (
            "payment_intent.succeeded",
            bodies.payment_intent(latest_charge=None, charges={"data": [{"id": "ch_1"}]}),
            ("pi_1", "ch_1"),
        ),
        ("payment_intent.succeeded", bodies.payment_intent(latest_charge={"id": "ch_1"}), ("pi_1", "ch_1")),
        (
            "invoice_payment.paid",
            {
                "id": "inpay_1",
                "object": "invoice_payment",
                "amount_paid": 5000,
                "currency": "usd",
                "invoice": "in_1",
                "payment": {"type": "payment_intent", "payment_intent": "pi_1"},
                "status": "paid",
            },
            ("pi_1", "in_1"),
        ),
    ],
)
def test_a_purchase_is_known_under_every_id_the_message_names(
    kind: str, thing: dict[str, Any], aliases: tuple[str, ...]
) -> None:
    said = purchase(kind, thing)
    assert said.aliases == aliases
    assert said.amount == Money(5000, "USD")


def test_metadata_of_the_app_names_the_customer_and_how_he_came() -> None:
    said = purchase(
        "checkout.session.completed",
        bodies.session(
            client_reference_id="cart-7",
            metadata={
                "referral_customer_id": "bob",
                "referral_code": " K7QM3XTD ",
                "referral_click": "tok.en",
                "x": "y",
            },
        ),
    )
    assert said.customer_id == "bob"
    assert said.customer_hints == ("cart-7", "cus_NffrFeUfNV2Hib")
    assert (said.code, said.signed_code, said.click_token) == ("K7QM3XTD", None, "tok.en")


def test_a_signed_code_is_told_from_a_typed_one() -> None:
    signed = "K7QM3XTD" + "0" * 25
    said = purchase("checkout.session.completed", bodies.session(metadata={"referral_code": signed}))
    assert (said.code, said.signed_code) == (None, signed)


def test_nothing_personal_and_no_metadata_is_kept_with_the_event() -> None:
    said = purchase(
        "checkout.session.completed",
        bodies.session(client_reference_id="bob", metadata={"referral_customer_id": "bob", "phone": "+1 555"}),
    )
    assert said.payload() == {"aliases": ["pi_1", "cs_1"], "amount": {"amount_minor": 5000, "currency": "USD"}}


@pytest.mark.parametrize("place", ["subscription_details", "parent"])
def test_an_invoice_carries_the_metadata_of_its_subscription(place: str) -> None:
    details = {"metadata": {"referral_customer_id": "bob"}}
    inside = details if place == "subscription_details" else {"subscription_details": details}
    assert purchase("invoice.paid", bodies.invoice(**{place: inside})).customer_id == "bob"


def test_the_objects_own_metadata_goes_before_the_subscriptions() -> None:
    said = purchase(
        "invoice.paid",
        bodies.invoice(
            metadata={"referral_customer_id": "carol"},
            subscription_details={"metadata": {"referral_customer_id": "bob"}},
        ),
    )
    assert said.customer_id == "carol"


@pytest.mark.parametrize(
    ("kind", "thing", "email"),
    [
        (
            "checkout.session.completed",
            bodies.session(customer_details=None, customer_email="b@x.example"),
            "b@x.example",
        ),
        ("invoice.paid", bodies.invoice(), "bob@example.com"),
        ("payment_intent.succeeded", bodies.payment_intent(receipt_email="r@x.example"), "r@x.example"),
        (
            "payment_intent.succeeded",
            bodies.payment_intent(charges={"data": [{"id": "ch_1", "billing_details": {"email": "c@x.example"}}]}),
            "c@x.example",
        ),
        ("payment_intent.succeeded", bodies.payment_intent(), None),
        ("invoice.paid", bodies.invoice(customer_email="not an address"), None),
        ("invoice.paid", bodies.invoice(customer_email="x" * 300 + "@x.example"), None),
    ],
)
def test_the_payers_address_is_found_where_each_object_has_it(
    kind: str, thing: dict[str, Any], email: str | None
) -> None:
    assert purchase(kind, thing).email == email


@pytest.mark.parametrize("unusable", ["", " ", "a/b", "..", "x" * 256, 7, None, ["bob"], {"no": "id"}])
def test_a_customer_id_that_cannot_be_one_names_nobody(unusable: object) -> None:
    said = purchase(
        "checkout.session.completed",
        bodies.session(client_reference_id=unusable, customer=unusable, metadata={"referral_customer_id": unusable}),
    )
    assert (said.customer_id, said.customer_hints) == (None, ())


@pytest.mark.parametrize(
    ("kind", "thing", "reason"),
    [
        ("checkout.session.completed", bodies.session(payment_status="unpaid"), "unpaid"),
        ("checkout.session.completed", bodies.session(payment_status=None), "unpaid"),
        ("checkout.session.completed", bodies.session(payment_status="no_payment_required"), "nothing_paid"),
        ("checkout.session.completed", bodies.session(amount_total=0), "nothing_paid"),
        # The first invoice of a free trial.
        ("invoice.paid", bodies.invoice(amount_paid=0, payment_intent=None, charge=None), "nothing_paid"),
        ("payment_intent.succeeded", bodies.payment_intent(status="requires_capture"), "unpaid"),
        ("invoice_payment.paid", {"status": "open", "amount_paid": None, "currency": "usd"}, "unpaid"),
        ("checkout.session.completed", bodies.session(amount_total=None), "unusable_amount"),
        ("checkout.session.completed", bodies.session(amount_total=-1), "unusable_amount"),
        ("checkout.session.completed", bodies.session(amount_total=True), "unusable_amount"),
        ("checkout.session.completed", bodies.session(amount_total=19.99), "unusable_amount"),
        ("checkout.session.completed", bodies.session(amount_total="5000"), "unusable_amount"),
        ("checkout.session.completed", bodies.session(amount_total=10**12 + 1), "unusable_amount"),
        ("checkout.session.completed", bodies.session(currency="doubloon"), "unusable_amount"),
        ("checkout.session.completed", bodies.session(currency=None), "unusable_amount"),
        ("checkout.session.completed", bodies.session(id=None, payment_intent=None), "malformed_body"),
    ],
)
def test_what_is_not_paid_is_no_purchase(kind: str, thing: dict[str, Any], reason: str) -> None:
    assert meaning(kind, thing) == Parked(reason, "purchase")


def test_a_session_that_only_keeps_a_card_means_nothing() -> None:
    assert isinstance(meaning("checkout.session.completed", bodies.session(mode="setup")), Ignored)


@pytest.mark.parametrize("kind", ["customer.created", "charge.succeeded", "invoice.created", "v2.core.event", ""])
def test_other_types_are_ignored_in_any_mode(kind: str) -> None:
    for livemode in (True, False):
        message = read(kind, {}, livemode=livemode)
        assert message.translation == Ignored("not_relevant")
        assert (message.type, message.provider_type) == ("", kind)


def test_a_live_app_takes_no_test_payment() -> None:
    for kind, thing in _each_meaning():
        said = read(kind, thing, livemode=False, is_test=False).translation
        assert isinstance(said, Parked)
        assert said.reason == "test_mode"
        assert isinstance(read(kind, thing, livemode=False, is_test=True).translation, GivenEvent)


def test_a_test_app_takes_no_live_payment() -> None:
    for kind, thing in _each_meaning():
        said = read(kind, thing, livemode=True, is_test=True).translation
        assert isinstance(said, Parked)
        assert said.reason == "live_mode"
        assert isinstance(read(kind, thing, livemode=True, is_test=False).translation, GivenEvent)


def test_refunds_add_up_at_stripe_so_the_sum_is_told() -> None:
    said = meaning("charge.refunded", bodies.charge(invoice="in_1"))
    assert said == GivenEvent(
        external_id="evt_1",
        type="refund",
        occurred_at=NOON,
        aliases=("pi_1", "in_1", "ch_1"),
        refund=GivenRefund("cumulative", "total:2500:USD", Money(2500, "USD")),
    )


def test_a_charge_without_a_payment_intent_is_found_by_its_own_id() -> None:
    said = meaning("charge.refunded", bodies.charge(payment_intent=None))
    assert isinstance(said, GivenEvent)
    assert said.aliases == ("ch_1",)


def test_a_refund_of_nothing_is_malformed() -> None:
    assert meaning("charge.refunded", bodies.charge(amount_refunded=0)) == Parked("malformed_body", "refund")
    assert meaning("charge.refunded", bodies.charge(amount_refunded=None)) == Parked("unusable_amount", "refund")


@pytest.mark.parametrize(
    ("kind", "status", "told"),
    [
        ("charge.dispute.created", "needs_response", "opened"),
        ("charge.dispute.created", "under_review", "opened"),
        # A direct debit is taken back with no word to be had.
        ("charge.dispute.created", "lost", "lost"),
        ("charge.dispute.funds_withdrawn", "needs_response", "opened"),
        ("charge.dispute.closed", "won", "won"),
        ("charge.dispute.closed", "lost", "lost"),
    ],
)
def test_a_dispute_is_opened_won_or_lost(kind: str, status: str, told: Any) -> None:
    said = meaning(kind, bodies.dispute(status=status))
    assert isinstance(said, GivenEvent)
    assert (said.type, said.dispute, said.aliases) == ("dispute", GivenDispute("du_1", told), ("pi_1", "ch_1"))


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        # An inquiry takes no money. If it came to that, funds_withdrawn would say so.
        ("charge.dispute.created", "warning_needs_response"),
        ("charge.dispute.created", "prevented"),
        ("charge.dispute.closed", "warning_closed"),
        ("charge.dispute.closed", "charge_refunded"),
        ("charge.dispute.closed", "under_review"),
    ],
)
def test_an_inquiry_or_another_end_of_a_dispute_means_nothing(kind: str, status: str) -> None:
    assert isinstance(meaning(kind, bodies.dispute(status=status)), Ignored)


def test_a_payment_of_the_future_is_parked_and_a_minutes_difference_of_clocks_is_none() -> None:
    early, late = NOON - timedelta(seconds=61), NOON - timedelta(seconds=60)
    assert read("charge.refunded", bodies.charge(), now=early).translation == Parked("occurred_in_future", "refund")
    assert isinstance(read("charge.refunded", bodies.charge(), now=late).translation, GivenEvent)


@pytest.mark.parametrize("field", ["created", "livemode", "data"])
@pytest.mark.parametrize("value", [None, "now", -1, 10**18, 1.5, [], {}])
def test_an_envelope_that_is_not_sound_is_parked(field: str, value: object) -> None:
    body = bodies.event("charge.refunded", bodies.charge()) | {field: value}
    message = read_message(Stripe(), json.dumps(body).encode(), external_id=None, is_test=False, now=NOON)
    assert message.translation == Parked("malformed_body", "refund")


@pytest.mark.parametrize("value", [None, 7, "", "x" * 256, ["evt_1"]])
def test_a_body_without_an_id_is_parked_under_its_hash(value: object) -> None:
    raw = json.dumps(bodies.event("charge.refunded", bodies.charge()) | {"id": value}).encode()
    message = read_message(Stripe(), raw, external_id=None, is_test=False, now=NOON)
    assert message.translation == Parked("malformed_body")
    assert message.external_id.startswith("sha256:")
    again = read_message(Stripe(), raw, external_id=None, is_test=False, now=NOON)
    assert again.external_id == message.external_id


def test_a_long_text_that_is_not_used_does_no_harm() -> None:
    assert isinstance(
        meaning("checkout.session.completed", bodies.session(url="https://x.example/#" + "y" * 5000)), GivenEvent
    )


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False), st.text()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    max_leaves=6,
)


@given(data=st.data())
def test_whatever_stands_where_nothing_raises(data: st.DataObject) -> None:
    kind, thing = data.draw(st.sampled_from(_each_meaning()))
    body = bodies.event(kind, copy.deepcopy(thing))
    for target in (body, body["data"]["object"]):
        for name in data.draw(st.lists(st.sampled_from(sorted(target)), max_size=3)):
            target[name] = data.draw(JSON)
    said = Stripe().translate(body, Around("evt_1", "", is_test=False, now=NOON))
    assert isinstance(said, GivenEvent | Parked | Ignored)
    if isinstance(said, GivenEvent):
        assert said.aliases
        assert all(1 <= len(alias) <= 255 for alias in said.aliases)
        assert said.amount is None or 0 < said.amount.amount_minor <= 10**12


def _each_meaning() -> list[tuple[str, dict[str, Any]]]:
    return [
        ("checkout.session.completed", bodies.session()),
        ("checkout.session.async_payment_succeeded", bodies.session()),
        ("invoice.paid", bodies.invoice()),
        ("payment_intent.succeeded", bodies.payment_intent()),
        ("charge.refunded", bodies.charge()),
        ("charge.dispute.created", bodies.dispute()),
        ("charge.dispute.closed", bodies.dispute(status="won")),
    ]
