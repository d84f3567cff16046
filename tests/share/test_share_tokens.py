"""Share tokens: proof of one customer in one program for a while, until they are revoked."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from signing.key_cast import HeldKeys

from cast import NOON
from referral_service.clicks.token import InvalidClickToken, mint_click_token, read_click_token
from referral_service.codes.signed_code import sign_code
from referral_service.kit.ids import new_id
from referral_service.share.tokens import (
    LIFETIME_SECONDS,
    LIFETIME_SECONDS_MAX,
    LIFETIME_SECONDS_MIN,
    PURPOSE,
    InvalidShareToken,
    ShareToken,
    read_share_token,
    sign_share_token,
)
from referral_service.signing.tokens import sign_timed

RING = HeldKeys({1: bytes(range(32))})
SUFFIX = "01k0c7q2v8f3w9n5x4z6t1r0me"
CUSTOMER, PROGRAM = f"cus_{SUFFIX}", f"prg_{SUFFIX}"


def signed(app_id: int = 5, **said: int) -> str:
    call = {"series": 0, "lifetime_seconds": LIFETIME_SECONDS} | said
    return sign_share_token(RING, app_id=app_id, customer_id=CUSTOMER, program_id=PROGRAM, now=NOON, **call)


def reason_for(text: str, ring: HeldKeys = RING) -> str:
    with pytest.raises(InvalidShareToken) as refused:
        read_share_token(ring, text)
    return refused.value.reason


@given(
    st.integers(1, 32**6 - 1),
    st.integers(0, 32**6 - 1),
    st.integers(LIFETIME_SECONDS_MIN, LIFETIME_SECONDS_MAX),
    st.timedeltas(timedelta(0), timedelta(days=3650)),
)
def test_a_token_says_who_where_and_until_when(app_id: int, series: int, lifetime: int, later: timedelta) -> None:
    customer_id, program_id, now = new_id("cus"), new_id("prg"), NOON + later
    text = sign_share_token(
        RING,
        app_id=app_id,
        customer_id=customer_id,
        program_id=program_id,
        series=series,
        lifetime_seconds=lifetime,
        now=now,
    )
    until = now + timedelta(seconds=lifetime)
    assert read_share_token(RING, text) == ShareToken(app_id, customer_id, program_id, series, now, until)


def test_a_token_fits_into_an_address_without_escaping() -> None:
    assert signed().isalnum()
    assert signed().isascii()
    assert len(signed()) == 26 + 26 + 6 + 6 + 20 + 32


def test_no_character_of_a_token_can_be_changed() -> None:
    text = signed()
    for position in range(len(text)):
        for other in "0123456789ABCDEFGHJKMNPQRSTVWXYZazIO-_=.%":
            if other != text[position]:
                assert reason_for(text[:position] + other + text[position + 1 :]) in {
                    "malformed",
                    "unknown_key",
                    "bad_signature",
                }


def test_no_token_is_the_beginning_or_the_end_of_another() -> None:
    text = signed()
    for length in range(len(text)):
        assert reason_for(text[:length]) in {"malformed", "unknown_key", "bad_signature"}
        assert reason_for(text[length + 1 :]) in {"malformed", "unknown_key", "bad_signature"}
    assert reason_for(text + text) in {"malformed", "unknown_key", "bad_signature"}


@pytest.mark.parametrize(
    "spelling", ["{lower}", " {text}", "{text}\n", "{text}=", "{text}.", "", "\x00{text}", "{text}/"]
)
def test_a_token_has_one_spelling(spelling: str) -> None:
    assert reason_for(spelling.format(text=signed(), lower=signed().lower())) == "malformed"


def test_what_was_signed_for_another_purpose_opens_no_page() -> None:
    click = mint_click_token(RING, app_id=5, folded="K7QM3XTD", click_id=f"clk_{SUFFIX}", now=NOON)
    assert reason_for(click) == "bad_signature"
    payload = signed()[:64]
    assert reason_for(sign_timed(RING, purpose="click", app_id=5, payload=payload, at=NOON)) == "bad_signature"
    assert reason_for(sign_code(RING, folded="K7QM3XTD", app_id=5)) == "malformed"
    with pytest.raises(InvalidClickToken, match="bad_signature"):
        read_click_token(RING, signed(), app_id=5, now=NOON)


@pytest.mark.parametrize("characters", [1, 63, 65, 128])
def test_a_payload_of_another_length_says_nothing(characters: int) -> None:
    text = sign_timed(RING, purpose=PURPOSE, app_id=5, payload="0" * characters, at=NOON)
    assert reason_for(text) == "malformed"


def test_a_payload_that_is_no_number_says_nothing() -> None:
    text = sign_timed(RING, purpose=PURPOSE, app_id=5, payload="0" * 58 + "ILOU00", at=NOON)
    assert reason_for(text) == "malformed"


def test_another_app_or_key_signs_otherwise() -> None:
    assert signed(app_id=5)[-32:] != signed(app_id=6)[-32:]
    moved = signed(app_id=5)[:-52] + signed(app_id=6)[-52:-32] + signed(app_id=5)[-32:]
    assert reason_for(moved) == "bad_signature"
    assert reason_for(signed(), HeldKeys({1: bytes(32)})) == "bad_signature"


def test_a_token_dies_with_its_key() -> None:
    assert reason_for(signed(), HeldKeys({2: bytes(range(32))})) == "unknown_key"


@pytest.mark.parametrize("seconds", [0, -1, LIFETIME_SECONDS_MIN - 1, LIFETIME_SECONDS_MAX + 1])
def test_no_token_lives_shorter_or_longer_than_is_allowed(seconds: int) -> None:
    with pytest.raises(ValueError, match="366 days"):
        signed(lifetime_seconds=seconds)


@pytest.mark.parametrize(("customer_id", "program_id"), [("alice", PROGRAM), (CUSTOMER, "ride"), (PROGRAM, CUSTOMER)])
def test_only_a_customer_in_a_program_gets_one(customer_id: str, program_id: str) -> None:
    with pytest.raises(ValueError, match="customer"):
        sign_share_token(
            RING,
            app_id=5,
            customer_id=customer_id,
            program_id=program_id,
            series=0,
            lifetime_seconds=LIFETIME_SECONDS,
            now=NOON,
        )
