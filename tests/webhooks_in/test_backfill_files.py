"""Files as they come: JSON lines and tables, good and bad, and what each line of them stands for."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from webhooks_in.shop_bodies import woo_order
from webhooks_in.tables import SHOPIFY_COLUMNS, STRIPE_COLUMNS, shopify_row, stripe_row, table

from cast import NOON
from referral_service.events.given import GivenEvent
from referral_service.kit import strict_json
from referral_service.kit.money import Money
from referral_service.webhooks_in.backfill.lines import Found, Lines, Read, Unreadable, UnusableFile
from referral_service.webhooks_in.backfill.read_file import read_file
from referral_service.webhooks_in.providers.provider import Ignored, Parked, Several
from referral_service.webhooks_in.providers.registry import PROVIDERS
from referral_service.webhooks_in.read_message import BODY_BYTES_MAX, Message, read_body

OWN = ("order_id", "amount", "currency", "occurred_at", "customer_id", "email", "refunded_amount", "test")
ROW = {
    "order_id": "o-1",
    "amount": "50.00",
    "currency": "USD",
    "occurred_at": "2026-03-01T12:00:00Z",
    "customer_id": "bob",
}


def read(provider: str, raw: bytes, *, from_line: int = 1) -> list[Read]:
    return list(read_file(Lines(io.BytesIO(raw)), PROVIDERS[provider], from_line=from_line))


def wrong(provider: str, raw: bytes) -> dict[int, str]:
    return {one.line: one.sentence for one in read(provider, raw) if isinstance(one, Unreadable)}


def lines_of(records: list[Read]) -> list[int]:
    return [one.line for one in records]


def meant(provider: str, raw: bytes, *, is_test: bool = False) -> list[Message]:
    """What the messages of all records mean."""
    found: list[Message] = []
    for record in read(provider, raw):
        assert isinstance(record, Found), record
        found += [
            read_body(
                PROVIDERS[provider],
                one.body,
                raw=strict_json.dumps(one.body),
                external_id=one.external_id,
                provider_type=one.provider_type,
                is_test=is_test,
                now=NOON,
            )
            for one in record.messages
        ]
    return found


def events(provider: str, raw: bytes) -> list[GivenEvent]:
    told: list[GivenEvent] = []
    for message in meant(provider, raw):
        said = message.translation
        assert not isinstance(said, Ignored | Parked), said
        told += said.events if isinstance(said, Several) else [said]
    return told


# --- JSON lines --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_lines_are_read_whatever_ends_them_and_blank_ones_are_passed_over(ends: str, mark: bytes) -> None:
    order = json.dumps(woo_order())
    raw = mark + ends.join(["", order, "   ", order, order]).encode()
    assert lines_of(read("woocommerce", raw)) == [2, 4, 5]
    assert lines_of(read("woocommerce", raw, from_line=5)) == [5]


def test_a_bad_line_is_told_by_its_number_and_stops_nothing() -> None:
    good = json.dumps(woo_order()).encode()
    deep = b'{"a":' * 40 + b"1" + b"}" * 40
    bad = [b"{", b"7", b"[]", b'{"id":1,"id":2}', b'{"id":NaN}', b'{"id":"\xff"}', b'{"a":"\\u0000"}', deep, b"{}"]
    raw = b"\n".join([good, *bad, good])
    told = wrong("woocommerce", raw)
    assert list(told) == list(range(2, 11))
    assert all(sentence.endswith(".") for sentence in told.values())
    assert [one.line for one in read("woocommerce", raw) if isinstance(one, Found)] == [1, 11]


def test_a_line_may_be_as_long_as_a_webhooks_body() -> None:
    # Its texts are bounded too, so that it takes many.
    notes = ["x" * 60_000] * 17
    order = json.dumps(woo_order(notes=notes)).encode()
    largest = order + b" " * (BODY_BYTES_MAX - len(order))
    raw = largest + b"\r\n" + largest + b" \n" + b"y" * (3 * BODY_BYTES_MAX) + b"\n" + largest
    assert wrong("woocommerce", raw) == {
        2: "The line is longer than 1024 KiB.",
        3: "The line is longer than 1024 KiB.",
    }
    assert lines_of(read("woocommerce", raw)) == [1, 2, 3, 4]


def test_a_json_array_is_refused_with_the_way_to_make_lines_of_it() -> None:
    with pytest.raises(UnusableFile, match=r"jq -c '\.\[\]'"):
        read("woocommerce", b"\n [{}]")


def test_an_empty_file_has_no_records() -> None:
    assert read("woocommerce", b"") == read("woocommerce", b"\n\n") == []


# --- tables of our own -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("provider", sorted(PROVIDERS))
def test_a_row_of_our_own_columns_is_an_order_of_any_source(provider: str) -> None:
    (bought,) = events(provider, table(OWN, ROW))
    assert (bought.type, bought.customer_id, bought.aliases) == ("purchase", "bob", ("o-1",))
    assert bought.occurred_at == NOON
    assert bought.amount == Money(5000, "USD")


def test_a_refund_of_a_row_is_how_much_has_been_given_back_in_all() -> None:
    bought, back = events("standard", table(OWN, {**ROW, "refunded_amount": "12.50"}))
    assert back.refund is not None
    assert (bought.type, back.refund.mode, back.refund.amount.amount_minor) == ("purchase", "cumulative", 1250)


def test_a_row_is_named_by_what_it_says_but_never_by_an_address() -> None:
    def name(**cells: str) -> str:
        (message,) = meant("standard", table(OWN, {**ROW, **cells}))
        return message.external_id

    assert name() == name(email="bob@example.com")
    assert len({name(), name(refunded_amount="1.00"), name(customer_id="carol"), name(order_id="o-2")}) == 4


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ({"order_id": " "}, "order_id"),
        ({"order_id": "x" * 201}, "order_id"),
        ({"amount": "50,00"}, "amount"),
        ({"amount": "-1.00"}, "amount"),
        ({"amount": "0.001"}, "amount"),
        ({"currency": "XXY"}, "amount"),
        ({"occurred_at": "2026-03-01 12:00:00"}, "occurred_at"),
        ({"occurred_at": "0001-01-01T00:00:00Z"}, "occurred_at"),
        ({"customer_id": "a/b"}, "customer_id"),
        ({"email": "nobody"}, "email"),
        ({"refunded_amount": "x"}, "refunded_amount"),
        ({"test": "maybe"}, "test"),
    ],
)
def test_a_cell_that_cannot_be_read_is_named(cells: dict[str, str], said: str) -> None:
    assert wrong("stripe", table(OWN, {**ROW, **cells}))[2].startswith(said)


def test_a_row_of_a_test_stays_parked_in_a_live_app() -> None:
    (message,) = meant("standard", table(OWN, {**ROW, "test": "TRUE"}))
    assert message.translation == Parked("test_mode", "purchase")
    (message,) = meant("standard", table(OWN, {**ROW, "test": "true"}), is_test=True)
    assert isinstance(message.translation, GivenEvent)


@pytest.mark.parametrize(
    "columns", [(*OWN, "colour"), OWN[1:], ("Order", "Total"), ("order_id;amount",), (*OWN, "test")]
)
@pytest.mark.parametrize("provider", ["standard", "shopify", "stripe"])
def test_a_header_that_is_not_understood_is_refused_with_what_is(provider: str, columns: tuple[str, ...]) -> None:
    header = (",".join(columns) + "\r\n").encode()
    with pytest.raises(UnusableFile) as refused:
        read(provider, header)
    assert "order_id, amount, currency, occurred_at" in str(refused.value)
    assert ("Refunded Amount" in str(refused.value)) is (provider == "shopify")


def test_the_table_of_another_provider_is_refused() -> None:
    with pytest.raises(UnusableFile):
        read("woocommerce", table(SHOPIFY_COLUMNS, shopify_row()))


def test_a_bad_row_is_told_by_its_line_and_stops_nothing() -> None:
    good = "o-1,50.00,USD,2026-03-01T12:00:00Z,bob,,,"
    rows = [",".join(OWN), good, "too,few", '"a"b,,,,,,,', "\udcff", "\0", "", good, '"open,' + good]
    raw = "\r\n".join(rows).encode("utf-8", "surrogateescape")
    assert list(wrong("standard", raw)) == [3, 4, 5, 6, 9]
    assert [one.line for one in read("standard", raw) if isinstance(one, Found)] == [2, 8]
    assert lines_of(read_from(raw, 8)) == [8, 9]


def read_from(raw: bytes, line: int) -> list[Read]:
    return read("standard", raw, from_line=line)


def test_a_cell_may_go_over_several_lines_but_not_over_the_whole_file() -> None:
    raw = table(OWN, {**ROW, "email": "bob@example.com\r\n"}, {**ROW, "order_id": "o-2"})
    assert lines_of(read("standard", raw)) == [2, 4]
    swallowed = b",".join(name.encode() for name in OWN) + b'\n"' + b"x\n" * 200_000
    assert set(wrong("standard", swallowed).values()) == {
        "The row is not CSV: its quotes do not fit, or a cell is too long.",
        f"The row has 1 cells, and the header {len(OWN)}.",
    }


# --- Shopify's ---------------------------------------------------------------------------------------------------


def test_the_rows_of_an_order_are_one_purchase_with_its_lines() -> None:
    goes_on = {"Name": "#1001", "Lineitem quantity": "1", "Lineitem price": "11.00", "Vendor": "Cups"}
    raw = table(SHOPIFY_COLUMNS, shopify_row(), goes_on, shopify_row(Name="#1002", Id="2"))
    assert lines_of(read("shopify", raw)) == [2, 4]
    bought, other = events("shopify", raw)
    assert bought.aliases == ("9007199254740995",)
    assert (bought.email, bought.occurred_at) == ("bob@example.com", NOON)
    assert bought.amount is not None
    assert bought.amount.amount_minor == 5000
    assert [(line["category"], line["amount_minor"]) for line in bought.lines] == [("Teas", 3900), ("Cups", 1100)]
    assert other.aliases == ("2",)


def test_attributes_and_discounts_of_a_table_say_who_and_how() -> None:
    row = shopify_row(Note_Attributes="referral_customer_id: bob\ngift: yes", Discount_Code="MARIA20, SPRING")
    (bought,) = events("shopify", table(SHOPIFY_COLUMNS, row))
    assert (bought.customer_id, bought.code_hints) == ("bob", ("MARIA20", "SPRING"))


def test_what_a_table_says_was_given_back_is_a_refund() -> None:
    row = shopify_row(Financial_Status="partially_refunded", Refunded_Amount="12.50")
    _, back = events("shopify", table(SHOPIFY_COLUMNS, row))
    assert back.refund is not None
    assert (back.refund.mode, back.refund.amount.amount_minor) == ("cumulative", 1250)
    cancelled = shopify_row(Cancelled_at="2026-03-01 07:00:00 -0500")
    _, back = events("shopify", table(SHOPIFY_COLUMNS, cancelled))
    assert back.refund is not None
    assert back.refund.amount.amount_minor == 5000


def test_an_order_of_the_bogus_gateway_is_a_test() -> None:
    (message,) = meant("shopify", table(SHOPIFY_COLUMNS, shopify_row(Payment_Method="bogus")))
    assert message.translation == Parked("test_mode", "purchase")


def test_an_order_that_a_spreadsheet_has_rounded_is_refused() -> None:
    rows = [
        shopify_row(Id="9.00719925E+15"),
        shopify_row(Total="x"),
        shopify_row(Created_at="1/3/2026"),
        {"Name": "#9"},
    ]
    assert list(wrong("shopify", table(SHOPIFY_COLUMNS, *rows))) == [2, 3, 4, 5]


# --- Stripe's ----------------------------------------------------------------------------------------------------


def test_a_row_of_stripe_is_its_charge() -> None:
    row = stripe_row(Amount_Refunded="12.50", Status="Refunded") | {"referral_customer_id (metadata)": "bob"}
    row["Refunded date (UTC)"] = "2026-03-01 12:00"
    bought, back = events("stripe", table(STRIPE_COLUMNS, row))
    assert (bought.aliases, bought.customer_id, bought.email) == (("pi_1", "ch_1"), "bob", "bob@example.com")
    assert bought.occurred_at == NOON
    assert back.refund is not None
    assert back.refund.amount.amount_minor == 1250
    assert back.occurred_at == datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [
        ("50.00", "usd", 5000),
        ("5000", "jpy", 5000),
        ("50.500", "kwd", 50500),
        ("50", "isk", 50),
        ("50.00", "mga", 5000),
    ],
)
def test_amounts_of_a_table_are_those_of_stripe(amount: str, currency: str, minor: int) -> None:
    (bought,) = events("stripe", table(STRIPE_COLUMNS, stripe_row(Amount=amount, Currency=currency)))
    assert bought.amount is not None
    assert bought.amount.amount_minor == minor


def test_a_payment_that_failed_is_no_message_and_one_of_a_test_is_parked() -> None:
    rows = [stripe_row(Status="Failed"), stripe_row(Status="requires_payment_method"), stripe_row(Captured="false")]
    assert meant("stripe", table(STRIPE_COLUMNS, *rows)) == []
    (message,) = meant("stripe", table(STRIPE_COLUMNS, stripe_row(Mode="Test")))
    assert message.translation == Parked("test_mode", "purchase")


@pytest.mark.parametrize(
    "cells",
    [{"Mode": ""}, {"Captured": "x"}, {"Status": "New"}, {"Amount": "50,00"}, {"Amount": "-1.00"}, {"id": ""}],
)
def test_a_row_of_stripe_that_cannot_be_read_is_told(cells: dict[str, Any]) -> None:
    assert list(wrong("stripe", table(STRIPE_COLUMNS, stripe_row(**cells)))) == [2]
    row = stripe_row() | {"Created date (UTC)": "2026-13-01 12:00:00"}
    assert wrong("stripe", table(STRIPE_COLUMNS, row))[2].startswith("Created date")
