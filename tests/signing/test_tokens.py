"""Timed tokens: fixed widths read from the right, and nothing in them that can be changed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from signing.key_cast import HeldKeys

from cast import NOON
from referral_service.signing.tokens import InvalidToken, read_timed, sign_timed

RING = HeldKeys({1: bytes(range(32)), 2: bytes(range(32, 64))})
PAYLOADS = st.text(alphabet="0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=1, max_size=128)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MOMENTS = st.timedeltas(timedelta(0), timedelta(days=365_000)).map(lambda span: EPOCH + span)


@given(PAYLOADS, MOMENTS, st.integers(0, 32**6 - 1))
def test_a_token_says_what_was_put_into_it(payload: str, at: datetime, app_id: int) -> None:
    token = read_timed(RING, sign_timed(RING, purpose="click", app_id=app_id, payload=payload, at=at), purpose="click")
    assert (token.app_id, token.payload, token.at) == (app_id, payload, at)


def test_no_character_of_a_token_can_be_changed_dropped_or_added() -> None:
    text = sign_timed(RING, purpose="click", app_id=5, payload="K7QM3XTD", at=NOON)
    for position in range(len(text)):
        for other in "0123456789ABCDEFGHJKMNPQRSTVWXYZabzILOU-_=.%+ \x00é":
            if other != text[position]:
                with pytest.raises(InvalidToken):
                    read_timed(RING, text[:position] + other + text[position + 1 :], purpose="click")
        with pytest.raises(InvalidToken):
            read_timed(RING, text[:position] + text[position + 1 :], purpose="click")
        with pytest.raises(InvalidToken):
            read_timed(RING, text[:position] + "0" + text[position:], purpose="click")


@pytest.mark.parametrize(
    "spelling", [str.lower, lambda text: f" {text}", lambda text: f"{text}\n", lambda text: text + "="]
)
def test_a_token_has_one_spelling(spelling: object) -> None:
    text = sign_timed(RING, purpose="click", app_id=5, payload="K7QM3XTD", at=NOON)
    assert callable(spelling)
    with pytest.raises(InvalidToken, match="malformed"):
        read_timed(RING, spelling(text), purpose="click")


def test_a_token_is_good_for_one_purpose() -> None:
    text = sign_timed(RING, purpose="participant", app_id=5, payload="K7QM3XTD", at=NOON)
    with pytest.raises(InvalidToken, match="bad_signature"):
        read_timed(RING, text, purpose="click")


def test_a_token_signed_before_a_rotation_stays_good_until_its_key_is_revoked() -> None:
    ring = HeldKeys({1: bytes(32)})
    text = sign_timed(ring, purpose="click", app_id=5, payload="K7QM3XTD", at=NOON)
    ring.held[2] = bytes(range(32))
    later = sign_timed(ring, purpose="click", app_id=5, payload="K7QM3XTD", at=NOON)
    assert later != text
    assert read_timed(ring, text, purpose="click") == read_timed(ring, later, purpose="click")
    del ring.held[1]
    with pytest.raises(InvalidToken, match="unknown_key"):
        read_timed(ring, text, purpose="click")
    assert read_timed(ring, later, purpose="click").at == NOON


@given(st.text(max_size=300))
def test_any_other_text_is_refused_as_malformed_or_unsigned(text: str) -> None:
    with pytest.raises(InvalidToken):
        read_timed(RING, text, purpose="click")


@pytest.mark.parametrize("payload", ["", "a", "A-B", "A" * 129, "É"])
def test_a_payload_that_would_not_come_back_is_not_signed(payload: str) -> None:
    with pytest.raises(ValueError, match="payload"):
        sign_timed(RING, purpose="click", app_id=5, payload=payload, at=NOON)


def test_a_moment_before_1970_is_not_signed() -> None:
    with pytest.raises(ValueError, match="fit"):
        sign_timed(RING, purpose="click", app_id=5, payload="A", at=EPOCH - timedelta(1))
