"""Shopify's webhooks (https://shopify.dev/docs/apps/build/webhooks): the signature. What they say: `shopify_orders`.

The signature covers the body alone, neither its topic nor any time. So the body must bear out what the topic says, and
a body that is sent again counts once by what it is about: the order, the refund.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from referral_service.webhooks_in.providers.exports.exported import Exported
from referral_service.webhooks_in.providers.exports.shopify import exported
from referral_service.webhooks_in.providers.provider import Around, Labels, Translation, Verified
from referral_service.webhooks_in.providers.secrets import GivenSecret
from referral_service.webhooks_in.providers.shopify_orders import translate
from referral_service.webhooks_in.providers.signatures import BASE64, prove

# Also refuses access tokens, which people paste here by mistake; `shpss_` is the secret.
_SECRET = re.compile(r"(?!shp(?:at|ca|pa|tka)_)[!-~]{8,255}")
_TOPIC = re.compile(r"[a-z_]{1,40}/[a-z_]{1,40}")
_ID = re.compile(r"[!-~]{1,128}")


class Shopify:
    """Shopify, which signs with the app's client secret, or with the one shown below the shop's own webhooks."""

    name = "shopify"
    secret = GivenSecret(_SECRET, "Must be the secret that signs the webhooks: no access token, at least 8 characters.")
    # An order carries its landing page, and a customer's note of up to 5,000 characters.
    string_characters_max = 65_536

    def verify(
        self,
        *,
        raw: bytes,
        headers: Mapping[str, str],
        secrets: Sequence[str],
        now: datetime,  # noqa: ARG002
    ) -> Verified:
        prove(raw, given=[headers.get("x-shopify-hmac-sha256", "")], secrets=secrets, spelling=BASE64)
        topic = headers.get("x-shopify-topic", "")
        topic = topic if _TOPIC.fullmatch(topic) else ""
        # The event's id stays the same for each subscription that tells it; the webhook's is that of one delivery.
        ids = (headers.get("x-shopify-event-id", ""), headers.get("x-shopify-webhook-id", ""))
        found = next((one for one in ids if _ID.fullmatch(one)), f"sha256:{hashlib.sha256(raw).hexdigest()}")
        # One act of the merchant is one event under several topics: a cancellation, and the refund that it made.
        return Verified(external_id=f"{found}:{topic}", provider_type=topic)

    def labels(self, body: Mapping[str, Any]) -> Labels:  # noqa: ARG002
        """Say nothing: the body has no name of its own, its headers have."""
        return Labels(None, "")

    def translate(self, body: Mapping[str, Any], around: Around) -> Translation:
        return translate(body, topic=around.provider_type, external_id=around.external_id, is_test=around.is_test)

    def exported(self, record: Mapping[str, Any]) -> tuple[Exported, ...]:
        return exported(record)
