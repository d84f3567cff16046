"""E-mail addresses are compared as written and as mailboxes, per app, and no text makes that fail."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from referral_service.customers.emails import Emails, canonical_form, is_email, plain_form

EMAILS = Emails(b"k" * 32)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("bob@example.com", "Bob@Example.COM"),
        ("bob@example.com", "  bob@example.com\n"),
        ("bob@bücher.example", "BOB@BÜCHER.example"),
        ("bob@bücher.example", "bob@xn--bcher-kva.example"),
        # The same letter as one character and as two.
        ("jos\u00e9@example.com", "jose\u0301@example.com"),
    ],
)
def test_an_address_is_the_same_in_any_spelling_of_case_space_and_domain(one: str, other: str) -> None:
    assert EMAILS.index(one, app_id=1) == EMAILS.index(other, app_id=1)
    assert EMAILS.canon_index(one, app_id=1) == EMAILS.canon_index(other, app_id=1)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("bob@example.com", "bob+shop@example.com"),
        ("bob@example.com", "bob+a+b@example.com"),
        ("bob.smith@gmail.com", "b.o.b.smith@gmail.com"),
        ("bobsmith@gmail.com", "Bob.Smith+news@googlemail.com"),
        ("bob@example.com", "ｂｏｂ@example.com"),
    ],
)
def test_one_mailbox_behind_two_addresses_has_one_canonical_form(one: str, other: str) -> None:
    assert EMAILS.canon_index(one, app_id=1) == EMAILS.canon_index(other, app_id=1)
    assert EMAILS.index(one, app_id=1) != EMAILS.index(other, app_id=1)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("bob.smith@example.com", "bobsmith@example.com"),
        ("bob-shop@example.com", "bob@example.com"),
        ("bob@example.com", "bob@example.org"),
        ("bob@mail.example.com", "bob@example.com"),
        ("bob@gmail.com.example", "bob@gmail.com"),
        ("alice@example.com", "bob@example.com"),
        ("+one@example.com", "+two@example.com"),
    ],
)
def test_two_mailboxes_never_share_a_canonical_form(one: str, other: str) -> None:
    assert EMAILS.canon_index(one, app_id=1) != EMAILS.canon_index(other, app_id=1)


def test_an_address_has_nothing_in_common_between_two_apps_or_two_keys_or_two_purposes() -> None:
    other_key = Emails(b"K" * 32)
    seen = {
        EMAILS.index("bob@example.com", app_id=1),
        EMAILS.index("bob@example.com", app_id=2),
        EMAILS.index("bob@example.com", app_id=12),
        EMAILS.canon_index("bob@example.com", app_id=1),
        EMAILS.tombstone("bob@example.com", app_id=1),
        EMAILS.tombstone("bob@example.com", app_id=2),
        other_key.index("bob@example.com", app_id=1),
    }
    assert len(seen) == 7
    assert {len(index) for index in seen} == {32}


@pytest.mark.parametrize(
    "text",
    ["", " ", "@", "bob", "bob@", "@example.com", "a@b@c", "bob@@example.com", "b..b@gmail.com", "\ud800@example.com",
     "bob@\ud800.com", '"a b"@example.com', "bob@[127.0.0.1]", "Bob <bob@example.com>", "bob@-x.com", "bob@xn--a.com",
     "x" * 70_000, "x" * 300 + "@example.com", "bob@" + "a." * 40_000, "bob\0@example.com", "...@gmail.com"],
)  # fmt: skip
def test_what_is_no_address_is_refused_but_can_still_be_looked_for(text: str) -> None:
    assert not is_email(text)
    assert len(EMAILS.index(text, app_id=1)) == len(EMAILS.canon_index(text, app_id=1)) == 32


@pytest.mark.parametrize(
    "text",
    ["bob@example.com", "Bob+tag@sub.example.co.uk", "bob@example.test", "o'neil@example.com", "用户@例子.example",
     " bob@example.com ", "x" * 64 + "@example.com"],
)  # fmt: skip
def test_ordinary_addresses_are_taken(text: str) -> None:
    assert is_email(text)


def test_an_address_that_cannot_be_mailed_keeps_what_it_has() -> None:
    assert canonical_form("...@gmail.com") == "...@gmail.com"
    assert canonical_form("nobody") == plain_form("nobody") == "nobody"
    assert plain_form("Root@LOCALHOST") == "root@localhost"


@given(st.text(alphabet=st.characters(exclude_categories=[]), max_size=300))
def test_no_text_makes_a_look_up_fail(text: str) -> None:
    assert is_email(text) in (True, False)
    assert EMAILS.index(text, app_id=1) == EMAILS.index(f" {text}\t", app_id=1)
    assert len(EMAILS.canon_index(text, app_id=1)) == 32
    read = EMAILS.read(text, app_id=1)
    assert (read.text, read.is_valid) == (text.strip(), is_email(text))
    assert (read.index, read.canon_index) == (EMAILS.index(text, app_id=1), EMAILS.canon_index(text, app_id=1))


@given(st.emails(), st.from_regex(r"[a-z0-9]{1,8}", fullmatch=True))
def test_a_tag_never_changes_the_mailbox(email: str, tag: str) -> None:
    local, _, domain = email.rpartition("@")
    if "+" not in local:
        assert canonical_form(f"{local}+{tag}@{domain}") == canonical_form(email)
