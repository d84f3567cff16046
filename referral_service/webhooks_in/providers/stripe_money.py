"""Stripe's amounts in the minor units of ISO 4217.

Stripe counts in minor units of its own (https://docs.stripe.com/currencies#zero-decimal and #special-cases): most
currencies have two decimals there, these lists differ. Iceland's króna and Uganda's shilling lost their cents and are
still written with them; Madagascar's ariary has none at Stripe, and two in ISO 4217.
"""

from __future__ import annotations

from referral_service.kit.money import AMOUNT_MINOR_MAX, Money, UnknownCurrency, exponent

_NO_DECIMALS = frozenset(
    {"BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF"}
)
_TWO_DECIMALS_AS_EVER = frozenset({"ISK", "UGX"})
_THREE_DECIMALS = frozenset({"BHD", "JOD", "KWD", "OMR", "TND"})


class UnusableAmount(ValueError):
    """An amount that is none, too large, or in a currency whose minor units at Stripe are not known."""


def money_from(amount: object, currency: object) -> Money:
    """Return an amount as Stripe writes it (`3000`, `"usd"`); raise UnusableAmount. Zero is an amount."""
    if type(amount) is not int or not isinstance(currency, str) or not 0 <= amount <= AMOUNT_MINOR_MAX:
        raise UnusableAmount("Not an amount.")
    code = currency.upper()
    try:
        ours = exponent(code)
    except UnknownCurrency as error:
        raise UnusableAmount("Not a currency.") from error
    theirs = _decimals_at_stripe(code, ours)
    if ours >= theirs:
        minor = amount * 10 ** (ours - theirs)
    else:
        # Stripe itself takes only whole units of these currencies.
        minor, rest = divmod(amount, 10 ** (theirs - ours))
        if rest:
            raise UnusableAmount("A part of the smallest unit.")
    if minor > AMOUNT_MINOR_MAX:
        raise UnusableAmount("Too large.")
    return Money(minor, code)


def amount_at_stripe(money: Money) -> int:
    """Return an amount as Stripe writes it, `money_from` backwards; raise UnusableAmount."""
    ours, theirs = exponent(money.currency), _decimals_at_stripe(money.currency, exponent(money.currency))
    more: int = 10 ** max(theirs - ours, 0)
    less: int = 10 ** max(ours - theirs, 0)
    amount, rest = divmod(money.amount_minor * more, less)
    if rest:
        raise UnusableAmount("A part of the smallest unit.")
    return amount


def _decimals_at_stripe(code: str, ours: int) -> int:
    if code in _NO_DECIMALS:
        return 0
    if code in _THREE_DECIMALS:
        return 3
    if ours == 2 or code in _TWO_DECIMALS_AS_EVER:
        return 2
    raise UnusableAmount("Stripe does not say how it counts this currency.")
