"""WooCommerce's webhooks (https://developer.woocommerce.com/docs/best-practices/urls-and-routing/webhooks/): the
signature, and by what a message is known. What an order says is in `woocommerce_orders`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from referral_service.webhooks_in.providers.exports.exported import Exported
from referral_service.webhooks_in.providers.exports.woocommerce import exported
from referral_service.webhooks_in.providers.provider import (
    Around,
    Greeting,
    Labels,
    Translation,
    Verified,
)
from referral_service.webhooks_in.providers.secrets import GivenSecret
from referral_service.webhooks_in.providers.signatures import BASE64, prove
from referral_service.webhooks_in.providers.woocommerce_orders import TOPICS, message_id, translate

# The shop's owner may write any, and the one it offers has spaces inside.
_SECRET = re.compile(r"[!-~][ -~]{6,253}[!-~]")
_TOPIC = re.compile(r"[a-z_]{1,60}\.[a-z_]{1,120}")
# What WooCommerce posts when a webhook is saved; unless it is answered 200, the webhook stays off.
_PING = re.compile(rb"webhook_id=[0-9]{1,20}")


class WooCommerce:
    """WooCommerce, which signs the body with the secret of each webhook."""

    name = "woocommerce"
    secret = GivenSecret(_SECRET, "Must be the webhook's secret: 8 to 255 ASCII characters, no space at either end.")
    # Plug-ins keep whole documents in an order's meta data.
    string_characters_max = 65_536

    def verify(
        self,
        *,
        raw: bytes,
        headers: Mapping[str, str],
        secrets: Sequence[str],
        now: datetime,  # noqa: ARG002
    ) -> Verified:
        signature = headers.get("x-wc-webhook-signature")
        if signature is None and _PING.fullmatch(raw):
            raise Greeting
        prove(raw, given=[signature or ""], secrets=secrets, spelling=BASE64)
        if _PING.fullmatch(raw):
            raise Greeting
        topic = headers.get("x-wc-webhook-topic", "")
        topic = topic if _TOPIC.fullmatch(topic) else ""
        if topic in TOPICS:
            # Ids of deliveries repeat after a while; an order's message is known by what it says.
            return Verified(provider_type=topic)
        return Verified(external_id=f"sha256:{hashlib.sha256(raw).hexdigest()}:{topic}", provider_type=topic)

    def labels(self, body: Mapping[str, Any]) -> Labels:
        return Labels(message_id(body), "")

    def translate(self, body: Mapping[str, Any], around: Around) -> Translation:
        return translate(body, topic=around.provider_type, external_id=around.external_id)

    def exported(self, record: Mapping[str, Any]) -> tuple[Exported, ...]:
        return exported(record)
