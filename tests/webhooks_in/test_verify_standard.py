"""Standard Webhooks: what is genuine, with the specification's own vector and its library as oracles."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook
from webhooks_in.forgeries import Forgery, spoiled_bodies, spoiled_numbers, spoiled_texts

from referral_service.webhooks_in.providers.provider import BadSignature
from referral_service.webhooks_in.providers.secrets import UnusableSecret
from referral_service.webhooks_in.providers.standard import Standard, sign

# The specification's own test vector.
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
MESSAGE_ID = "msg_p5jXN8AQM9LWM0D4loKWxJek"
TIMESTAMP = 1614265330
RAW = b'{"test": 2432232314}'
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="

OTHER_SECRET = "whsec_" + base64.b64encode(b"another secret of 32 characters.").decode()
SENT_AT = datetime.fromtimestamp(TIMESTAMP, UTC)
STANDARD = Standard()


def headers(**replaced: str) -> dict[str, str]:
    genuine = {"webhook-id": MESSAGE_ID, "webhook-timestamp": str(TIMESTAMP), "webhook-signature": SIGNATURE}
    return genuine | {name.replace("_", "-"): value for name, value in replaced.items()}


def signed_with(secret: str) -> str:
    return sign(secret, message_id=MESSAGE_ID, timestamp=TIMESTAMP, raw=RAW)


def is_genuine(
    raw: bytes = RAW,
    sent: dict[str, str] | None = None,
    *,
    secrets: tuple[str, ...] = (SECRET,),
    now: datetime = SENT_AT,
) -> bool:
    """Anything that is raised beside BadSignature fails the test."""
    try:
        STANDARD.verify(raw=raw, headers=headers() if sent is None else sent, secrets=secrets, now=now)
    except BadSignature:
        return False
    return True


def oracle_accepts(raw: bytes, sent: dict[str, str], *, now: datetime = SENT_AT) -> bool:
    """The library raises many things beside its own error for a hostile header; all of them are a refusal."""
    with time_machine.travel(now, tick=False):
        try:
            Webhook(SECRET).verify(raw, sent, json_parse=False)
        except Exception:  # noqa: BLE001
            return False
    return True


def forgeries() -> Iterator[Forgery]:
    for name, raw in spoiled_bodies(RAW):
        yield Forgery(f"body: {name}", raw, headers())
    for name, number in spoiled_numbers(str(TIMESTAMP)):
        yield Forgery(f"timestamp: {name}", RAW, headers(webhook_timestamp=number))
        signed = base64.b64encode(sign_text(f"{MESSAGE_ID}.{number}.".encode("utf-8", "replace") + RAW)).decode()
        yield Forgery(
            f"timestamp, and signed so: {name}",
            RAW,
            headers(webhook_timestamp=number, webhook_signature=f"v1,{signed}"),
        )
    for second in (TIMESTAMP - 1, TIMESTAMP + 1):
        yield Forgery(f"timestamp: {second}", RAW, headers(webhook_timestamp=str(second)))
    for name, text in spoiled_texts(MESSAGE_ID):
        yield Forgery(f"id: {name}", RAW, headers(webhook_id=text))
    for name, text in spoiled_texts(SIGNATURE):
        yield Forgery(f"signature: {name}", RAW, headers(webhook_signature=text))
    for missing in headers():
        yield Forgery(f"no {missing}", RAW, {name: value for name, value in headers().items() if name != missing})
    value = SIGNATURE.removeprefix("v1,")
    for wrong in (
        "v1", "v1,", "v1,,", f"v1,,{value}", value, f"v2,{value}", f"v1a,{value}", f"V1,{value}", f"v1 ,{value}",
        f"v1={value}", f"v1,{value[:-1]}", f"v1,{value}=", f"v1,{value.replace('+', '-')}", f"v1,{value.lower()}",
        f"v1,{base64.b64decode(value).hex()}", f"v1,{value[:-2]}F=", f"v1,{value},extra", f"junk v1,{value}",
        f"v1,abc v1,{value}", f"v1,é v1,{value}", f" v1,{value}", f"v1,!{value}", f"v1,{value[:8]}\n{value[8:]}",
    ):  # fmt: skip
        yield Forgery(f"signature {wrong!r}", RAW, headers(webhook_signature=wrong))


def sign_text(content: bytes) -> bytes:
    import hashlib
    import hmac

    return hmac.new(base64.b64decode(SECRET.removeprefix("whsec_")), content, hashlib.sha256).digest()


FORGERIES = list(forgeries())


def test_the_specifications_own_vector_verifies() -> None:
    verified = STANDARD.verify(raw=RAW, headers=headers(), secrets=[SECRET], now=SENT_AT)
    assert verified.external_id == MESSAGE_ID
    assert sign(SECRET, message_id=MESSAGE_ID, timestamp=TIMESTAMP, raw=RAW) == SIGNATURE


@given(
    raw=st.text().map(lambda text: text.encode("utf-8", "replace")),
    message_id=st.from_regex(r"[!-~]{1,60}", fullmatch=True),
)
def test_what_the_library_signs_is_genuine(raw: bytes, message_id: str) -> None:
    signature = Webhook(SECRET).sign(message_id, SENT_AT, raw.decode())
    assert is_genuine(raw, headers(webhook_id=message_id, webhook_signature=signature))


def test_there_are_forgeries_enough() -> None:
    assert len(FORGERIES) >= 60
    assert len({forgery.name for forgery in FORGERIES}) == len(FORGERIES)


@pytest.mark.parametrize("forgery", FORGERIES, ids=lambda forgery: forgery.name)
def test_a_forgery_is_refused_and_nothing_else_is_raised(forgery: Forgery) -> None:
    assert not is_genuine(forgery.raw, forgery.headers)


@given(
    message_id=st.text(max_size=40),
    timestamp=st.one_of(st.text(max_size=20), st.integers().map(str), st.floats().map(str)),
    signature=st.one_of(
        st.text(max_size=80),
        st.lists(st.one_of(st.just(SIGNATURE), st.text(max_size=60)), max_size=4).map(" ".join),
    ),
)
def test_nothing_is_accepted_here_that_the_library_refuses(message_id: str, timestamp: str, signature: str) -> None:
    for sent in (
        headers(webhook_id=message_id),
        headers(webhook_timestamp=timestamp),
        headers(webhook_signature=signature),
        headers(webhook_id=message_id, webhook_timestamp=timestamp, webhook_signature=signature),
    ):
        assert not is_genuine(RAW, sent) or oracle_accepts(RAW, sent)


@pytest.mark.parametrize("forgery", FORGERIES, ids=lambda forgery: forgery.name)
def test_the_oracle_is_never_stricter_than_we_are(forgery: Forgery) -> None:
    assert oracle_accepts(forgery.raw, forgery.headers) or not is_genuine(forgery.raw, forgery.headers)


@pytest.mark.parametrize(
    "signature",
    [
        f"{SIGNATURE} v1,{'A' * 43}=",
        f"v1,{'A' * 43}= {SIGNATURE}",
        f"v2,whatever {SIGNATURE}",
        f"v1a,{'A' * 88} {SIGNATURE} v99,",
    ],
)
def test_one_genuine_signature_of_several_is_enough_and_other_versions_are_passed_over(signature: str) -> None:
    assert is_genuine(RAW, headers(webhook_signature=signature))
    assert oracle_accepts(RAW, headers(webhook_signature=signature))


@pytest.mark.parametrize("seconds", [-300, -299, 0, 299, 300])
def test_five_minutes_either_way_are_within_tolerance(seconds: int) -> None:
    now = SENT_AT + timedelta(seconds=seconds)
    assert is_genuine(now=now)
    assert oracle_accepts(RAW, headers(), now=now)


@pytest.mark.parametrize("seconds", [-86_400, -301, -300.001, 300.001, 301, 86_400])
def test_beyond_five_minutes_a_message_is_a_replay_or_from_a_wrong_clock(seconds: float) -> None:
    now = SENT_AT + timedelta(seconds=seconds)
    assert not is_genuine(now=now)
    assert not oracle_accepts(RAW, headers(), now=now)


def test_while_a_secret_is_rotated_either_one_proves_the_sender() -> None:
    assert is_genuine(secrets=(OTHER_SECRET, SECRET))
    assert is_genuine(secrets=(SECRET, OTHER_SECRET))
    assert not is_genuine(secrets=(OTHER_SECRET,))


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_AAAA", "whsec_ü", "whsec_not base64", SECRET[6:], "\ud800"])
def test_without_a_usable_secret_nobody_gets_in(secret: str) -> None:
    assert not is_genuine(secrets=())
    assert not is_genuine(secrets=(secret,))
    # It does not shut out the genuine sender either.
    assert is_genuine(secrets=(secret, SECRET))


def test_an_empty_key_signs_nothing() -> None:
    import hashlib
    import hmac

    content = f"{MESSAGE_ID}.{TIMESTAMP}.".encode() + RAW
    empty = base64.b64encode(hmac.new(b"", content, hashlib.sha256).digest()).decode()
    assert not is_genuine(RAW, headers(webhook_signature=f"v1,{empty}"), secrets=("", "whsec_"))


def test_secrets_made_here_are_as_the_specification_says_and_never_the_same() -> None:
    made = {STANDARD.secret.make() for _ in range(50)}
    assert len(made) == 50
    for secret in made:
        assert signed_with(secret) == Webhook(secret).sign(MESSAGE_ID, SENT_AT, RAW.decode())
        assert len(base64.b64decode(secret.removeprefix("whsec_"))) == 32


@pytest.mark.parametrize("size", [0, 16, 23, 65])
def test_a_secret_of_the_wrong_size_is_refused(size: int) -> None:
    with pytest.raises(UnusableSecret):
        signed_with("whsec_" + base64.b64encode(b"x" * size).decode())


@pytest.mark.parametrize("size", [24, 64])
def test_a_secret_at_the_edges_is_taken(size: int) -> None:
    assert signed_with("whsec_" + base64.b64encode(b"x" * size).decode())
