from __future__ import annotations

import hashlib
import hmac
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from referral_service.kit.crypto import CannotOpen, Sealer, blind_index

OLD = {"k1": "first-secret-of-at-least-32-chars"}
BOTH = {"k2": "second-secret-of-at-least-32-char", **OLD}
CONTEXT = "customers.profile:4021:cus_1"
sealer = Sealer(BOTH)

SEALED_BY_FIRST_RELEASE = (
    "01026b31802abf408bd336bc81cdb19e10bcfb32d73d6e0afcd130ca233433be859a07517281cd0f1acdfa1c5a6891"
)
DERIVED_BY_FIRST_RELEASE = "d6f0a8f7edecc64f0c4a27c10e29634aa650e04e9cec207e9a43a132a294a095"


@given(st.binary(max_size=2000), st.text(max_size=40).filter(lambda text: text.isprintable()))
def test_what_was_sealed_opens_in_its_context(plaintext: bytes, context: str) -> None:
    assert sealer.open(sealer.seal(plaintext, context=context), context=context) == plaintext


def test_the_same_text_never_looks_the_same_twice_nor_shows_through() -> None:
    sealed = {sealer.seal(b"bob@example.com", context=CONTEXT) for _ in range(100)}
    assert len(sealed) == 100
    assert not any(b"bob" in one for one in sealed)


def test_another_context_cannot_open() -> None:
    sealed = sealer.seal(b"bob@example.com", context=CONTEXT)
    for context in ("customers.profile:4022:cus_1", "customers.profile:4021:cus_2", "", CONTEXT + " "):
        with pytest.raises(CannotOpen, match="context"):
            sealer.open(sealed, context=context)


def test_every_flipped_bit_is_noticed() -> None:
    sealed = sealer.seal(b"bob@example.com", context=CONTEXT)
    for place in range(len(sealed)):
        for bit in range(8):
            changed = bytearray(sealed)
            changed[place] ^= 1 << bit
            with pytest.raises(CannotOpen):
                sealer.open(bytes(changed), context=CONTEXT)


def test_every_cut_and_every_added_byte_is_noticed() -> None:
    sealed = sealer.seal(b"bob@example.com", context=CONTEXT)
    for changed in [sealed[:length] for length in range(len(sealed))] + [sealed + b"\0", b"\0" + sealed]:
        with pytest.raises(CannotOpen):
            sealer.open(changed, context=CONTEXT)


@given(st.binary(max_size=80))
def test_no_other_bytes_open_or_raise_anything_else(noise: bytes) -> None:
    for prefix in (b"", b"\x01", b"\x01\x02k1", b"\x01\x02k2"):
        with pytest.raises(CannotOpen):
            sealer.open(prefix + noise, context=CONTEXT)


def test_after_a_rotation_old_texts_still_open_and_new_ones_use_the_new_key() -> None:
    old = Sealer(OLD)
    assert sealer.open(old.seal(b"text", context=CONTEXT), context=CONTEXT) == b"text"
    with pytest.raises(CannotOpen, match="master key"):
        old.open(sealer.seal(b"text", context=CONTEXT), context=CONTEXT)


def test_a_key_of_the_same_name_with_another_secret_cannot_open() -> None:
    with pytest.raises(CannotOpen):
        Sealer({"k1": "x" * 32}).open(Sealer(OLD).seal(b"text", context=CONTEXT), context=CONTEXT)


def test_what_was_sealed_by_an_earlier_release_still_opens() -> None:
    # Made by this module's first release: rows outlive the program that wrote them.
    sealed = bytes.fromhex(SEALED_BY_FIRST_RELEASE)
    assert Sealer(OLD).open(sealed, context=CONTEXT) == b"bob@example.com"
    assert Sealer(OLD).derive("cursors").hex() == DERIVED_BY_FIRST_RELEASE


def test_derived_keys_are_long_stable_and_different_for_each_purpose_and_secret() -> None:
    derived = [sealer.derive("cursors"), sealer.derive("sessions"), Sealer(OLD).derive("cursors")]
    assert len(set(derived)) == 3
    assert {len(key) for key in derived} == {32}
    assert sealer.derive("cursors") == Sealer(BOTH).derive("cursors")


def test_derive_all_gives_the_newest_first_and_cannot_be_spoilt_by_its_caller() -> None:
    expected = [sealer.derive("cursors"), Sealer(OLD).derive("cursors")]
    assert sealer.derive_all("cursors") == expected
    sealer.derive_all("cursors").clear()
    assert sealer.derive_all("cursors") == expected


def test_threads_share_a_sealer() -> None:
    def there_and_back(number: int) -> bool:
        text, context = str(number).encode(), str(number % 7)
        return sealer.open(sealer.seal(text, context=context), context=context) == text

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(there_and_back, range(4_000)))


@pytest.mark.parametrize(
    ("master_keys", "complaint"),
    [
        ({}, "must be a master key"),
        ({"k1": "short"}, "fewer than 32"),
        ({**OLD, "k2": "x" * 31}, "key k2"),
        ({"": "x" * 32}, "key id"),
        ({"k 1": "x" * 32}, "key id"),
        ({"é": "x" * 32}, "key id"),
        ({"k" * 33: "x" * 32}, "key id"),
    ],
)
def test_master_keys_must_be_usable(master_keys: dict[str, str], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        Sealer(master_keys)


def test_a_complaint_about_a_secret_does_not_show_it() -> None:
    with pytest.raises(ValueError, match="k1") as refused:
        Sealer({"k1": "hunter2"})
    assert "hunter2" not in str(refused.value)


def test_a_blind_index_is_hmac_sha256() -> None:
    # RFC 4231, test case 2.
    expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    assert blind_index(b"Jefe", "what do ya want for nothing?").hex() == expected
    assert blind_index(b"k", "zoë") == hmac.new(b"k", "zoë".encode(), hashlib.sha256).digest()


def test_a_blind_index_differs_by_text_and_by_key() -> None:
    indexes = {blind_index(key, text) for key in (b"k", b"l") for text in ("a@example.com", "b@example.com")}
    assert len(indexes) == 4
