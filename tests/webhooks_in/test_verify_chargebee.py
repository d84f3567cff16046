"""Chargebee: whose credentials are genuine. Nothing covers the body, so only the header can be forged."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from webhooks_in.chargebee_bodies import SECRET, a_chargebee_source, basic, event, payment
from webhooks_in.forgeries import Forgery, spoiled_texts

from builders import Api, expect, items
from cast import NOON
from referral_service.webhooks_in.providers.chargebee import Chargebee
from referral_service.webhooks_in.providers.provider import BadSignature
from referral_service.webhooks_in.providers.secrets import UnusableSecret

OTHER_SECRET = "referrals:tests-only-another-shop-1234"
RAW = b'{"id": "ev_1", "event_type": "payment_succeeded", "content": {}}'
USER, _, PASSWORD = SECRET.partition(":")
GOOD = basic(SECRET)
ENCODED = GOOD.removeprefix("Basic ")
CHARGEBEE = Chargebee()


def encoded(raw: bytes) -> str:
    return f"Basic {base64.b64encode(raw).decode()}"


def is_genuine(
    headers: dict[str, str] | None = None, *, secrets: tuple[str, ...] = (SECRET,), raw: bytes = RAW
) -> bool:
    """Anything that is raised beside BadSignature fails the test."""
    sent = {"authorization": GOOD} if headers is None else headers
    try:
        CHARGEBEE.verify(raw=raw, headers=sent, secrets=secrets, now=NOON)
    except BadSignature:
        return False
    return True


def forgeries() -> Iterator[Forgery]:
    for name, text in spoiled_texts(ENCODED):
        yield _with(f"credentials: {name}", f"Basic {text}")
    for name, text in spoiled_texts(USER):
        yield _with(f"user: {name}", encoded(f"{text}:{PASSWORD}".encode("utf-8", "replace")))
    for name, text in spoiled_texts(PASSWORD):
        yield _with(f"password: {name}", encoded(f"{USER}:{text}".encode("utf-8", "replace")))
    for wrong in (
        "", " ", "Basic", "Basic ", "Basic  ", "Basic =", "Basic ====", "Basic Og==", "Basic null", "Basic é", ENCODED,
        f"Basic {SECRET}", SECRET, f"Basic  {ENCODED}", f"Basic\t{ENCODED}", f"Basic,{ENCODED}", f"Basic:{ENCODED}",
        f"Bearer {ENCODED}", f"Digest {ENCODED}", f"Token {ENCODED}", f"Basik {ENCODED}", f"{GOOD}, {GOOD}",
        f"{GOOD},Basic Og==", f"Basic Og==, {GOOD}", f"{GOOD} {ENCODED}", f'Basic "{ENCODED}"', f"Basic {ENCODED}=",
        f"Basic {ENCODED.rstrip('=')}====", f"Basic {ENCODED[:4]} {ENCODED[4:]}", f"Basic {ENCODED[:4]}\n{ENCODED[4:]}",
        f"Basic {ENCODED.translate(str.maketrans('+/', '-_'))}!", f"Basic {ENCODED}$", f" {GOOD}",
        f"Basic {'A' * 60_000}",
        basic(OTHER_SECRET), basic(f"{PASSWORD}:{USER}"), basic(f"{USER}:"), basic(f":{PASSWORD}"), basic(USER),
        basic(PASSWORD), basic(f"{SECRET}:"), basic(f"{USER}::{PASSWORD}"), basic(f"{USER}%3A{PASSWORD}"),
        encoded(SECRET.encode("utf-16")), encoded(SECRET.encode() + b"\0"), encoded(b"\xef\xbb\xbf" + SECRET.encode()),
        encoded(b"\xff\xfe\xfd"), encoded(base64.b64encode(SECRET.encode())), f"Basic {SECRET.encode().hex()}",
        encoded(hashlib.sha256(SECRET.encode()).digest()), encoded(hmac.digest(SECRET.encode(), RAW, "sha256")),
        f"Basic {base64.b32encode(SECRET.encode()).decode()}", f"Basic {base64.b85encode(SECRET.encode()).decode()}",
    ):  # fmt: skip
        yield _with(f"header {wrong[:80]!r}", wrong)
    yield Forgery("no header", RAW, {})
    for other in ("proxy-authorization", "x-authorization", "x-signature", "cookie", "www-authenticate"):
        yield Forgery(f"in {other}", RAW, {other: GOOD})


def _with(name: str, header: str) -> Forgery:
    return Forgery(name, RAW, {"authorization": header})


FORGERIES = list(forgeries())


def test_there_are_forgeries_enough() -> None:
    assert len(FORGERIES) >= 60
    assert len({forgery.name for forgery in FORGERIES}) == len(FORGERIES)


@pytest.mark.parametrize("forgery", FORGERIES, ids=lambda forgery: forgery.name)
def test_a_forgery_is_refused_and_nothing_else_is_raised(forgery: Forgery) -> None:
    assert not is_genuine(forgery.headers)


@given(header=st.one_of(st.text(max_size=80), st.binary(max_size=60).map(encoded)))
def test_no_other_credentials_are_genuine(header: str) -> None:
    assert is_genuine({"authorization": header}) == (header == GOOD)


@pytest.mark.parametrize("scheme", ["Basic", "basic", "BASIC"])
def test_the_schemes_name_is_told_apart_from_others_whatever_its_case(scheme: str) -> None:
    assert is_genuine({"authorization": f"{scheme} {ENCODED}"})


@given(raw=st.binary())
def test_whatever_the_body_the_credentials_alone_prove_the_sender(raw: bytes) -> None:
    assert is_genuine(raw=raw)
    assert not is_genuine({"authorization": basic(OTHER_SECRET)}, raw=raw)


def test_while_a_secret_is_rotated_either_one_proves_the_sender() -> None:
    assert is_genuine(secrets=(OTHER_SECRET, SECRET))
    assert is_genuine(secrets=(SECRET, OTHER_SECRET))
    assert not is_genuine(secrets=(OTHER_SECRET,))


@pytest.mark.parametrize("secret", ["", ":", "user:", ":password1", "user", "\ud800:password", "ключ:password1"])
def test_without_a_usable_secret_nobody_gets_in(secret: str) -> None:
    assert not is_genuine(secrets=())
    header = encoded(secret.encode("utf-8", "replace"))
    assert not is_genuine({"authorization": header}, secrets=(secret,))
    # It does not shut out the genuine sender either.
    assert is_genuine(secrets=(secret, SECRET))


@pytest.mark.parametrize(
    "secret",
    ["", ":", "user", "user:", "user:short", ":password", "us er:password", "user:pass word", "user:пароль-пароль",
     "user:password\n", "u" * 101 + ":password", "user:" + "p" * 201],
)  # fmt: skip
def test_a_text_that_is_no_user_and_password_is_refused_as_a_secret(secret: str) -> None:
    with pytest.raises(UnusableSecret):
        CHARGEBEE.secret.check(secret)


@pytest.mark.parametrize("secret", [SECRET, "user:password", "user:with:colons:inside", "u:" + "p" * 200])
def test_a_user_and_a_password_are_taken_and_prove_the_sender(secret: str) -> None:
    CHARGEBEE.secret.check(secret)
    assert is_genuine({"authorization": basic(secret)}, secrets=(secret,))


def test_over_http_every_forgery_is_answered_401_and_leaves_nothing(api: Api) -> None:
    hook = a_chargebee_source(api)
    sendable = [forged for forged in FORGERIES if can_be_sent(forged.headers.get("authorization", ""))]
    assert len(sendable) >= 60
    assert {hook.post(forged.raw, forged.headers).status_code for forged in sendable} == {401}
    assert items(api, "/v1/inbound-events") == []
    # The same source takes what is genuine.
    assert expect(hook.send(event("payment_succeeded", payment())), 200)["outcome"] == "parked"


def can_be_sent(text: str) -> bool:
    """Whether HTTP can carry this in a header, and it stays what it is there."""
    is_clean = len(text) < 8192 and not {"\n", "\0"} & set(text) and all(ord(character) < 256 for character in text)
    return is_clean and text.strip() != GOOD
