"""Senders of webhooks, who sign as the providers' own libraries do."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from typing import Any

from standardwebhooks import Webhook
from stripe import WebhookSignature
from werkzeug.test import TestResponse

from builders import Api, expect

STRIPE_SECRET = "whsec_7Q2M4XTDtestsOnlyK7QM3XTD9"
SHOPIFY_SECRET = "shpss_7q2m4xtdtestsonlyk7qm3xtd9"
WOOCOMMERCE_SECRET = "7Q2M4XTD tests only K7QM3XTD9"
_numbers = count(1)


@dataclass(slots=True)
class Hook:
    """A source and the secret its sender signs with."""

    api: Api
    source: Any
    secret: str
    sent: list[bytes] = field(default_factory=list)

    @property
    def path(self) -> str:
        return f"/v1/hooks/{self.source['id']}"

    def send(
        self, body: Any, *, message_id: str | None = None, at: datetime | None = None, topic: str | None = None
    ) -> TestResponse:
        """Send a document, or raw bytes, signed in real time or at `at`."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.sent.append(raw)
        return self.post(raw, self.signed(raw, message_id=message_id, at=at, topic=topic))

    def told(self, body: Any, **how: Any) -> Any:
        """Send, and return the answer, having seen that the message was accepted."""
        return expect(self.send(body, **how), 200)

    def post(self, raw: bytes, headers: dict[str, str]) -> TestResponse:
        """Send raw bytes under these headers, without a key and from a client of its own."""
        client = self.api.client.application.test_client()
        return client.post(self.path, data=raw, headers=headers)

    def signed(
        self, raw: bytes, *, message_id: str | None = None, at: datetime | None = None, topic: str | None = None
    ) -> dict[str, str]:
        """Return the headers under which the provider would send this."""
        now = at or self.api.now()
        if self.source["provider"] == "stripe":
            seconds = int(now.timestamp())
            header = WebhookSignature.generate_signature_header(raw.decode(), self.secret, seconds)
            return {"Stripe-Signature": header}
        name = message_id or f"msg_{next(_numbers)}"
        if self.source["provider"] == "shopify":
            return {
                "X-Shopify-Hmac-Sha256": signed_body(raw, self.secret),
                "X-Shopify-Topic": topic or "orders/paid",
                "X-Shopify-Shop-Domain": "shop.myshopify.com",
                "X-Shopify-Event-Id": name,
                "X-Shopify-Webhook-Id": f"delivery_{next(_numbers)}",
            }
        if self.source["provider"] == "woocommerce":
            return {
                "X-WC-Webhook-Signature": signed_body(raw, self.secret),
                "X-WC-Webhook-Topic": topic or "order.updated",
                "X-WC-Webhook-Source": "https://shop.example/",
                "X-WC-Webhook-Delivery-ID": "one-of-few",
            }
        return {
            "webhook-id": name,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": Webhook(self.secret).sign(name, now, raw.decode()),
        }


def signed_body(raw: bytes, secret: str) -> str:
    """Sign as the shops do, whose own code is PHP and Ruby: written apart from what is tested."""
    return base64.b64encode(hmac.new(secret.encode(), raw, hashlib.sha256).digest()).decode()


def a_standard_source(api: Api, **more: Any) -> Hook:
    """Add a source for the app's own webhooks."""
    source = expect(api.post("/v1/sources", {"provider": "standard", **more}), 201)
    return Hook(api, source, source["secret"])


def a_stripe_source(api: Api, *, secret: str = STRIPE_SECRET) -> Hook:
    """Add a source for Stripe's webhooks."""
    source = expect(api.post("/v1/sources", {"provider": "stripe", "secret": secret}), 201)
    return Hook(api, source, secret)


def a_shopify_source(api: Api) -> Hook:
    """Add a source for a Shopify shop's webhooks."""
    source = expect(api.post("/v1/sources", {"provider": "shopify", "secret": SHOPIFY_SECRET}), 201)
    return Hook(api, source, SHOPIFY_SECRET)


def a_woocommerce_source(api: Api) -> Hook:
    """Add a source for a WooCommerce shop's webhooks."""
    source = expect(api.post("/v1/sources", {"provider": "woocommerce", "secret": WOOCOMMERCE_SECRET}), 201)
    return Hook(api, source, WOOCOMMERCE_SECRET)
