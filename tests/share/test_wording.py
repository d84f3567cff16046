"""What people read, approved as text: `wording/<language>.txt` holds every sentence of every recipe.

A change of wording fails here and shows the lines that differ. Whoever means it writes the files anew, by
`REWRITE_WORDING=1 pytest tests/share/test_wording.py`, and reads what has changed.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from share.spoken import recipe_offer, spoken, steps_offer

from cast import NOON
from referral_service.programs.load_recipe import recipe_names
from referral_service.share.languages import LOCALES
from referral_service.share.voice import voice_of
from referral_service.share.words.invite import invite_words
from referral_service.share.words.messages import CHANNELS, LINK_APART, Channel, share_message

WORDING = Path(__file__).parent / "wording"
LINK = "https://refer.example/r/K7QM3XTD"


@pytest.mark.parametrize("locale", LOCALES)
def test_people_read_what_was_approved(locale: str) -> None:
    approved = WORDING / f"{locale}.txt"
    if os.environ.get("REWRITE_WORDING"):
        approved.write_text(spoken(locale), encoding="utf-8")
    assert spoken(locale) == approved.read_text(encoding="utf-8")


@pytest.mark.parametrize("locale", LOCALES)
def test_every_sentence_is_calm_and_whole(locale: str) -> None:
    lines = spoken(locale).splitlines()
    assert [line for line in lines if "!" in line or ".." in line or "%(" in line or "None" in line] == []


@pytest.mark.parametrize("locale", sorted(set(LOCALES) - {"en"}))
def test_nothing_is_left_in_english(locale: str) -> None:
    """Recipes have English names and badges; nothing else is."""
    english = {
        word for line in spoken("en").split("=== friends")[1].split("===")[0].splitlines() for word in line.split()
    }
    there = {
        word for line in spoken(locale).split("=== friends")[1].split("===")[0].splitlines() for word in line.split()
    }
    assert {word for word in english & there if word.isalpha() and len(word) > 2} <= {"USD", "visit", "showroom"}


@pytest.mark.parametrize("recipe", recipe_names())
def test_a_headline_fits_on_a_phone(recipe: str) -> None:
    name, offer = recipe_offer(recipe)
    for locale in LOCALES:
        words = invite_words(voice_of(locale), offer, referrer="Alice", program=name, now=NOON)
        assert len(words.headline) <= 90
        assert len(words.lead) <= 200
        assert all(len(point) <= 120 for point in words.points)


def test_who_does_not_let_a_name_be_shown_is_a_friend() -> None:
    name, offer = recipe_offer("ride-credit")
    words = invite_words(voice_of("en"), offer, referrer=None, program=name, now=NOON)
    assert words.lead.startswith("A friend invites you to Ride credit.")


@pytest.mark.parametrize("channel", CHANNELS)
def test_every_channel_gets_the_link_once(channel: Channel) -> None:
    name, offer = recipe_offer("friend-coupon")
    sent = share_message(voice_of("en"), offer, channel=channel, program=name, link=LINK)
    assert sent.text.count(LINK) == (0 if channel in LINK_APART else 1)
    assert sent.text.startswith("I recommend Friend coupon. Get 15% off.")
    assert sent.subject == "An invitation to Friend coupon"


def test_a_programs_own_message_keeps_its_words_and_has_the_link() -> None:
    voice, (name, offer) = voice_of("en"), recipe_offer("friend-coupon")
    with_link, without = f"Look: {LINK} is great", "Look at this"
    assert share_message(voice, offer, channel="sms", program=name, link=LINK, own_text=with_link).text == with_link
    sent = share_message(voice, offer, channel="sms", program=name, link=LINK, own_text=without).text
    assert sent == f"Look at this Here is my invitation: {LINK}"
    assert LINK not in share_message(voice, offer, channel="x", program=name, link=LINK, own_text=with_link).text


@pytest.mark.parametrize(
    ("currency", "headline"),
    [
        ("USD", "Get $25.00 for your first stay"),
        ("EUR", "Get €25.00 for your first stay"),
        ("UAH", "Get UAH 25.00 for your first stay"),
        ("JPY", "Get ¥2,500 for your first stay"),
        ("KWD", "Get KWD 2.500 for your first stay"),
    ],
)
def test_amounts_are_in_the_programs_currency(currency: str, headline: str) -> None:
    name, offer = recipe_offer("travel-credit", currency=currency)
    words = invite_words(voice_of("en"), offer, referrer="Alice", program=name, now=NOON)
    assert words.headline.replace("\N{NO-BREAK SPACE}", " ") == headline


@pytest.mark.parametrize(
    ("event", "headline"),
    [
        ("signup", "Get $10.00 for signing up"),
        ("account.registered", "Get $10.00 for signing up"),
        ("app_installed", "Get $10.00 for installing the app"),
        ("logged_in", "Get $10.00 for signing in"),
        ("trip.completed", "Get $10.00 for your first ride"),
        ("stay_completed", "Get $10.00 for your first stay"),
        ("subscription.created", "Get $10.00 for your subscription"),
        ("showroom_visit", "Get $10.00 for “showroom visit”"),
    ],
)
def test_common_events_have_words_and_others_are_quoted(event: str, headline: str) -> None:
    words = invite_words(
        voice_of("en"), steps_offer({"key": "it", "event": event}), referrer="Alice", program="Shop", now=NOON
    )
    assert words.headline == headline
