"""Paddle: what is genuine."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from webhooks_in.forgeries import Forgery, spoiled_bodies, spoiled_numbers, spoiled_texts
from webhooks_in.paddle_bodies import PADDLE_SECRET, a_paddle_source, signature

from builders import Api, expect, items
from cast import NOON
from referral_service.webhooks_in.providers.paddle import Paddle
from referral_service.webhooks_in.providers.provider import BadSignature
from referral_service.webhooks_in.providers.secrets import UnusableSecret

PAYLOADS = Path(__file__).parents[2].parent / "shared" / "payloads"
OTHER_SECRET = "pdl_ntfset_01hs0anotherdestination0000_test+only/fedcba9876543210"
# When Paddle signed the body that it publishes.
PUBLISHED_AT = datetime.fromtimestamp(1710498758, UTC)
SENT_AT = NOON
TIMESTAMP = int(SENT_AT.timestamp())
RAW = b'{"data": {"id": "txn_1"}, "event_id": "evt_1", "event_type": "transaction.completed"}'
PADDLE = Paddle()


def signed(content: bytes, secret: str = PADDLE_SECRET) -> str:
    return hmac.new(secret.encode(), content, hashlib.sha256).hexdigest()


GOOD = signed(f"{TIMESTAMP}:".encode() + RAW)
HEADER = f"ts={TIMESTAMP};h1={GOOD}"


def is_genuine(
    raw: bytes = RAW,
    header: str | None = HEADER,
    *,
    secrets: tuple[str, ...] = (PADDLE_SECRET,),
    now: datetime = SENT_AT,
) -> bool:
    """Anything that is raised beside BadSignature fails the test."""
    try:
        sent = {} if header is None else {"paddle-signature": header}
        PADDLE.verify(raw=raw, headers=sent, secrets=secrets, now=now)
    except BadSignature:
        return False
    return True


def forgeries() -> Iterator[Forgery]:
    for name, raw in spoiled_bodies(RAW):
        yield _with(f"body: {name}", HEADER, raw)
    for name, number in spoiled_numbers(str(TIMESTAMP)):
        yield _with(f"timestamp: {name}", f"ts={number};h1={GOOD}")
        fitting = signed(f"{number}:".encode("utf-8", "replace") + RAW)
        yield _with(f"timestamp, and signed so: {name}", f"ts={number};h1={fitting}")
    for second in (TIMESTAMP - 1, TIMESTAMP + 1):
        yield _with(f"timestamp: {second}", f"ts={second};h1={GOOD}")
    for name, text in spoiled_texts(GOOD):
        yield _with(f"signature: {name}", f"ts={TIMESTAMP};h1={text}")
    for wrong in (
        "", " ", ";", "=", "ts", "h1", "ts;h1", "ts=;h1=", "==;==", f"ts={TIMESTAMP}", f"h1={GOOD}", GOOD,
        f"ts={TIMESTAMP};h0={GOOD}", f"ts={TIMESTAMP};h2={GOOD}", f"ts={TIMESTAMP};H1={GOOD}",
        f"ts={TIMESTAMP}; h1={GOOD}", f"TS={TIMESTAMP};h1={GOOD}", f"t={TIMESTAMP};v1={GOOD}",
        f"ts={TIMESTAMP},h1={GOOD}", f"ts={TIMESTAMP} h1={GOOD}", f"ts:{TIMESTAMP};h1:{GOOD}", f"ts={TIMESTAMP};h1==",
        f"ts={TIMESTAMP};h1", f"ts={TIMESTAMP};h1=;h1", f"ts={TIMESTAMP};h1={GOOD.upper()}",
        f"ts={TIMESTAMP};h1=0x{GOOD}", f"ts={TIMESTAMP};h1={GOOD};h1", f"{HEADER};", f"{HEADER},{HEADER}",
        f"{HEADER};{HEADER}", f"{HEADER};ts=1", f"ts={TIMESTAMP};h1={signed(RAW)}",
        f"ts={TIMESTAMP};h1={hashlib.sha256(RAW).hexdigest()}",
        # As Stripe signs.
        f"ts={TIMESTAMP};h1={signed(f'{TIMESTAMP}.'.encode() + RAW)}",
        f"ts={TIMESTAMP};h1={signed(f'{TIMESTAMP}:'.encode() + RAW, OTHER_SECRET)}",
        f"ts={TIMESTAMP};h1={signed(f'{TIMESTAMP}:'.encode() + RAW, PADDLE_SECRET.removeprefix('pdl_ntfset_'))}",
        f"ts={TIMESTAMP};h1={signed(f'{TIMESTAMP}:'.encode() + RAW, PADDLE_SECRET.rpartition('_')[2])}",
    ):  # fmt: skip
        yield _with(f"header {wrong!r}", wrong)
    yield Forgery("no header", RAW, {})
    yield Forgery("another provider's header", RAW, {"stripe-signature": HEADER})


def _with(name: str, header: str, raw: bytes = RAW) -> Forgery:
    return Forgery(name, raw, {"paddle-signature": header})


FORGERIES = list(forgeries())


@pytest.mark.parametrize("secret", [PADDLE_SECRET, OTHER_SECRET])
@given(raw=st.binary())
def test_what_paddle_signs_is_genuine(secret: str, raw: bytes) -> None:
    assert is_genuine(raw, signature(raw, secret, TIMESTAMP), secrets=(secret,))


def test_the_raw_body_that_paddle_publishes_fits_its_published_secret() -> None:
    if not PAYLOADS.is_dir():
        pytest.skip("needs ../shared/payloads")
    text = (PAYLOADS / "README.md").read_text()
    row = next(line for line in text.splitlines() if line.startswith("| paddle_signed_standard_payload.json"))
    header, secret = row.split("`Paddle-Signature: ")[1].split("`")[0], row.split("secret `")[1].split("`")[0]
    raw = (PAYLOADS / "paddle_signed_standard_payload.json").read_bytes()
    PADDLE.secret.check(secret)
    assert is_genuine(raw, header, secrets=(secret,), now=PUBLISHED_AT)
    assert is_genuine(raw, header, secrets=(OTHER_SECRET, secret), now=PUBLISHED_AT)
    assert not is_genuine(raw, header, now=PUBLISHED_AT)
    assert not is_genuine(raw.replace(b"John", b"Jane"), header, secrets=(secret,), now=PUBLISHED_AT)
    assert not is_genuine(raw, header, secrets=(secret,), now=PUBLISHED_AT + timedelta(seconds=301))


def test_there_are_forgeries_enough() -> None:
    assert len(FORGERIES) >= 60
    assert len({forgery.name for forgery in FORGERIES}) == len(FORGERIES)


@pytest.mark.parametrize("forgery", FORGERIES, ids=lambda forgery: forgery.name)
def test_a_forgery_is_refused_and_nothing_else_is_raised(forgery: Forgery) -> None:
    assert not is_genuine(forgery.raw, forgery.headers.get("paddle-signature"))


def test_every_forgery_that_http_can_carry_is_answered_401_by_the_service(api: Api) -> None:
    hook = a_paddle_source(api)
    sent = [forgery for forgery in FORGERIES if all(map(_can_be_sent, forgery.headers.values()))]
    assert len(sent) >= 60
    for forgery in sent:
        assert hook.post(forgery.raw, forgery.headers).status_code == 401, forgery.name
    assert items(api, "/v1/inbound-events") == []
    # What they were made of would have been taken.
    assert expect(hook.post(RAW, {"Paddle-Signature": HEADER}), 200)["id"] == "evt_1"


@given(
    header=st.one_of(
        st.text(max_size=120),
        st.lists(
            st.one_of(
                st.sampled_from(["ts=1", f"ts={TIMESTAMP}", f"h1={'0' * 64}", "h0=x", "ts=", "h1", "h1=é", ""]),
                st.text(max_size=30),
            ),
            max_size=5,
        ).map(";".join),
    )
)
def test_whatever_stands_in_the_header_without_a_signature_that_fits_is_refused(header: str) -> None:
    assert not is_genuine(RAW, header)


@pytest.mark.parametrize(
    "header",
    [
        HEADER,
        f"h1={GOOD};ts={TIMESTAMP}",
        f"ts={TIMESTAMP};h1={'0' * 64};h1={GOOD}",
        f"ts={TIMESTAMP};h1={GOOD};h1={'0' * 64}",
        f"ts={TIMESTAMP};h0=anything;h1={GOOD};h2=é",
    ],
)
def test_one_genuine_signature_of_several_is_enough_and_other_kinds_are_passed_over(header: str) -> None:
    assert is_genuine(RAW, header)


@pytest.mark.parametrize("seconds", [-300, -1, 0, 1, 300])
def test_five_minutes_either_way_are_within_tolerance(seconds: int) -> None:
    assert is_genuine(now=SENT_AT + timedelta(seconds=seconds))


@pytest.mark.parametrize("seconds", [-86_400, -301, -300.001, 300.001, 301, 86_400])
def test_an_old_message_is_a_replay_and_one_of_the_future_is_refused_too(seconds: float) -> None:
    assert not is_genuine(now=SENT_AT + timedelta(seconds=seconds))


def test_while_a_secret_is_rotated_either_one_proves_the_sender() -> None:
    assert is_genuine(secrets=(OTHER_SECRET, PADDLE_SECRET))
    assert is_genuine(secrets=(PADDLE_SECRET, OTHER_SECRET))
    assert not is_genuine(secrets=(OTHER_SECRET,))


def test_without_a_secret_nobody_gets_in() -> None:
    unsigned = hmac.new(b"", f"{TIMESTAMP}:".encode() + RAW, hashlib.sha256).hexdigest()
    assert not is_genuine(secrets=())
    assert not is_genuine(header=f"ts={TIMESTAMP};h1={unsigned}", secrets=("",))


@pytest.mark.parametrize("secret", ["", "pdl_ntfset_", "pdl_ntfset_short", "pdl_live_apikey_01hs0t3tw21j988db1pam5xg8m",
                                    "pdl_sdbx_apikey_01hs0t3tw21j988db1pam5xg8m", "whsec_7Q2M4XTDtestsOnlyK7QM3XTD9",
                                    "pdl_ntfset_ with space 012345", "pdl_ntfset_ключ_ключ_ключ",
                                    "pdl_ntfset_" + "x" * 300, f" {PADDLE_SECRET}"])  # fmt: skip
def test_a_text_that_paddle_cannot_have_given_out_is_refused_as_a_secret(secret: str) -> None:
    with pytest.raises(UnusableSecret):
        PADDLE.secret.check(secret)


def test_a_secret_as_paddle_shows_it_is_taken() -> None:
    PADDLE.secret.check(PADDLE_SECRET)


def _can_be_sent(text: str) -> bool:
    """Whether HTTP can carry this in a header, and carries it unchanged."""
    return len(text) < 8192 and text == text.strip() and all(31 < ord(character) < 256 for character in text)
