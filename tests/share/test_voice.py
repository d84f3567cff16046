"""Money, numbers and dates as a language writes them, whatever the currency."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from cast import NOON
from referral_service.kit.money import Money, UnknownCurrency
from referral_service.share.voice import voice_of


def plain(text: str) -> str:
    """Spaces that do not break are spaces to a reader."""
    return text.replace("\N{NO-BREAK SPACE}", " ").replace("\N{NARROW NO-BREAK SPACE}", " ")


AMOUNTS = {
    "en": {"USD": "$1,234.56", "EUR": "€1,234.56", "UAH": "UAH 1,234.56", "JPY": "¥123,456", "KWD": "KWD 123.456"},
    "ru": {"USD": "1 234,56 $", "EUR": "1 234,56 €", "UAH": "1 234,56 ₴", "JPY": "123 456 ¥", "KWD": "123,456 KWD"},
    "uk": {"USD": "1 234,56 USD", "EUR": "1 234,56 EUR", "UAH": "1 234,56 ₴", "JPY": "123 456 ¥", "KWD": "123,456 KWD"},
    "bg": {
        "USD": "1 234,56 щ.д.",
        "EUR": "1 234,56 €",
        "UAH": "1 234,56 UAH",
        "JPY": "123 456 JPY",
        "KWD": "123,456 KWD",
    },
}


@pytest.mark.parametrize("locale", AMOUNTS)
def test_an_amount_is_written_as_the_language_writes_it(locale: str) -> None:
    said = {currency: plain(voice_of(locale).money(Money(123456, currency))) for currency in AMOUNTS[locale]}
    assert said == AMOUNTS[locale]


@pytest.mark.parametrize("currency", ["PKR", "COP", "IDR", "RSD", "UYW", "CLF"])
def test_decimals_are_those_of_the_books_not_those_of_custom(currency: str) -> None:
    """CLDR leaves out what nobody pays in cash any more; a balance has it all the same."""
    decimals = 4 if currency in ("UYW", "CLF") else 2
    assert plain(voice_of("en").money(Money(5, currency))).endswith("0." + "5".zfill(decimals))


def test_the_lev_has_left_the_books_with_the_euro() -> None:
    """No program can be in it, so no page has to write it."""
    with pytest.raises(UnknownCurrency):
        Money(100, "BGN")


def test_less_than_nothing_keeps_its_sign() -> None:
    assert voice_of("en").money(Money(-250, "USD")) == "-$2.50"


@pytest.mark.parametrize(
    ("locale", "said"), [("en", ("15%", "1.5%")), ("ru", ("15 %", "1,5 %")), ("uk", ("15%", "1,5%"))]
)
def test_a_percentage_has_the_decimals_that_it_needs(locale: str, said: tuple[str, str]) -> None:
    voice = voice_of(locale)
    assert (plain(voice.percent(Decimal("15.00"))), plain(voice.percent(Decimal("1.50")))) == said


@pytest.mark.parametrize(
    ("locale", "this_year", "next_year"),
    [
        ("en", "December 3", "December 3, 2027"),
        ("ru", "3 декабря", "3 декабря 2027 г."),
        ("uk", "3 грудня", "3 грудня 2027 р."),
        ("bg", "3 декември", "3 декември 2027 г."),
    ],
)
def test_a_date_says_its_year_only_where_it_is_another(locale: str, this_year: str, next_year: str) -> None:
    voice, at = voice_of(locale), datetime(2026, 12, 3, 18, tzinfo=UTC)
    assert plain(voice.day(at, now=NOON)) == this_year
    assert plain(voice.day(at.replace(year=2027), now=NOON)) == next_year


def test_what_ends_at_midnight_lasts_until_the_evening_before() -> None:
    voice = voice_of("en")
    assert voice.last_day(datetime(2026, 12, 25, tzinfo=UTC), now=NOON) == "December 24"
    assert voice.last_day(datetime(2026, 12, 25, 0, 0, 1, tzinfo=UTC), now=NOON) == "December 25"


@pytest.mark.parametrize(
    ("locale", "said"),
    [
        ("en", ["500 MB", "2 days", "7 stickers"]),
        ("ru", ["500 МБ", "2 дня", "7 stickers"]),
        ("uk", ["500 МБ", "2 дні", "7 stickers"]),
        ("bg", ["500 MB", "2 дни", "7 stickers"]),
    ],
)
def test_known_units_are_read_in_every_language_and_others_stay(locale: str, said: list[str]) -> None:
    voice = voice_of(locale)
    assert [plain(voice.quantity(*it)) for it in [(500, "MB"), (2, "days"), (7, "stickers")]] == said


def test_an_abbreviation_at_the_end_brings_its_own_full_stop() -> None:
    voice = voice_of("bg")
    assert plain(voice.gettext("Up to %(gift)s in all.", gift=voice.money(Money(500, "USD")))) == "Общо до 5,00 щ.д."


def test_what_fills_a_place_is_never_read_as_a_text_itself() -> None:
    """Names and links are whatever people make of them."""
    said = voice_of("en").gettext(
        "I recommend %(program)s. %(headline)s.", program="%(headline)s 100% ../x", headline="A."
    )
    assert said == "I recommend %(headline)s 100% ../x. A."


def test_an_unknown_language_is_spoken_in_english() -> None:
    assert voice_of("xx") is voice_of("en")


@pytest.mark.parametrize(("locale", "said"), [("en", "a, b, or c"), ("ru", "a, b или c"), ("bg", "a, b или c")])
def test_a_choice_is_joined_as_the_language_joins_it(locale: str, said: str) -> None:
    assert voice_of(locale).any_of(["a", "b", "c"]) == said
