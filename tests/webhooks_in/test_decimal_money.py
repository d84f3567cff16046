"""Decimal texts in minor units: exactly, or not at all."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from referral_service.kit.money import CURRENCIES, Money, exponent
from referral_service.webhooks_in.providers.decimal_money import UnusableDecimal, money_of


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [
        ("409.94", "USD", 40994),
        ("0.29", "USD", 29),
        ("29.35", "usd", 2935),
        ("10", "EUR", 1000),
        ("10.5", "EUR", 1050),
        ("10.5000", "EUR", 1050),
        ("-10.00", "USD", -1000),
        ("0.00", "USD", 0),
        ("500", "JPY", 500),
        ("500.00", "JPY", 500),
        ("1.234", "KWD", 1234),
        ("0007.00", "USD", 700),
        ("10000000000.00", "USD", 10**12),
    ],
)
def test_a_decimal_text_becomes_minor_units_of_its_currency(amount: str, currency: str, minor: int) -> None:
    assert money_of(amount, currency) == Money(minor, currency.upper())


@pytest.mark.parametrize(
    ("amount", "currency"),
    [
        (409.94, "USD"), (409, "USD"), (True, "USD"), (None, "USD"), ([], "USD"), ({}, "USD"), ("", "USD"),
        ("1.005", "USD"), ("0.5", "JPY"), ("1.2345", "KWD"), ("1,00", "USD"), ("1 000.00", "USD"), ("+1.00", "USD"),
        ("1.", "USD"), (".5", "USD"), ("1e3", "USD"), ("NaN", "USD"), ("Infinity", "USD"), ("0x10", "USD"),
        ("１.00", "USD"), ("٣.00", "USD"), ("1.00\n", "USD"), (" 1.00", "USD"), ("--1", "USD"), ("1_0", "USD"),
        ("10000000000.01", "USD"), ("9" * 5000, "USD"), ("1.00", "XXX"), ("1.00", ""), ("1.00", None), ("1.00", 840),
        ("1.00", "US"), ("1.00", "ＵＳＤ"),
    ],
)  # fmt: skip
def test_anything_else_is_refused_and_never_rounded(amount: object, currency: object) -> None:
    with pytest.raises(UnusableDecimal):
        money_of(amount, currency)


@given(minor=st.integers(0, 10**12), currency=st.sampled_from(sorted(CURRENCIES)))
def test_every_amount_that_a_shop_can_write_comes_back(minor: int, currency: str) -> None:
    written = format(Decimal(minor).scaleb(-exponent(currency)), "f")
    assert money_of(written, currency) == Money(minor, currency)
