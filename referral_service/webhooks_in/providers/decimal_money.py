"""Amounts that shops write as decimal text (`"409.94"`), in the minor units of ISO 4217, exactly."""

from __future__ import annotations

import re

from referral_service.kit.money import AMOUNT_MINOR_MAX, Money, UnknownCurrency, exponent

_DECIMAL = re.compile(r"(-?)([0-9]{1,16})(?:\.([0-9]{1,10}))?")


class UnusableDecimal(ValueError):
    """A text that is no amount, too large, finer than the currency's smallest unit, or in an unknown currency."""


def money_of(amount: object, currency: object) -> Money:
    """Return a decimal text as money, negative where it is; raise UnusableDecimal.

    A number is refused: JSON's are binary fractions to most who write and read them. Zeros behind the currency's
    decimals are taken (`"500.00"` JPY), any other digit there is not rounded away.
    """
    found = _DECIMAL.fullmatch(amount) if isinstance(amount, str) else None
    if found is None or not isinstance(currency, str):
        raise UnusableDecimal("Not a decimal amount.")
    try:
        decimals = exponent(currency.upper())
    except UnknownCurrency as error:
        raise UnusableDecimal("Not a currency.") from error
    sign, whole, fraction = found.group(1), found.group(2), (found.group(3) or "")
    kept, rest = fraction[:decimals].ljust(decimals, "0"), fraction[decimals:]
    if rest.strip("0"):
        raise UnusableDecimal("A part of the smallest unit.")
    minor = int(whole + kept)
    if minor > AMOUNT_MINOR_MAX:
        raise UnusableDecimal("Too large.")
    return Money(-minor if sign else minor, currency.upper())
