"""Which language a reader gets: asked for, then known, then preferred by the browser."""

from __future__ import annotations

import pytest

from referral_service.share.languages import HEADER_CHARS_MAX, LANGUAGES, LOCALES, choose


@pytest.mark.parametrize(
    ("requested", "customer", "accepted", "chosen"),
    [
        ("uk", "ru", "bg", "uk"),
        (None, "ru", "bg", "ru"),
        (None, None, "bg", "bg"),
        (None, None, None, "en"),
        ("", "", "", "en"),
        # A language that is not there gives way to the next best word on it.
        ("xx", "uk", "ru", "uk"),
        ("xx", "yy", "ru", "ru"),
        ("xx", "yy", "zz", "en"),
        # Regions and spellings.
        ("UK-ua", None, None, "uk"),
        (None, "bg_BG", None, "bg"),
        (None, None, "ru-RU,ru;q=0.9,en;q=0.8", "ru"),
        # Weights decide, not the order; 0 is a refusal.
        (None, None, "en;q=0.2, uk;q=0.9, ru;q=0.5", "uk"),
        (None, None, "uk;q=0, ru;q=0.1", "ru"),
        (None, None, "de, fr;q=0.9, bg;q=0.8, en;q=0.7", "bg"),
        (None, None, "*", "en"),
    ],
)
def test_the_reader_is_met_in_a_language_of_theirs(
    requested: str | None, customer: str | None, accepted: str | None, chosen: str
) -> None:
    assert choose(requested, customer, accepted) == chosen


@pytest.mark.parametrize(
    "sent",
    [
        "../../etc/passwd",
        "uk" * 100_000,
        "uk;q=9" * 50_000,
        "\x00\r\n",
        "ru;q=nan, uk;q=inf",
        ";;;,,,;q=1",
        "<script>alert(1)</script>",
        "en_US.UTF-8@euro",
    ],
)
def test_whatever_is_sent_a_known_language_comes_out(sent: str) -> None:
    assert choose(sent, sent, sent) in LOCALES


def test_only_the_beginning_of_a_long_header_is_read() -> None:
    assert choose(None, None, "de," * HEADER_CHARS_MAX + "uk") == "en"


def test_languages_are_named_in_themselves() -> None:
    assert {language.locale: (language.name, language.direction) for language in LANGUAGES} == {
        "en": ("English", "ltr"),
        "ru": ("Русский", "ltr"),
        "uk": ("Українська", "ltr"),
        "bg": ("Български", "ltr"),
    }
