"""Signatures: itsdangerous, HMAC-SHA256, cut to whole characters, one spelling."""

from __future__ import annotations

import hashlib
import hmac
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from itsdangerous import BadSignature, Signer

from referral_service.kit.ids import ALPHABET, decode_number, encode_number
from referral_service.signing.signers import (
    CodeSigner,
    TokenSigner,
    TruncatedHmac,
    code_signer,
    read_number,
    token_signer,
)

KEY = bytes(range(32))


@pytest.mark.parametrize(("kind", "width"), [(CodeSigner, 16), (TokenSigner, 32)])
def test_the_signature_is_the_head_of_a_salted_hmac_sha256(kind: type[CodeSigner], width: int) -> None:
    derived = hmac.new(KEY, b"code:7", hashlib.sha256).digest()
    whole = hmac.new(derived, b"VALUE", hashlib.sha256).digest()
    expected = encode_number(int.from_bytes(whole) >> (256 - 5 * width), width)
    assert kind(KEY, salt="code:7").sign("VALUE").decode() == "VALUE" + expected


def test_the_key_is_derived_as_itsdangerous_derives_it() -> None:
    theirs = Signer(KEY, salt="click:9", key_derivation="hmac", digest_method=hashlib.sha256)
    assert TokenSigner(KEY, salt="click:9").derive_key() == theirs.derive_key()


@given(st.binary(max_size=200))
def test_what_is_signed_can_be_unsigned(value: bytes) -> None:
    for signer in (code_signer("code", 1, KEY), token_signer("click", 1, KEY)):
        assert signer.unsign(signer.sign(value)) == value
        assert signer.validate(signer.sign(value))


@given(st.text(alphabet=ALPHABET, min_size=1, max_size=40), st.data())
def test_no_character_of_a_signed_text_can_be_changed(value: str, data: st.DataObject) -> None:
    signer = code_signer("code", 1, KEY)
    signed = signer.sign(value).decode()
    position = data.draw(st.integers(0, len(signed) - 1))
    other = data.draw(st.sampled_from([c for c in ALPHABET + "abcILOU-_=. " if c != signed[position]]))
    with pytest.raises(BadSignature):
        signer.unsign(signed[:position] + other + signed[position + 1 :])


@pytest.mark.parametrize(
    ("purpose", "app_id", "key"), [("click", 1, KEY), ("code", 11, KEY), ("code", 1, KEY[::-1]), ("code:1", 1, KEY)]
)
def test_another_purpose_tenant_or_key_signs_differently(purpose: str, app_id: int, key: bytes) -> None:
    signed = code_signer("code", 1, KEY).sign("VALUE")
    assert not code_signer(purpose, app_id, key).validate(signed)


@pytest.mark.parametrize("text", ["", "A", "0" * 15, "0" * 16, "0" * 17, "+" * 16, "_" * 16, " " * 16, "\x00" * 16])
def test_anything_else_is_refused_without_an_error_of_its_own(text: str) -> None:
    assert not code_signer("code", 1, KEY).validate(text)


def test_a_signature_is_never_shorter_than_80_bits_nor_split_within_a_character() -> None:
    for bits in (40, 72, 84, 264):
        with pytest.raises(ValueError, match="bits"):
            TruncatedHmac(bits)


@given(st.text(alphabet=ALPHABET, min_size=1, max_size=40))
def test_numbers_are_read_as_the_kit_reads_them(text: str) -> None:
    assert read_number(text.encode()) == decode_number(text)


@pytest.mark.parametrize("text", [b"", b"1_0", b"+1", b" 1", b"1\n", b"I", b"L", b"O", b"U", b"a", b"\xef"])
def test_what_is_no_number_is_refused(text: bytes) -> None:
    with pytest.raises(ValueError, match="base32"):
        read_number(text)


def test_forged_tenants_do_not_fill_the_memory() -> None:
    before = code_signer.cache_info().maxsize
    for _ in range(6000):
        code_signer("code", random.randrange(32**6), KEY)
    assert before is not None
    assert code_signer.cache_info().currsize <= before
