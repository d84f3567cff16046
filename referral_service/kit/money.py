"""Money in whole minor units, the exponents of ISO 4217, and the one rounding rule."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

AMOUNT_MINOR_MAX = 10**12
# A percentage of a purchase; the finest step is a millionth of a percent.
PERCENT_MAX = Decimal(1000)
PERCENT_DECIMALS_MAX = 6

# ISO 4217, list one, as its maintenance agency (SIX) published it on 2026-01-01: every code with a minor
# unit. Metals, bond units, the SDR and the test codes have none and hold no money here.
_CODES_BY_EXPONENT = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    2: (
        "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF "
        "CHE CHF CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD "
        "GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL "
        "MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR "
        "PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP "
        "TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XAD XCD XCG YER ZAR ZMW ZWG"
    ),
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}
_EXPONENTS = {code: exponent for exponent, codes in _CODES_BY_EXPONENT.items() for code in codes.split()}

CURRENCIES = frozenset(_EXPONENTS)


class UnknownCurrency(ValueError):
    """The text is not the upper-case code of an active currency that has a minor unit."""

    def __init__(self, currency: str) -> None:
        super().__init__("Not the code of an active ISO 4217 currency, such as USD.")
        self.currency = currency


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in the currency's minor units; negative where something is owed back.

    Raises ValueError for an amount that is no integer, UnknownCurrency for a currency that is none.
    """

    amount_minor: int
    currency: str

    def __post_init__(self) -> None:
        if type(self.amount_minor) is not int:
            raise ValueError("An amount is a whole number of minor units.")
        exponent(self.currency)


def exponent(currency: str) -> int:
    """Return how many decimals the currency has: 0, 2, 3 or 4. Raises UnknownCurrency."""
    try:
        return _EXPONENTS[currency]
    except KeyError:
        raise UnknownCurrency(currency) from None


def share(amount: int, numerator: int, denominator: int) -> int:
    """Return amount * numerator / denominator in minor units, a half rounded away from zero.

    The one rounding rule: whatever is divided anywhere is divided here. Raises ValueError unless the
    denominator is positive.
    """
    if denominator <= 0:
        raise ValueError("A share is taken of a positive whole.")
    product = amount * numerator
    rounded = (2 * abs(product) + denominator) // (2 * denominator)
    return rounded if product >= 0 else -rounded


def percent_of(amount_minor: int, percent: Decimal) -> int:
    """Return `percent` per cent of the amount in minor units, rounded as in `share`.

    Raises ValueError for a percentage that is not finite, not within 0 to 1000, or finer than a millionth.
    """
    # The checks come before the arithmetic: 1E-1000000 has a denominator of a million digits.
    if not percent.is_finite() or not 0 <= percent <= PERCENT_MAX:
        raise ValueError("A percentage lies between 0 and 1000.")
    _, _, decimals = percent.as_tuple()
    if not isinstance(decimals, int) or decimals < -PERCENT_DECIMALS_MAX:
        raise ValueError("A percentage has at most six decimals.")
    numerator, denominator = percent.as_integer_ratio()
    return share(amount_minor, numerator, denominator * 100)


def format_money(money: Money) -> str:
    """Return the amount in major units and the currency's code, such as `-10.05 USD` or `500 JPY`."""
    decimals = exponent(money.currency)
    sign = "-" if money.amount_minor < 0 else ""
    digits = str(abs(money.amount_minor)).rjust(decimals + 1, "0")
    if decimals:
        digits = f"{digits[:-decimals]}.{digits[-decimals:]}"
    return f"{sign}{digits} {money.currency}"
