"""Stripe's webhooks (https://docs.stripe.com/webhooks): the signature. What they mean is in `stripe_events`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from referral_service.webhooks_in.providers.exports.exported import Exported
from referral_service.webhooks_in.providers.exports.stripe import exported
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
from referral_service.webhooks_in.providers.stripe_events import translate

# Also refuses the API key, which people paste here by mistake; and what was cut off while it was copied.
_SECRET = re.compile(r"whsec_[!-~]{10,249}")


class Stripe:
    """Stripe, whose endpoint secret is used as it is written, `whsec_` and all."""

    name = "stripe"
    secret = GivenSecret(_SECRET, "Must be the endpoint's signing secret, which begins with whsec_.")
    # Checkout sessions carry an address of over a thousand characters.
    string_characters_max = 65_536

    def verify(self, *, raw: bytes, headers: Mapping[str, str], secrets: Sequence[str], now: datetime) -> Verified:
        timestamp, given = read_timed(headers.get("stripe-signature", ""), separator=",", time="t", signature="v1")
        prove(f"{timestamp}.".encode("ascii") + raw, given=given, secrets=secrets, spelling=HEXADECIMAL)
        check_age(timestamp, now)
        return Verified()

    def labels(self, body: Mapping[str, Any]) -> Labels:
        return labels_in(body, id_field="id", type_field="type")

    def translate(self, body: Mapping[str, Any], around: Around) -> Translation:
        return translate(body, external_id=around.external_id, is_test=around.is_test)

    def exported(self, record: Mapping[str, Any]) -> tuple[Exported, ...]:
        return exported(record)
