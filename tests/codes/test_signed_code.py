"""Signed codes: they lead to their tenant, and nobody else can write one."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from signing.key_cast import HeldKeys

from cast import NOON
from referral_service.codes.signed_code import InvalidSignedCode, SignedCode, read_signed_code, sign_code
from referral_service.kit.ids import random_code
from referral_service.signing.tokens import sign_timed

RING = HeldKeys({1: bytes(range(32)), 33: bytes(range(32, 64))})
FOLDED = st.text(alphabet="0123456789ABCDEFGHJKMNPQRSTUVWXYZ", min_size=3, max_size=20)
APPS = st.integers(0, 32**6 - 1)


@given(FOLDED, APPS)
def test_a_signed_code_says_what_was_put_into_it(folded: str, app_id: int) -> None:
    text = sign_code(RING, folded=folded, app_id=app_id)
    assert text.startswith(folded)
    assert len(text) == len(folded) + 25
    assert re.fullmatch("[0-9A-HJKMNP-Z]+", text)
    assert read_signed_code(RING, text) == SignedCode(folded=folded, app_id=app_id)
    assert sign_code(RING, folded=folded, app_id=app_id) == text


@given(FOLDED, APPS)
def test_lower_case_is_the_only_other_spelling(folded: str, app_id: int) -> None:
    text = sign_code(RING, folded=folded, app_id=app_id)
    assert read_signed_code(RING, text.lower()) == SignedCode(folded=folded, app_id=app_id)
    for other in (f" {text}", f"{text}\n", f"{text}=", text[:4] + "-" + text[4:], f"{text}.", text + "0"):
        with pytest.raises(InvalidSignedCode):
            read_signed_code(RING, other)


def test_no_character_of_a_signed_code_can_be_changed_dropped_or_added() -> None:
    text = sign_code(RING, folded="K7QM3XTD", app_id=5)
    for position in range(len(text)):
        for other in "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-_=.%+ \x00éıſ\uff21":
            if other != text[position]:
                with pytest.raises(InvalidSignedCode):
                    read_signed_code(RING, text[:position] + other + text[position + 1 :])
        with pytest.raises(InvalidSignedCode):
            read_signed_code(RING, text[:position] + text[position + 1 :])
        with pytest.raises(InvalidSignedCode):
            read_signed_code(RING, text[:position] + "0" + text[position:])


def test_neighbouring_fields_cannot_be_shifted_into_each_other() -> None:
    long = sign_code(RING, folded="K7QM3XTD000", app_id=5)
    short = sign_code(RING, folded="K7QM3XTD", app_id=5)
    assert short[-16:] != long[-16:]
    for mixed in (long[:-16] + short[-16:], short[:-16] + long[-16:], long[:8] + long[11:], short[:-25] + long[-25:]):
        with pytest.raises(InvalidSignedCode):
            read_signed_code(RING, mixed)


def test_the_same_code_of_another_app_is_signed_differently() -> None:
    mine, theirs = (sign_code(RING, folded="K7QM3XTD", app_id=app_id) for app_id in (5, 6))
    with pytest.raises(InvalidSignedCode, match="bad_signature"):
        read_signed_code(RING, theirs[:17] + mine[17:])


def test_a_code_signed_before_a_rotation_stays_valid_and_dies_with_its_key() -> None:
    ring = HeldKeys({1: bytes(32)})
    before = sign_code(ring, folded="MAR1A20", app_id=5)
    ring.held[2] = bytes(range(32))
    after = sign_code(ring, folded="MAR1A20", app_id=5)
    assert before != after
    assert read_signed_code(ring, before) == read_signed_code(ring, after)
    del ring.held[1]
    with pytest.raises(InvalidSignedCode, match="unknown_key"):
        read_signed_code(ring, before)
    assert read_signed_code(ring, after).folded == "MAR1A20"


def test_a_token_of_another_purpose_is_no_signed_code() -> None:
    token = sign_timed(RING, purpose="code", app_id=5, payload="A", at=NOON)
    with pytest.raises(InvalidSignedCode):
        read_signed_code(RING, token)
    with pytest.raises(InvalidSignedCode):
        read_signed_code(RING, token[-45:])


@pytest.mark.parametrize("folded", ["", "AB", "A" * 21, "MARIA", "k7qm3xtd", "A-B-C", "ÀBC"])
def test_what_is_no_folded_code_is_not_signed(folded: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 -- encoding may be what refuses it
        sign_code(RING, folded=folded, app_id=5)


def test_random_codes_can_be_signed() -> None:
    for _ in range(200):
        folded = random_code()
        assert read_signed_code(RING, sign_code(RING, folded=folded, app_id=1)).folded == folded


@given(st.text(max_size=120))
def test_any_other_text_is_refused(text: str) -> None:
    with pytest.raises(InvalidSignedCode):
        read_signed_code(RING, text)
