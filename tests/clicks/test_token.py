"""Click tokens: proof of one click, to one app, at one moment."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from signing.key_cast import HeldKeys

from cast import NOON
from referral_service.clicks.token import ClickToken, InvalidClickToken, mint_click_token, read_click_token
from referral_service.codes.signed_code import InvalidSignedCode, read_signed_code, sign_code
from referral_service.kit.ids import new_id
from referral_service.signing.tokens import sign_timed

RING = HeldKeys({1: bytes(range(32))})
CLICK_ID = "clk_01k0c7q2v8f3w9n5x4z6t1r0me"
FOLDED = st.text(alphabet="0123456789ABCDEFGHJKMNPQRSTUVWXYZ", min_size=3, max_size=20)


def minted(app_id: int = 5) -> str:
    return mint_click_token(RING, app_id=app_id, folded="K7QM3XTD", click_id=CLICK_ID, now=NOON)


@given(FOLDED, st.integers(1, 32**6 - 1), st.timedeltas(timedelta(0), timedelta(days=3650)))
def test_a_click_token_says_which_click_of_which_code_and_when(folded: str, app_id: int, later: timedelta) -> None:
    click_id = new_id("clk")
    text = mint_click_token(RING, app_id=app_id, folded=folded, click_id=click_id, now=NOON)
    read = read_click_token(RING, text, app_id=app_id, now=NOON + later)
    assert read == ClickToken(app_id=app_id, folded=folded, click_id=click_id, at=NOON)


def test_no_character_of_a_click_token_can_be_changed() -> None:
    text = minted()
    for position in range(len(text)):
        for other in "0123456789ABCDEFGHJKMNPQRSTVWXYZazIO-_=.%":
            if other != text[position]:
                with pytest.raises(InvalidClickToken):
                    read_click_token(RING, text[:position] + other + text[position + 1 :], app_id=5, now=NOON)


def test_a_click_token_is_no_use_to_another_app() -> None:
    with pytest.raises(InvalidClickToken, match="other_app"):
        read_click_token(RING, minted(app_id=6), app_id=5, now=NOON)


def test_what_was_signed_for_another_purpose_is_no_click() -> None:
    text = sign_timed(RING, purpose="participant", app_id=5, payload="K7QM3XTD" + CLICK_ID[4:].upper(), at=NOON)
    with pytest.raises(InvalidClickToken, match="bad_signature"):
        read_click_token(RING, text, app_id=5, now=NOON)
    with pytest.raises(InvalidClickToken, match="malformed"):
        read_click_token(RING, sign_code(RING, folded="K7QM3XTD", app_id=5), app_id=5, now=NOON)
    with pytest.raises(InvalidSignedCode):
        read_signed_code(RING, minted())


def test_a_click_from_the_future_is_refused_past_a_minute_of_leeway() -> None:
    text = minted()
    assert read_click_token(RING, text, app_id=5, now=NOON - timedelta(seconds=60)).at == NOON
    with pytest.raises(InvalidClickToken, match="from_the_future"):
        read_click_token(RING, text, app_id=5, now=NOON - timedelta(seconds=60, microseconds=1))


def test_a_click_token_dies_with_its_key_only() -> None:
    ring = HeldKeys({1: bytes(32)})
    text = mint_click_token(ring, app_id=5, folded="K7QM3XTD", click_id=CLICK_ID, now=NOON)
    ring.held[2] = bytes(range(32))
    assert read_click_token(ring, text, app_id=5, now=NOON).click_id == CLICK_ID
    del ring.held[1]
    with pytest.raises(InvalidClickToken, match="unknown_key"):
        read_click_token(ring, text, app_id=5, now=NOON)


@pytest.mark.parametrize("spelling", ["{lower}", " {text}", "{text}\n", "{text}=", "{text}.", "", "\x00{text}"])
def test_a_click_token_has_one_spelling(spelling: str) -> None:
    with pytest.raises(InvalidClickToken, match="malformed"):
        read_click_token(RING, spelling.format(text=minted(), lower=minted().lower()), app_id=5, now=NOON)


def test_a_click_token_fits_into_a_query_without_escaping() -> None:
    text = minted()
    assert text.isascii()
    assert text.isalnum()
    assert len(text) == 8 + 26 + 20 + 32


@pytest.mark.parametrize("click_id", ["", "clk_1", CLICK_ID.upper(), "ref_01k0c7q2v8f3w9n5x4z6t1r0me"])
def test_only_a_click_gets_a_click_token(click_id: str) -> None:
    with pytest.raises(ValueError, match="click"):
        mint_click_token(RING, app_id=5, folded="K7QM3XTD", click_id=click_id, now=NOON)
