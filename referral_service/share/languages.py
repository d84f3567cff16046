"""The languages of the pages, and which one a reader gets. A language is there because its catalogue is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from babel import Locale

TRANSLATIONS = Path(__file__).parent / "translations"
# What the code itself says needs no catalogue.
DEFAULT = "en"


def locales_in(folder: Path) -> tuple[str, ...]:
    """The default language, and every one that has a compiled catalogue in this folder."""
    return (DEFAULT, *sorted(path.parents[1].name for path in folder.glob("*/LC_MESSAGES/messages.mo")))


LOCALES = locales_in(TRANSLATIONS)

# A browser sends a handful; whoever sends more is read no further.
HEADER_CHARS_MAX = 256
PREFERENCES_MAX = 16
_TAG_CHARS_MAX = 35
_WEIGHT = re.compile(r"q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)")


@dataclass(frozen=True, slots=True)
class Language:
    """One language as pages name it: its tag, its name in itself, and its direction (`ltr`, `rtl`)."""

    locale: str
    name: str
    direction: str


def language_of(locale: str) -> Language:
    """Return the language of one of LOCALES."""
    known = Locale.parse(locale)
    name = known.get_display_name(known) or locale
    return Language(locale, name[:1].upper() + name[1:], known.text_direction)


LANGUAGES = tuple(map(language_of, LOCALES))


def choose(requested: str | None, customer: str | None, accepted: str | None) -> str:
    """Return one of LOCALES: what was asked for, else the customer's own, else what the browser prefers.

    `requested` is a query parameter and `accepted` the header Accept-Language (RFC 9110, 12.5.4): anybody may send
    anything in them. What is not understood is passed over; no more than the header's beginning is read.
    """
    for tag in (requested, customer):
        if known := _known(tag or ""):
            return known
    for tag in _preferences(accepted or ""):
        if known := _known(tag):
            return known
    return DEFAULT


def _known(tag: str) -> str | None:
    """The language of a tag such as `uk`, `uk-UA` or `uk_UA`, where there is a catalogue for it."""
    if len(tag) > _TAG_CHARS_MAX:
        return None
    wanted = tag.strip().replace("_", "-").lower()
    by_tag = {locale.replace("_", "-").lower(): locale for locale in LOCALES}
    return by_tag.get(wanted) or by_tag.get(wanted.partition("-")[0])


def _preferences(header: str) -> list[str]:
    """The tags of the header, the most wanted first; those of weight 0 are not wanted at all."""
    weighed: list[tuple[float, str]] = []
    for part in header[:HEADER_CHARS_MAX].split(",")[:PREFERENCES_MAX]:
        tag, _, parameter = part.strip().partition(";")
        found = _WEIGHT.fullmatch(parameter.replace(" ", "").lower()) if parameter else None
        if parameter and found is None:
            continue
        weight = float(found[1]) if found else 1.0
        if weight > 0:
            weighed.append((weight, tag))
    return [tag for _, tag in sorted(weighed, key=lambda it: -it[0])]
