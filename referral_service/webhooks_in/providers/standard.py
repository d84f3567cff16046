"""Standard Webhooks, as the app itself sends them (https://github.com/standard-webhooks/standard-webhooks, spec 1.0.0).

The body is that of one event of POST /v1/events.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
import secrets as randomness
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from referral_service.journeys.schemas.events import load_event
from referral_service.kit.errors import Problem
from referral_service.referrals.errors import OccurredInFuture
from referral_service.webhooks_in.providers.exports.exported import Exported
from referral_service.webhooks_in.providers.exports.standard import exported
from referral_service.webhooks_in.providers.provider import (
    INVALID_EVENT,
    OCCURRED_IN_FUTURE,
    TOLERANCE_SECONDS,
    Around,
    BadSignature,
    Labels,
    Parked,
    Translation,
    Verified,
    age_seconds,
)
from referral_service.webhooks_in.providers.secrets import MadeSecret, UnusableSecret

SECRET_PREFIX = "whsec_"
SECRET_BYTES = 32
SECRET_BYTES_MIN, SECRET_BYTES_MAX = 24, 64
_VERSION = "v1"
# 32 bytes in base64.
_SIGNATURE = re.compile(r"[A-Za-z0-9+/]{43}=")
_ID = re.compile(r"[!-~]{1,255}")
# Written as it was signed: with leading zeros it would be another text and the same time.
_TIMESTAMP = re.compile(r"0|[1-9][0-9]{0,11}")
_TYPE_CHARACTERS_MAX = 64


def new_secret() -> str:
    """Return a fresh secret: `whsec_` and the base64 of 32 random bytes."""
    return SECRET_PREFIX + base64.b64encode(randomness.token_bytes(SECRET_BYTES)).decode("ascii")


class Standard:
    """The app's own webhooks."""

    name = "standard"
    secret = MadeSecret(new_secret)
    string_characters_max = 1024

    def verify(self, *, raw: bytes, headers: Mapping[str, str], secrets: Sequence[str], now: datetime) -> Verified:
        message_id, timestamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
        if not _ID.fullmatch(message_id):
            raise BadSignature("no_usable_id")
        if not _TIMESTAMP.fullmatch(timestamp):
            raise BadSignature("no_usable_timestamp")
        given = _signatures(headers.get("webhook-signature", ""))
        content = f"{message_id}.{timestamp}.".encode("ascii") + raw
        # Every pair is compared: how long it takes tells nothing about which one fits.
        matches = [hmac.compare_digest(wanted, one) for wanted in _expected(secrets, content) for one in given]
        if not any(matches):
            raise BadSignature("no_signature_fits")
        if abs(age_seconds(int(timestamp), now)) > TOLERANCE_SECONDS:
            raise BadSignature("timestamp_too_far_from_now")
        return Verified(external_id=message_id)

    def labels(self, body: Mapping[str, Any]) -> Labels:
        kind = body.get("type")
        return Labels(None, kind[:_TYPE_CHARACTERS_MAX] if isinstance(kind, str) else "")

    def translate(self, body: Mapping[str, Any], around: Around) -> Translation:
        try:
            return load_event(body, now=around.now, default_id=around.external_id)
        except OccurredInFuture:
            return Parked(OCCURRED_IN_FUTURE, around.provider_type)
        except Problem:
            return Parked(INVALID_EVENT, around.provider_type)

    def exported(self, record: Mapping[str, Any]) -> tuple[Exported, ...]:
        return exported(record)


def sign(secret: str, *, message_id: str, timestamp: int, raw: bytes) -> str:
    """Return the signature of a message as its header holds it; raise UnusableSecret."""
    content = f"{message_id}.{timestamp}.".encode() + raw
    signature = base64.b64encode(hmac.digest(_key_of(secret), content, "sha256"))
    return f"{_VERSION},{signature.decode('ascii')}"


def _key_of(secret: str) -> bytes:
    try:
        key = base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raise UnusableSecret("Not base64 after whsec_.") from None
    if not secret.startswith(SECRET_PREFIX) or not SECRET_BYTES_MIN <= len(key) <= SECRET_BYTES_MAX:
        raise UnusableSecret(f"Must be whsec_ and the base64 of {SECRET_BYTES_MIN} to {SECRET_BYTES_MAX} bytes.")
    return key


def _signatures(header: str) -> list[bytes]:
    """Return the version 1 signatures in the header as bytes of base64; what other versions mean is not ours to say.

    They are compared as text: one signature has one spelling, and nothing hostile is ever decoded. Raises BadSignature.
    """
    pairs = [one.split(",") for one in header.split(" ")]
    if any(len(pair) != 2 for pair in pairs):
        raise BadSignature("malformed_signature")
    given = [signature for version, signature in pairs if version == _VERSION]
    if not given:
        raise BadSignature("no_signature_of_version_1")
    if not all(_SIGNATURE.fullmatch(signature) for signature in given):
        raise BadSignature("malformed_signature")
    return [signature.encode("ascii") for signature in given]


def _expected(secrets: Iterable[str], content: bytes) -> list[bytes]:
    """Return the signature each secret makes; one that cannot be used makes none, so that it lets nobody in."""
    expected: list[bytes] = []
    for secret in secrets:
        try:
            key = _key_of(secret)
        except UnusableSecret:
            continue
        expected.append(base64.b64encode(hmac.digest(key, content, "sha256")))
    return expected
