from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from referral_service.kit.money import (
    AMOUNT_MINOR_MAX,
    CURRENCIES,
    Money,
    UnknownCurrency,
    exponent,
    format_money,
    percent_of,
    share,
)

amounts = st.integers(0, AMOUNT_MINOR_MAX)
wholes = st.integers(1, AMOUNT_MINOR_MAX)
percentages = st.decimals(0, 1000, allow_nan=False, allow_infinity=False, places=4)


@pytest.mark.parametrize(
    ("currency", "decimals"),
    [("JPY", 0), ("KRW", 0), ("USD", 2), ("EUR", 2), ("HUF", 2), ("ISK", 0), ("KWD", 3), ("TND", 3), ("CLF", 4)],
)
def test_a_currency_has_the_exponent_of_iso_4217(currency: str, decimals: int) -> None:
    assert exponent(currency) == decimals


def test_every_active_currency_with_a_minor_unit_is_known() -> None:
    assert len(CURRENCIES) == 165
    assert {"SLE", "VED", "XCG", "ZWG"} <= CURRENCIES
    assert all(len(code) == 3 and code.isascii() and code.isupper() for code in CURRENCIES)


@pytest.mark.parametrize("currency", ["", "usd", "US", "USDT", "XAU", "XXX", "HRK", "BGN", "U$D", "USD\n"])
def test_what_is_no_active_currency_is_refused(currency: str) -> None:
    with pytest.raises(UnknownCurrency) as refused:
        exponent(currency)
    assert refused.value.currency == currency
    with pytest.raises(UnknownCurrency):
        Money(1, currency)


@pytest.mark.parametrize("amount", [1.0, True, "1", Decimal(1), None])
def test_money_holds_whole_minor_units_only(amount: int) -> None:
    with pytest.raises(ValueError, match="whole number"):
        Money(amount, "USD")


@pytest.mark.parametrize(
    ("amount", "numerator", "denominator", "expected"),
    [
        (1000, 1, 3, 333),
        (1000, 2, 3, 667),
        (1, 1, 2, 1),
        (3, 1, 2, 2),
        (5, 1, 2, 3),
        (-1, 1, 2, -1),
        (-5, 1, 2, -3),
        (5, -1, 2, -3),
        (1, 49, 100, 0),
        (0, 1, 2, 0),
        (10**12, 10**12 - 1, 10**12, 10**12 - 1),
    ],
)
def test_a_half_is_rounded_away_from_zero(amount: int, numerator: int, denominator: int, expected: int) -> None:
    assert share(amount, numerator, denominator) == expected


@given(st.integers(-AMOUNT_MINOR_MAX, AMOUNT_MINOR_MAX), amounts, wholes)
def test_a_share_is_what_exact_decimals_round_half_up_to(amount: int, numerator: int, denominator: int) -> None:
    with localcontext(prec=100):
        exact = Decimal(amount) * numerator / denominator
        expected = int(exact.quantize(Decimal(1), rounding=ROUND_HALF_UP))
    assert share(amount, numerator, denominator) == expected


@given(amounts, amounts, wholes)
def test_a_part_never_exceeds_the_amount(amount: int, numerator: int, denominator: int) -> None:
    assert 0 <= share(amount, min(numerator, denominator), denominator) <= amount


@given(amounts, wholes)
def test_the_whole_share_is_exact_and_no_share_is_nothing(amount: int, denominator: int) -> None:
    assert share(amount, denominator, denominator) == amount
    assert share(amount, 0, denominator) == 0


@given(amounts, amounts, amounts, wholes)
def test_a_larger_part_never_gives_less(amount: int, one: int, other: int, denominator: int) -> None:
    low, high = sorted((one, other))
    assert share(amount, low, denominator) <= share(amount, high, denominator)


@given(amounts, amounts, wholes)
def test_giving_and_taking_back_the_same_share_leaves_nothing(amount: int, numerator: int, denominator: int) -> None:
    assert share(amount, numerator, denominator) + share(-amount, numerator, denominator) == 0


@pytest.mark.parametrize("denominator", [0, -1])
def test_a_share_of_nothing_is_refused(denominator: int) -> None:
    with pytest.raises(ValueError, match="positive"):
        share(1, 1, denominator)


@pytest.mark.parametrize(
    ("amount", "percent", "expected"),
    [
        (5000, "10", 500),
        (999, "10", 100),
        (994, "10", 99),
        (1995, "12.5", 249),
        (5, "10", 1),
        (4, "10", 0),
        (100, "0", 0),
        (100, "1000", 1000),
        (100, "1E+1", 10),
        (AMOUNT_MINOR_MAX, "0.000001", 10_000),
    ],
)
def test_percentages_round_like_every_other_share(amount: int, percent: str, expected: int) -> None:
    assert percent_of(amount, Decimal(percent)) == expected


@given(amounts, percentages)
def test_a_percentage_up_to_a_hundred_never_exceeds_the_amount(amount: int, percent: Decimal) -> None:
    assert (percent_of(amount, percent) <= amount) or percent > 100


@given(amounts, percentages, percentages)
def test_a_higher_percentage_never_gives_less(amount: int, one: Decimal, other: Decimal) -> None:
    assert percent_of(amount, min(one, other)) <= percent_of(amount, max(one, other))


@pytest.mark.parametrize(
    "percent", ["NaN", "sNaN", "Infinity", "-1", "1000.01", "1E+1000000", "0.0000001", "1E-1000000"]
)
def test_an_absurd_percentage_is_refused_at_once(percent: str) -> None:
    with pytest.raises(ValueError, match="percentage"):
        percent_of(100, Decimal(percent))


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        (1000, "USD", "10.00 USD"),
        (5, "USD", "0.05 USD"),
        (0, "USD", "0.00 USD"),
        (-5, "USD", "-0.05 USD"),
        (-123456, "EUR", "-1234.56 EUR"),
        (500, "JPY", "500 JPY"),
        (-500, "JPY", "-500 JPY"),
        (1234, "KWD", "1.234 KWD"),
        (1, "CLF", "0.0001 CLF"),
    ],
)
def test_money_is_written_with_the_decimals_of_its_currency(amount: int, currency: str, text: str) -> None:
    assert format_money(Money(amount, currency)) == text


@given(st.integers(-AMOUNT_MINOR_MAX, AMOUNT_MINOR_MAX), st.sampled_from(sorted(CURRENCIES)))
def test_written_money_names_the_same_amount(amount: int, currency: str) -> None:
    number, code = format_money(Money(amount, currency)).split()
    assert Decimal(number).scaleb(exponent(currency)) == amount
    assert code == currency
