"""Paddle Billing's webhooks (https://developer.paddle.com/webhooks): the signature. What they mean is in
`paddle_events`.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from referral_service.events.given import GivenEvent
from referral_service.events.policy import lies_ahead
from referral_service.webhooks_in.providers.paddle_events import translate
from referral_service.webhooks_in.providers.provider import (
    EXTERNAL_ID_CHARACTERS_MAX,
    OCCURRED_IN_FUTURE,
    TOLERANCE_SECONDS,
    BadSignature,
    Labels,
    Parked,
    Translation,
    UnusableSecret,
    Verified,
    age_seconds,
)

# Also refuses the API key (`pdl_live_apikey_…`), which people paste here by mistake; and what was cut off while it was
# copied. A destination of the sandbox has the same prefix as a live one.
_SECRET = re.compile(r"pdl_ntfset_[!-~]{10,244}")
# 32 bytes in hexadecimal.
_SIGNATURE = re.compile(r"[0-9a-f]{64}")
_TIMESTAMP = re.compile(r"0|[1-9][0-9]{0,11}")
_TYPE_CHARACTERS_MAX = 255


class Paddle:
    """Paddle, whose notification destination's secret key is used as it is written, `pdl_ntfset_` and all."""

    name = "paddle"
    makes_own_secret = True
    # The descriptions of products and prices are the seller's own, and as long as he likes.
    string_characters_max = 65_536

    def new_secret(self) -> str:
        raise ValueError("Paddle makes the secret.")

    def check_secret(self, secret: str) -> None:
        if not _SECRET.fullmatch(secret):
            raise UnusableSecret("Must be the notification destination's secret key, which begins with pdl_ntfset_.")

    def verify(self, *, raw: bytes, headers: Mapping[str, str], secrets: Sequence[str], now: datetime) -> Verified:
        timestamp, given = _parts(headers.get("paddle-signature", ""))
        content = f"{timestamp}:".encode("ascii") + raw
        keys = [secret.encode("utf-8", "replace") for secret in secrets if secret]
        expected = [hmac.digest(key, content, "sha256").hex().encode("ascii") for key in keys]
        # Every pair is compared: how long it takes tells nothing about which one fits.
        matches = [hmac.compare_digest(wanted, one) for wanted in expected for one in given]
        if not any(matches):
            raise BadSignature("no_signature_fits")
        # Paddle's own libraries allow five seconds, which a busy network breaks; a replay is harmless here anyway.
        if abs(age_seconds(int(timestamp), now)) > TOLERANCE_SECONDS:
            raise BadSignature("timestamp_too_far_from_now")
        return Verified()

    def labels(self, body: Mapping[str, Any]) -> Labels:
        # The event's id, not the notification's: that one is another at each destination.
        external_id, kind = body.get("event_id"), body.get("event_type")
        has_id = isinstance(external_id, str) and 1 <= len(external_id) <= EXTERNAL_ID_CHARACTERS_MAX
        return Labels(external_id if has_id else None, kind[:_TYPE_CHARACTERS_MAX] if isinstance(kind, str) else "")

    def translate(
        self,
        body: Mapping[str, Any],
        *,
        external_id: str,
        provider_type: str,  # noqa: ARG002
        is_test: bool,
        now: datetime,
    ) -> Translation:
        said = translate(body, external_id=external_id, is_test=is_test)
        if isinstance(said, GivenEvent) and lies_ahead(said.occurred_at, now=now):
            return Parked(OCCURRED_IN_FUTURE, said.type)
        return said


def _parts(header: str) -> tuple[str, list[bytes]]:
    """Return the timestamp's text and the signatures of `ts=…;h1=…;h1=…`, of which there are several while Paddle
    changes its key; other kinds of signature are passed over.
    """
    pairs = [part.partition("=") for part in header.split(";")]
    if not all(separator for _, separator, _ in pairs):
        raise BadSignature("malformed_header")
    timestamps = [value for name, _, value in pairs if name == "ts"]
    if len(timestamps) != 1 or not _TIMESTAMP.fullmatch(timestamps[0]):
        raise BadSignature("no_usable_timestamp")
    signatures = [value for name, _, value in pairs if name == "h1"]
    if not signatures:
        raise BadSignature("no_signature_of_kind_h1")
    # A header that was sent twice arrives as one, joined by a comma: no signature has a comma.
    if not all(_SIGNATURE.fullmatch(signature) for signature in signatures):
        raise BadSignature("malformed_signature")
    return timestamps[0], [signature.encode("ascii") for signature in signatures]
