"""Stripe: what is genuine, with its own library as the oracle."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as st
from stripe import Webhook, WebhookSignature
from webhooks_in.forgeries import Forgery, spoiled_bodies, spoiled_numbers, spoiled_texts

from referral_service.webhooks_in.providers.provider import BadSignature
from referral_service.webhooks_in.providers.secrets import UnusableSecret
from referral_service.webhooks_in.providers.stripe import Stripe

SECRET = "whsec_7Q2M4XTDtestsOnlyK7QM3XTD9"
OTHER_SECRET = "whsec_anotherEndpointOfTheSameShop"
TIMESTAMP = 1648319959
SENT_AT = datetime.fromtimestamp(TIMESTAMP, UTC)
RAW = b'{"id": "evt_1", "object": "event", "type": "charge.refunded", "livemode": true, "data": {"object": {}}}'
STRIPE = Stripe()


def signed(content: bytes, secret: str = SECRET) -> str:
    return hmac.new(secret.encode(), content, hashlib.sha256).hexdigest()


GOOD = signed(f"{TIMESTAMP}.".encode() + RAW)
HEADER = f"t={TIMESTAMP},v1={GOOD}"


def is_genuine(
    raw: bytes = RAW, header: str | None = HEADER, *, secrets: tuple[str, ...] = (SECRET,), now: datetime = SENT_AT
) -> bool:
    """Anything that is raised beside BadSignature fails the test."""
    try:
        sent = {} if header is None else {"stripe-signature": header}
        STRIPE.verify(raw=raw, headers=sent, secrets=secrets, now=now)
    except BadSignature:
        return False
    return True


def oracle_accepts(raw: bytes, header: str | None, *, now: datetime = SENT_AT) -> bool:
    with time_machine.travel(now, tick=False):
        try:
            WebhookSignature.verify_header(raw, header, SECRET, tolerance=Webhook.DEFAULT_TOLERANCE)
        except Exception:  # noqa: BLE001 - whatever it raises is a refusal
            return False
    return True


def forgeries() -> Iterator[Forgery]:
    for name, raw in spoiled_bodies(RAW):
        yield _with(f"body: {name}", HEADER, raw)
    for name, number in spoiled_numbers(str(TIMESTAMP)):
        yield _with(f"timestamp: {name}", f"t={number},v1={GOOD}")
        fitting = signed(f"{number}.".encode("utf-8", "replace") + RAW)
        yield _with(f"timestamp, and signed so: {name}", f"t={number},v1={fitting}")
    for second in (TIMESTAMP - 1, TIMESTAMP + 1):
        yield _with(f"timestamp: {second}", f"t={second},v1={GOOD}")
    for name, text in spoiled_texts(GOOD):
        yield _with(f"signature: {name}", f"t={TIMESTAMP},v1={text}")
    for wrong in (
        "", " ", ",", "=", "t", "v1", "t,v1", "t=,v1=", "==,==", f"t={TIMESTAMP}", f"v1={GOOD}", GOOD,
        f"t={TIMESTAMP},v0={GOOD}", f"t={TIMESTAMP},v2={GOOD}", f"t={TIMESTAMP},V1={GOOD}", f"t={TIMESTAMP}, v1={GOOD}",
        f"T={TIMESTAMP},v1={GOOD}", f"t={TIMESTAMP};v1={GOOD}", f"t={TIMESTAMP} v1={GOOD}", f"t:{TIMESTAMP},v1:{GOOD}",
        f"t={TIMESTAMP},v1==", f"t={TIMESTAMP},v1", f"t={TIMESTAMP},v1=,v1", f"t={TIMESTAMP},v1={GOOD.upper()}",
        f"t={TIMESTAMP},v1=0x{GOOD}", f"t={TIMESTAMP},v1={GOOD},v1", f"{HEADER},{HEADER}", f"{HEADER},t=1",
        f"t={TIMESTAMP},v1={signed(RAW)}", f"t={TIMESTAMP},v1={hashlib.sha256(RAW).hexdigest()}",
        f"t={TIMESTAMP},v1={signed(f'{TIMESTAMP}.'.encode() + RAW, OTHER_SECRET)}",
        f"t={TIMESTAMP},v1={signed(f'{TIMESTAMP}.'.encode() + RAW, SECRET.removeprefix('whsec_'))}",
    ):  # fmt: skip
        yield _with(f"header {wrong!r}", wrong)
    yield Forgery("no header", RAW, {})


def _with(name: str, header: str, raw: bytes = RAW) -> Forgery:
    return Forgery(name, raw, {"stripe-signature": header})


FORGERIES = list(forgeries())


@given(raw=st.text().map(lambda text: text.encode("utf-8", "replace")))
def test_what_the_library_signs_is_genuine(raw: bytes) -> None:
    header = WebhookSignature.generate_signature_header(raw.decode(), SECRET, TIMESTAMP)
    assert is_genuine(raw, header)


def test_there_are_forgeries_enough() -> None:
    assert len(FORGERIES) >= 60
    assert len({forgery.name for forgery in FORGERIES}) == len(FORGERIES)


@pytest.mark.parametrize("forgery", FORGERIES, ids=lambda forgery: forgery.name)
def test_a_forgery_is_refused_and_nothing_else_is_raised(forgery: Forgery) -> None:
    assert not is_genuine(forgery.raw, forgery.headers.get("stripe-signature"))


@given(
    header=st.one_of(
        st.text(max_size=120),
        st.lists(
            st.one_of(
                st.sampled_from([f"t={TIMESTAMP}", f"v1={GOOD}", f"v1={'0' * 64}", "v0=x", "t=", "v1", "v1=é", ""]),
                st.text(max_size=30),
            ),
            max_size=5,
        ).map(",".join),
    )
)
def test_nothing_is_accepted_here_that_the_library_refuses(header: str) -> None:
    assert not is_genuine(RAW, header) or oracle_accepts(RAW, header)


@pytest.mark.parametrize(
    "header",
    [
        HEADER,
        f"v1={GOOD},t={TIMESTAMP}",
        f"t={TIMESTAMP},v1={'0' * 64},v1={GOOD},v0=old",
        f"t={TIMESTAMP},v1={GOOD},v1={'0' * 64}",
        f"t={TIMESTAMP},v0=anything,v1={GOOD},v2=é",
    ],
)
def test_one_genuine_signature_of_several_is_enough_and_other_versions_are_passed_over(header: str) -> None:
    assert is_genuine(RAW, header)
    assert oracle_accepts(RAW, header)


@pytest.mark.parametrize("seconds", [-300, -1, 0, 1, 300])
def test_five_minutes_either_way_are_within_tolerance(seconds: int) -> None:
    assert is_genuine(now=SENT_AT + timedelta(seconds=seconds))


@pytest.mark.parametrize("seconds", [-86_400, -301, -300.001, 300.001, 301, 86_400])
def test_an_old_message_is_a_replay_and_one_of_the_future_is_refused_too(seconds: float) -> None:
    now = SENT_AT + timedelta(seconds=seconds)
    assert not is_genuine(now=now)
    # The library leaves the future alone.
    assert oracle_accepts(RAW, HEADER, now=now) == (seconds < 0)


def test_while_a_secret_is_rotated_either_one_proves_the_sender() -> None:
    assert is_genuine(secrets=(OTHER_SECRET, SECRET))
    assert is_genuine(secrets=(SECRET, OTHER_SECRET))
    assert not is_genuine(secrets=(OTHER_SECRET,))


def test_without_a_secret_nobody_gets_in() -> None:
    unsigned = hmac.new(b"", f"{TIMESTAMP}.".encode() + RAW, hashlib.sha256).hexdigest()
    assert not is_genuine(secrets=())
    assert not is_genuine(header=f"t={TIMESTAMP},v1={unsigned}", secrets=("",))


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_short", "sk_live_0123456789abcdef", "whsec_ with space 012345",
                                    "whsec_ключ_ключ_ключ", "whsec_" + "x" * 300])  # fmt: skip
def test_a_text_that_stripe_cannot_have_given_out_is_refused_as_a_secret(secret: str) -> None:
    with pytest.raises(UnusableSecret):
        STRIPE.secret.check(secret)


def test_a_secret_as_stripe_shows_it_is_taken() -> None:
    STRIPE.secret.check(SECRET)
