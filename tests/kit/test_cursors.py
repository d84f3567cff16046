from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from referral_service.kit.cursors import CURSOR_CHARACTERS_MAX, Cursors, InvalidCursor

OLD, NEW = b"o" * 32, b"n" * 32
SCOPE = "4021:referrals:state=pending"
cursors = Cursors([NEW, OLD])

values = st.lists(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text("abcé-:", max_size=30), max_size=5
)


@given(values)
def test_a_cursor_gives_back_the_values_it_was_signed_with(kept: list[Any]) -> None:
    assert cursors.read(SCOPE, cursors.sign(SCOPE, kept)) == kept


def test_a_cursor_fits_into_a_query_string_as_it_is() -> None:
    text = cursors.sign(SCOPE, ["2026-01-31T12:00:00Z", "ref_01m80260g3ec9a0k9478cydx3j", "é?&/+"])
    assert set(text) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.")


def test_a_cursor_of_an_older_key_is_still_good_until_that_key_goes() -> None:
    text = Cursors([OLD]).sign(SCOPE, [1])
    assert cursors.read(SCOPE, text) == [1]
    with pytest.raises(InvalidCursor):
        Cursors([NEW]).read(SCOPE, text)


def test_the_newest_key_signs() -> None:
    assert Cursors([NEW]).read(SCOPE, cursors.sign(SCOPE, [1])) == [1]


@pytest.mark.parametrize("scope", ["4022:referrals:state=pending", "4021:rewards:state=pending", "4021:referrals:", ""])
def test_a_cursor_is_good_for_its_own_scope_only(scope: str) -> None:
    with pytest.raises(InvalidCursor):
        cursors.read(scope, cursors.sign(SCOPE, [1]))


def test_every_changed_missing_or_added_character_is_refused() -> None:
    text = cursors.sign(SCOPE, [12, "ref_1"])
    spellings = {
        text[:place] + other + text[place + 1 :]
        for place in range(len(text))
        for other in ("A", "b", "-", "=", ".", "")
    }
    spellings |= {text + extra for extra in ("=", "==", ".", "A", " ", "\n", "\0")} | {" " + text}
    for spelling in spellings - {text}:
        with pytest.raises(InvalidCursor):
            cursors.read(SCOPE, spelling)


def test_the_spare_bits_of_base64_admit_no_second_spelling() -> None:
    text = cursors.sign(SCOPE, [12, "ref_1"])
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    for last in set(alphabet) - {text[-1]}:
        with pytest.raises(InvalidCursor):
            cursors.read(SCOPE, text[:-1] + last)


@given(st.text(max_size=60))
def test_no_other_text_is_read_or_raises_anything_else(text: str) -> None:
    with pytest.raises(InvalidCursor):
        cursors.read(SCOPE, text)


def test_a_cursor_that_would_be_too_long_is_not_made_and_a_long_text_is_not_read() -> None:
    with pytest.raises(ValueError, match="too long"):
        cursors.sign(SCOPE, ["x" * CURSOR_CHARACTERS_MAX])
    with pytest.raises(InvalidCursor):
        cursors.read(SCOPE, "x" * 10**6)


def test_cursors_need_a_key() -> None:
    with pytest.raises(ValueError, match="key"):
        Cursors([])


def test_an_invalid_cursor_is_a_problem_of_the_request() -> None:
    assert (InvalidCursor.code, InvalidCursor.status) == ("invalid_cursor", 400)
