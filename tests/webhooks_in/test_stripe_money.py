"""Stripe's minor units are not always those of ISO 4217."""

from __future__ import annotations

import pytest

from referral_service.kit.money import AMOUNT_MINOR_MAX, CURRENCIES, Money
from referral_service.webhooks_in.providers.stripe_money import UnusableAmount, money_from


@pytest.mark.parametrize(
    ("amount", "currency", "money"),
    [
        (1999, "usd", Money(1999, "USD")),
        (1999, "EUR", Money(1999, "EUR")),
        (500, "jpy", Money(500, "JPY")),
        (500, "krw", Money(500, "KRW")),
        # Three decimals, of which Stripe wants the last to be zero for cards.
        (5120, "kwd", Money(5120, "KWD")),
        # No cents in life, two decimals at Stripe.
        (50000, "isk", Money(500, "ISK")),
        (50000, "ugx", Money(500, "UGX")),
        # No decimals at Stripe, two in ISO 4217.
        (500, "mga", Money(50000, "MGA")),
        # Two decimals when charged, whatever they are paid out in.
        (10000, "huf", Money(10000, "HUF")),
        (10000, "twd", Money(10000, "TWD")),
        (0, "usd", Money(0, "USD")),
    ],
)
def test_an_amount_is_put_into_our_minor_units(amount: int, currency: str, money: Money) -> None:
    assert money_from(amount, currency) == money


@pytest.mark.parametrize(
    ("amount", "currency"),
    [
        (50001, "isk"),
        (99, "ugx"),
        (1, "clf"),
        (1, "iqd"),
        (1, "xxx"),
        (1, ""),
        (1, None),
        (1, "ß"),
        (None, "usd"),
        (-1, "usd"),
        (1.0, "usd"),
        (True, "usd"),
        (AMOUNT_MINOR_MAX + 1, "usd"),
        (AMOUNT_MINOR_MAX, "mga"),
    ],
)
def test_an_amount_that_cannot_be_trusted_is_none(amount: object, currency: object) -> None:
    with pytest.raises(UnusableAmount):
        money_from(amount, currency)


def test_every_currency_is_either_read_or_refused() -> None:
    read = set()
    for currency in CURRENCIES:
        try:
            read.add(money_from(100, currency.lower()).currency)
        except UnusableAmount:
            continue
    # What Stripe does not offer, and whose decimals there nobody knows.
    assert CURRENCIES - read == {"CLF", "IQD", "LYD", "UYI", "UYW"}
