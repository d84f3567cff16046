"""Paddle Billing's webhooks (https://developer.paddle.com/webhooks): the signature. What they mean is in
`paddle_events`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from referral_service.webhooks_in.providers.exports.exported import Exported
from referral_service.webhooks_in.providers.exports.paddle import exported
from referral_service.webhooks_in.providers.paddle_events import translate
from referral_service.webhooks_in.providers.provider import (
    Around,
    Labels,
    Translation,
    Verified,
    check_age,
    labels_in,
)
from referral_service.webhooks_in.providers.secrets import GivenSecret
from referral_service.webhooks_in.providers.signatures import HEXADECIMAL, prove, read_timed

# Also refuses the API key (`pdl_live_apikey_…`), which people paste here by mistake; and what was cut off while it was
# copied. A destination of the sandbox has the same prefix as a live one.
_SECRET = re.compile(r"pdl_ntfset_[!-~]{10,244}")


class Paddle:
    """Paddle, whose notification destination's secret key is used as it is written, `pdl_ntfset_` and all."""

    name = "paddle"
    secret = GivenSecret(_SECRET, "Must be the notification destination's secret key, which begins with pdl_ntfset_.")
    # The descriptions of products and prices are the seller's own, and as long as he likes.
    string_characters_max = 65_536

    def verify(self, *, raw: bytes, headers: Mapping[str, str], secrets: Sequence[str], now: datetime) -> Verified:
        timestamp, given = read_timed(headers.get("paddle-signature", ""), separator=";", time="ts", signature="h1")
        prove(f"{timestamp}:".encode("ascii") + raw, given=given, secrets=secrets, spelling=HEXADECIMAL)
        # Paddle's own libraries allow five seconds, which a busy network breaks; a replay is harmless here anyway.
        check_age(timestamp, now)
        return Verified()

    def labels(self, body: Mapping[str, Any]) -> Labels:
        # The event's id, not the notification's: that one is another at each destination.
        return labels_in(body, id_field="event_id", type_field="event_type")

    def translate(self, body: Mapping[str, Any], around: Around) -> Translation:
        return translate(body, external_id=around.external_id, is_test=around.is_test)

    def exported(self, record: Mapping[str, Any]) -> tuple[Exported, ...]:
        return exported(record)
