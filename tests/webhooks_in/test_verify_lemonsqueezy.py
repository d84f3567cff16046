"""Lemon Squeezy: what is genuine."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterator
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from webhooks_in.forgeries import Forgery, spoiled_bodies, spoiled_texts
from webhooks_in.lemonsqueezy_bodies import a_lemon_source, event, order

from builders import Api, expect, items
from cast import NOON
from referral_service.webhooks_in.providers.lemonsqueezy import LemonSqueezy
from referral_service.webhooks_in.providers.provider import BadSignature
from referral_service.webhooks_in.providers.secrets import UnusableSecret

SECRET = "lemon-tests-only-7Q2M4XTD-K7QM3XTD"
OTHER_SECRET = "lemon-tests-only-another-shop-1234"
RAW = b'{"meta": {"event_name": "order_created", "test_mode": false}, "data": {"id": "1", "attributes": {}}}'
LEMON = LemonSqueezy()


def signed(content: bytes, secret: str = SECRET, digest: str = "sha256") -> str:
    return hmac.new(secret.encode(), content, digest).hexdigest()


GOOD = signed(RAW)


def is_genuine(
    raw: bytes = RAW, headers: dict[str, str] | None = None, *, secrets: tuple[str, ...] = (SECRET,)
) -> bool:
    """Anything that is raised beside BadSignature fails the test."""
    sent = {"x-signature": GOOD} if headers is None else headers
    try:
        LEMON.verify(raw=raw, headers=sent, secrets=secrets, now=NOON)
    except BadSignature:
        return False
    return True


def forgeries() -> Iterator[Forgery]:
    for name, raw in spoiled_bodies(RAW):
        yield Forgery(f"body: {name}", raw, {"x-signature": GOOD})
        yield Forgery(f"body, signed by another shop: {name}", raw, {"x-signature": signed(raw, OTHER_SECRET)})
    for name, text in spoiled_texts(GOOD):
        yield Forgery(f"signature: {name}", RAW, {"x-signature": text})
    in_base64 = base64.b64encode(bytes.fromhex(GOOD)).decode()
    for wrong in (
        GOOD.upper(), f"0x{GOOD}", f"sha256={GOOD}", f"v1={GOOD}", f"{GOOD}, {GOOD}", f'"{GOOD}"', f"{GOOD};",
        in_base64, GOOD[:32], GOOD[32:], "0" * 64, "f" * 64, f"{GOOD}{'0' * 64}", "１" + GOOD[1:], "none",
        hashlib.sha256(RAW).hexdigest(), hashlib.sha256(RAW + SECRET.encode()).hexdigest(),
        hashlib.sha256(SECRET.encode() + RAW).hexdigest(), signed(b""), signed(RAW, ""), signed(RAW, SECRET[:-1]),
        signed(RAW, SECRET.upper()), signed(RAW, OTHER_SECRET), signed(RAW, digest="sha1"),
        signed(RAW, digest="sha512"), signed(RAW, digest="md5"), signed(RAW[:-1]),
        signed(SECRET.encode(), RAW.decode()),
    ):  # fmt: skip
        yield Forgery(f"header {wrong!r}", RAW, {"x-signature": wrong})
    yield Forgery("no header", RAW, {})
    for other in ("x-event-name", "x-signature-256", "signature", "authorization", "stripe-signature"):
        yield Forgery(f"in {other}", RAW, {other: GOOD})


FORGERIES = list(forgeries())


@given(raw=st.binary())
def test_what_the_secret_signs_is_genuine(raw: bytes) -> None:
    assert is_genuine(raw, {"x-signature": signed(raw)})


def test_there_are_forgeries_enough() -> None:
    assert len(FORGERIES) >= 60
    assert len({forgery.name for forgery in FORGERIES}) == len(FORGERIES)


@pytest.mark.parametrize("forgery", FORGERIES, ids=lambda forgery: forgery.name)
def test_a_forgery_is_refused_and_nothing_else_is_raised(forgery: Forgery) -> None:
    assert not is_genuine(forgery.raw, forgery.headers)


@given(header=st.one_of(st.text(max_size=80), st.text("0123456789abcdef", min_size=64, max_size=64)))
def test_no_other_text_is_a_signature(header: str) -> None:
    assert is_genuine(headers={"x-signature": header}) == (header == GOOD)


def test_a_redelivery_is_genuine_however_late_for_no_time_is_signed() -> None:
    LEMON.verify(raw=RAW, headers={"x-signature": GOOD}, secrets=[SECRET], now=NOON + timedelta(days=400))


def test_while_a_secret_is_rotated_either_one_proves_the_sender() -> None:
    assert is_genuine(secrets=(OTHER_SECRET, SECRET))
    assert is_genuine(secrets=(SECRET, OTHER_SECRET))
    assert not is_genuine(secrets=(OTHER_SECRET,))


def test_without_a_secret_nobody_gets_in() -> None:
    assert not is_genuine(secrets=())
    assert not is_genuine(headers={"x-signature": hmac.new(b"", RAW, hashlib.sha256).hexdigest()}, secrets=("",))


@pytest.mark.parametrize("secret", ["", "short", "with space", "секретний", "line\nbreak", "x" * 256])
def test_a_text_that_is_no_signing_secret_is_refused(secret: str) -> None:
    with pytest.raises(UnusableSecret):
        LEMON.secret.check(secret)


@pytest.mark.parametrize("secret", ["sixsix", "x" * 40, SECRET])
def test_a_secret_as_the_documentation_allows_it_is_taken(secret: str) -> None:
    LEMON.secret.check(secret)


def test_over_http_every_forgery_is_answered_401_and_leaves_nothing(api: Api) -> None:
    hook = a_lemon_source(api)
    sendable = [forged for forged in FORGERIES if can_be_sent(forged.headers.get("x-signature", ""))]
    assert len(sendable) >= 60
    assert {hook.post(forged.raw, forged.headers).status_code for forged in sendable} == {401}
    assert items(api, "/v1/inbound-events") == []
    # The same source takes what is genuine.
    assert expect(hook.send(event("order_created", order())), 200)["outcome"] == "parked"


def can_be_sent(text: str) -> bool:
    """Whether HTTP can carry this in a header, and it stays what it is there."""
    is_clean = len(text) < 8192 and not {"\n", "\0"} & set(text) and all(ord(character) < 256 for character in text)
    return is_clean and text.strip() != GOOD
