"""A language's voice: its words from the catalogue, its money, numbers and dates. Needs no app and no request."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from gettext import NullTranslations

from babel import Locale
from babel.dates import format_date, format_skeleton
from babel.lists import format_list
from babel.numbers import NumberPattern, format_decimal, format_percent, parse_pattern
from babel.support import Translations
from babel.units import format_unit

from referral_service.kit.money import Money, exponent
from referral_service.share.languages import DEFAULT, LOCALES, TRANSLATIONS

# Units that an app may write in its terms, by what CLDR calls them, so that they are read in every language.
_UNITS = {
    name: (unit, length)
    for unit, length, names in (
        ("digital-kilobyte", "short", "kb"),
        ("digital-megabyte", "short", "mb"),
        ("digital-gigabyte", "short", "gb"),
        ("digital-terabyte", "short", "tb"),
        ("duration-minute", "long", "min minute minutes"),
        ("duration-hour", "long", "h hour hours"),
        ("duration-day", "long", "day days"),
        ("duration-week", "long", "week weeks"),
        ("duration-month", "long", "month months"),
        ("duration-year", "long", "year years"),
    )
    for name in names.split()
}
# CLDR parts a currency's letters from the digits by a space that does not break; Babel leaves it out.
_LETTERS_THEN_DIGITS = re.compile(r"([^\W\d_])(?=\d)")
_INSTANT = timedelta(microseconds=1)


def phrase(message: str) -> str:
    """Mark a text for the catalogue; it is translated where it is said."""
    return message


def plural(one: str, many: str) -> tuple[str, str]:
    """Mark a text with its plural for the catalogue; both are translated where they are said."""
    return one, many


class Voice:
    """Says things in one language. Placeholders are `%(name)s`; what fills them is not translated."""

    def __init__(self, locale: str, translations: NullTranslations) -> None:
        self.locale = locale
        self._translations = translations
        self._locale = Locale.parse(locale)

    # --- words -----------------------------------------------------------------------------------------------------

    def gettext(self, message: str, /, **values: str) -> str:
        """Say `message`, its placeholders filled."""
        return _filled(self._translations.gettext(message), values)

    def ngettext(self, one: str, many: str, number: int, /, **values: str) -> str:
        """Say how many, in the language's plural form; `%(number)s` is the number as it is written there.

        Raises TypeError for a fraction: what is counted here is whole, and gettext has no form for anything else.
        """
        if not isinstance(number, int):
            raise TypeError("What is counted is whole.")
        said = self._translations.ngettext(one, many, number)
        return _filled(said, {"number": self.number(number), **values})

    def all_of(self, parts: Sequence[str]) -> str:
        """Join by commas and "and"."""
        return format_list(parts, locale=self._locale)

    def any_of(self, parts: Sequence[str]) -> str:
        """Join by commas and "or"."""
        return format_list(parts, style="or", locale=self._locale)

    # --- numbers ---------------------------------------------------------------------------------------------------

    def number(self, number: int) -> str:
        return _number(self.locale, number)

    def percent(self, percent: Decimal) -> str:
        """Say a percentage with as many decimals as it has: 15, not 15.00."""
        return format_percent(percent / 100, locale=self._locale, decimal_quantization=False)

    def money(self, money: Money) -> str:
        """Say an amount with the decimals that the books keep for its currency, whatever CLDR would leave out."""
        decimals = exponent(money.currency)
        text = _money_pattern(self.locale, decimals).apply(
            Decimal(money.amount_minor).scaleb(-decimals), self._locale, currency=money.currency, currency_digits=False
        )
        return _LETTERS_THEN_DIGITS.sub("\\1\N{NO-BREAK SPACE}", text)

    def quantity(self, quantity: int, unit: str) -> str:
        """Say so much of an app's own unit; the common ones are known in every language."""
        known = _UNITS.get(unit.lower())
        if known is None:
            return f"{self.number(quantity)}\N{NO-BREAK SPACE}{unit}"
        name, length = known
        return format_unit(quantity, name, length="short" if length == "short" else "long", locale=self._locale)

    # --- time ------------------------------------------------------------------------------------------------------

    def day(self, at: datetime, *, now: datetime) -> str:
        """Say a date, in UTC; the year only where it is another than now's."""
        if at.year == now.year:
            return format_skeleton("MMMMd", at, locale=self._locale)
        return format_date(at.date(), "long", locale=self._locale)

    def last_day(self, at: datetime, *, now: datetime) -> str:
        """Say the last day before an end: what ends at midnight lasts until the evening."""
        return self.day(at - _INSTANT, now=now)


def _filled(message: str, values: Mapping[str, str]) -> str:
    """Fill the placeholders. What ends with a full stop of its own ("щ.д.") does not get a second one."""
    for name, value in values.items():
        if value.endswith("."):
            message = message.replace(f"%({name})s.", f"%({name})s")
    return message % values


@lru_cache(maxsize=64)
def voice_of(locale: str) -> Voice:
    """Return the voice of one of LOCALES; of the default one for any other."""
    known = locale if locale in LOCALES else DEFAULT
    if known != locale:
        return voice_of(known)
    # English is what the code itself says; it has no catalogue.
    return Voice(known, Translations.load(str(TRANSLATIONS), [known]))


@lru_cache(maxsize=4096)
def _number(locale: str, number: int) -> str:
    return format_decimal(number, locale=locale)


@lru_cache(maxsize=256)
def _money_pattern(locale: str, decimals: int) -> NumberPattern:
    pattern = parse_pattern(Locale.parse(locale).currency_formats["standard"].pattern)
    pattern.frac_prec = (decimals, decimals)
    return pattern


def sentence(text: str) -> str:
    """Begin with a capital letter."""
    return text[:1].upper() + text[1:]
