"""What Paddle's events mean in our words."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from webhooks_in import paddle_bodies as bodies
from webhooks_in.paddle_bodies import adjustment, line, transaction

from cast import NOON
from referral_service.events.given import GivenDispute, GivenEvent, GivenRefund
from referral_service.kit.money import Money
from referral_service.webhooks_in.providers.paddle import Paddle
from referral_service.webhooks_in.providers.provider import Ignored, Parked, Translation
from referral_service.webhooks_in.read_message import Message, read_message

COMPLETED, ADJUSTED = "transaction.completed", "adjustment.updated"


def read(kind: str, thing: Any, *, is_test: bool = False, now: datetime = NOON, **envelope: Any) -> Message:
    raw = json.dumps(bodies.event(kind, thing) | envelope).encode()
    return read_message(Paddle(), raw, external_id=None, is_test=is_test, now=now)


def meaning(kind: str, thing: Any) -> Translation:
    return read(kind, thing).translation


def purchase(**more: Any) -> GivenEvent:
    said = meaning(COMPLETED, transaction(**more))
    assert isinstance(said, GivenEvent), said
    assert said.type == "purchase"
    return said


def details(grand_total: Any, *lines: Any, currency: str = "USD") -> dict[str, Any]:
    return {"totals": {"grand_total": grand_total, "currency_code": currency}, "line_items": list(lines)}


def test_a_completed_transaction_is_a_purchase() -> None:
    message = read(COMPLETED, transaction(), event_id="evt_7")
    assert message.external_id == "evt_7"
    assert message.provider_type == "transaction.completed"
    assert message.type == "purchase"
    assert message.translation == GivenEvent(
        external_id="evt_7",
        type="purchase",
        occurred_at=NOON,
        customer_hints=("ctm_1",),
        aliases=("txn_1", "inv_1"),
        amount=Money(5000, "USD"),
        lines=({"category": "saas", "amount_minor": 5000},),
    )


@pytest.mark.parametrize("invoice", [None, "", 7, "txn_1"])
def test_a_transaction_without_an_invoice_of_its_own_is_known_by_its_own_id(invoice: object) -> None:
    assert purchase(invoice_id=invoice).aliases == ("txn_1",)


def test_custom_data_of_the_app_names_the_customer_and_how_he_came() -> None:
    said = purchase(
        custom_data={
            "referral_customer_id": "bob",
            "referral_code": " K7QM3XTD ",
            "referral_click": "tok.en",
            "x": {"y": [1]},
        }
    )
    assert said.customer_id == "bob"
    assert said.customer_hints == ("ctm_1",)
    assert (said.code, said.signed_code, said.click_token) == ("K7QM3XTD", None, "tok.en")


def test_a_signed_code_is_told_from_a_typed_one() -> None:
    signed = "K7QM3XTD" + "0" * 25
    said = purchase(custom_data={"referral_code": signed})
    assert (said.code, said.signed_code) == (None, signed)


@pytest.mark.parametrize(
    ("noted", "code", "click"),
    [
        ({}, "MARIA20", None),
        (None, "MARIA20", None),
        ({"referral_code": "K7QM3XTD"}, "K7QM3XTD", None),
        ({"referral_click": "tok.en"}, None, "tok.en"),
        ({"referral_code": 7}, "MARIA20", None),
    ],
)
def test_a_discounts_code_is_a_code_where_the_app_noted_nothing(
    noted: object, code: str | None, click: str | None
) -> None:
    said = purchase(custom_data=noted, discount={"id": "dsc_1", "code": "MARIA20"})
    assert (said.code, said.click_token) == (code, click)


def test_the_address_of_a_customer_who_was_asked_for_as_well_is_taken() -> None:
    assert purchase(customer={"email": "bob@example.com"}).email == "bob@example.com"
    for unusable in ("not an address", "x" * 300 + "@x.example", None, 7):
        assert purchase(customer={"email": unusable}).email is None


def test_nothing_personal_and_no_custom_data_is_kept_with_the_event() -> None:
    said = purchase(
        customer={"email": "bob@example.com"}, custom_data={"referral_customer_id": "bob", "phone": "+1 555"}
    )
    assert said.payload() == {
        "aliases": ["txn_1", "inv_1"],
        "amount": {"amount_minor": 5000, "currency": "USD"},
        "lines": [{"category": "saas", "amount_minor": 5000}],
    }


@pytest.mark.parametrize("unusable", ["", " ", "a/b", "..", "x" * 256, 7, None, ["bob"], {"id": "bob"}])
def test_a_customer_id_that_cannot_be_one_names_nobody(unusable: object) -> None:
    said = purchase(customer_id=unusable, custom_data={"referral_customer_id": unusable})
    assert (said.customer_id, said.customer_hints) == (None, ())


def test_lines_of_one_category_are_added_up() -> None:
    lines = (line("saas", "1000"), line("ebooks", "500"), line("saas", "2000"), line("ebooks", "0"))
    said = purchase(details=details("3500", *lines))
    assert said.lines == ({"category": "saas", "amount_minor": 3000}, {"category": "ebooks", "amount_minor": 500})


@pytest.mark.parametrize(
    ("product", "category"),
    [
        ({"tax_category": "saas", "type": "custom"}, "saas"),
        ({"tax_category": None, "type": "custom"}, "custom"),
        ({"tax_category": "x" * 65, "type": "custom"}, "custom"),
        ({"tax_category": "a\nb", "type": ""}, None),
        ({}, None),
        (None, None),
    ],
)
def test_a_lines_category_is_the_tax_category_or_the_type_of_its_product(product: object, category: str | None) -> None:
    said = purchase(details=details("100", {"product": product, "totals": {"total": "100"}}))
    assert said.lines == (() if category is None else ({"category": category, "amount_minor": 100},))


@pytest.mark.parametrize("listed", [None, "x", {}, []])
def test_a_transaction_without_lines_is_a_purchase_all_the_same(listed: object) -> None:
    assert purchase(details=details("100") | {"line_items": listed}).lines == ()


def test_an_invoice_was_paid_when_the_event_happened_and_not_when_it_was_issued() -> None:
    issued = "2025-01-02T03:04:05.678901234Z"
    assert purchase(billed_at=issued).occurred_at == datetime(2025, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
    assert purchase(billed_at=issued, collection_mode="manual").occurred_at == NOON
    for unknown in (None, "yesterday", 7, "0001-01-01T00:00:00Z"):
        assert purchase(billed_at=unknown).occurred_at == NOON


@pytest.mark.parametrize(
    ("currency", "amount"), [("USD", "5000"), ("JPY", "5000"), ("KRW", "1"), ("CLP", "990"), ("EUR", "1000000000000")]
)
def test_amounts_are_minor_units_as_they_stand(currency: str, amount: str) -> None:
    assert purchase(grand_total=amount, currency=currency).amount == Money(int(amount), currency)


@pytest.mark.parametrize(
    "amount",
    [5000, 50.0, True, None, "", " 5000", "5000 ", "+5000", "-5000", "05000", "50.00", "5e3", "5_000", "0x10", "٥٠٠٠",
     "５０００", "1000000000001", "9" * 5000, "NaN", ["5000"], {"amount": "5000"}],
)  # fmt: skip
def test_what_is_no_amount_in_minor_units_is_parked(amount: object) -> None:
    assert meaning(COMPLETED, transaction(details=details(amount))) == Parked("unusable_amount", "purchase")
    said = meaning(ADJUSTED, adjustment(totals={"total": amount}))
    assert said == Parked("unusable_amount", "refund")
    of_a_line = details("5000", {"product": {"type": "standard"}, "totals": {"total": amount}})
    assert meaning(COMPLETED, transaction(details=of_a_line)) == Parked("unusable_amount", "purchase")


@pytest.mark.parametrize("currency", [None, "", "usd", "DOUBLOON", "XXX", 840, ["USD"]])
def test_a_currency_that_is_none_is_parked(currency: Any) -> None:
    assert meaning(COMPLETED, transaction(currency_code=currency)) == Parked("unusable_amount", "purchase")
    assert meaning(ADJUSTED, adjustment(currency_code=currency)) == Parked("unusable_amount", "refund")


def test_totals_in_another_currency_than_the_object_are_parked() -> None:
    other = details("5000", currency="EUR")
    assert meaning(COMPLETED, transaction(details=other)) == Parked("unusable_amount", "purchase")
    said = meaning(ADJUSTED, adjustment(totals={"total": "1", "currency_code": "EUR"}))
    assert said == Parked("unusable_amount", "refund")


def test_lines_that_are_too_many_or_too_much_are_parked() -> None:
    many = [line(f"category-{number}", "1") for number in range(101)]
    assert purchase(details=details("101", *many[:100])).amount == Money(101, "USD")
    for lines in (many, [line("saas", str(10**12))] * 2, ["saas"]):
        said = meaning(COMPLETED, transaction(details=details("101", *lines)))
        assert said == Parked("unusable_amount", "purchase")


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"status": "paid"}, "unpaid"),
        ({"status": "billed"}, "unpaid"),
        ({"status": None}, "unpaid"),
        # A trial, a changed payment method, or one that credit has paid.
        ({"grand_total": "0"}, "nothing_paid"),
        ({"details": None}, "unusable_amount"),
        ({"details": {"totals": []}}, "unusable_amount"),
        ({"id": None}, "malformed_body"),
        ({"id": "x" * 256}, "malformed_body"),
    ],
)
def test_what_is_not_paid_is_no_purchase(more: dict[str, Any], reason: str) -> None:
    assert meaning(COMPLETED, transaction(**more)) == Parked(reason, "purchase")


@pytest.mark.parametrize(
    "kind", ["customer.created", "transaction.paid", "transaction.updated", "subscription.created", "adjustment", ""]
)
def test_other_types_are_ignored(kind: str) -> None:
    for thing in ({}, transaction(), adjustment(), None):
        message = read(kind, thing)
        assert message.translation == Ignored("not_relevant")
        assert (message.type, message.provider_type) == ("", kind)


@pytest.mark.parametrize("kind", ["adjustment.created", "adjustment.updated"])
def test_an_approved_refund_is_one_refund_under_its_own_id(kind: str) -> None:
    assert meaning(kind, adjustment()) == GivenEvent(
        external_id="evt_1",
        type="refund",
        occurred_at=NOON,
        aliases=("txn_1",),
        refund=GivenRefund("single", "refund:adj_1", Money(2500, "USD")),
    )


@pytest.mark.parametrize(
    ("action", "key", "status"),
    [
        ("chargeback", "", "opened"),
        ("chargeback_reverse", "", "won"),
        ("chargeback_warning", "chargeback_warning", "opened"),
        ("chargeback_warning_reverse", "chargeback_warning", "won"),
    ],
)
def test_a_chargeback_opens_a_dispute_and_its_reversal_wins_it(action: str, key: str, status: Any) -> None:
    assert meaning("adjustment.created", adjustment(action)) == GivenEvent(
        external_id="evt_1",
        type="dispute",
        occurred_at=NOON,
        aliases=("txn_1",),
        dispute=GivenDispute(key, status),
    )


@pytest.mark.parametrize("action", ["chargeback", "chargeback_warning"])
def test_a_chargeback_that_is_marked_as_reversed_was_won(action: str) -> None:
    said = meaning(ADJUSTED, adjustment(action, status="reversed"))
    assert isinstance(said, GivenEvent)
    assert said.dispute is not None
    assert said.dispute.status == "won"


@pytest.mark.parametrize("action", ["refund", "chargeback", "chargeback_reverse", "chargeback_warning"])
@pytest.mark.parametrize(("status", "reason"), [("pending_approval", "not_approved"), ("rejected", "not_approved"),
                                                ("thought_about", "unknown_status")])  # fmt: skip
def test_an_adjustment_that_is_not_approved_means_nothing(action: str, status: str, reason: str) -> None:
    assert meaning("adjustment.created", adjustment(action, status=status)) == Ignored(reason)


@pytest.mark.parametrize("action", ["refund", "chargeback_reverse", "chargeback_warning_reverse"])
def test_only_a_chargeback_can_be_reversed(action: str) -> None:
    assert meaning(ADJUSTED, adjustment(action, status="reversed")) == Ignored("unknown_status")


@pytest.mark.parametrize("action", ["credit", "credit_reverse"])
def test_a_credit_gives_no_money_back(action: str) -> None:
    assert meaning("adjustment.created", adjustment(action)) == Ignored("credit")


@pytest.mark.parametrize("action", ["", "something_new"])
def test_an_action_that_nobody_knows_is_ignored(action: str) -> None:
    assert meaning(ADJUSTED, adjustment(action)) == Ignored("not_relevant")


@pytest.mark.parametrize(
    ("thing", "ours"),
    [
        (None, "refund"),
        ([], "refund"),
        (adjustment(None), "refund"),  # type: ignore[arg-type]
        (adjustment(status=None), "refund"),
        (adjustment(id=None), "refund"),
        (adjustment(transaction_id=None), "refund"),
        (adjustment(total="0"), "refund"),
        (adjustment("chargeback", status=None), "dispute"),
        (adjustment("chargeback", transaction_id=None), "dispute"),
    ],
)
def test_an_adjustment_that_does_not_say_what_or_whose_it_is_is_parked(thing: Any, ours: str) -> None:
    assert meaning(ADJUSTED, thing) == Parked("malformed_body", ours)


def test_a_long_text_that_is_not_used_does_no_harm() -> None:
    assert purchase(items=[{"price": {"description": "y" * 5000}}]).aliases == ("txn_1", "inv_1")
