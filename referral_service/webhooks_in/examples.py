"""Examples for the API's documentation."""

from __future__ import annotations

from typing import Any

_ID = "src_1_01kq2m8v6wf8dr0c1h3zb2n4xj"
_URL = f"https://refer.example.com/v1/hooks/{_ID}"
_SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"

ADD_SOURCE = {"provider": "standard", "name": "Shop backend"}
SOURCE = {
    "id": _ID,
    "provider": "standard",
    "name": "Shop backend",
    "url": _URL,
    "created_at": "2026-11-21T10:00:00Z",
}
NEW_SOURCE = {**SOURCE, "secret": _SECRET}
SOURCES = {"items": [SOURCE], "next_cursor": None}
ROTATE_SECRET: dict[str, str] = {}
ROTATED_SECRET = {**NEW_SOURCE, "old_secret_valid_until": "2026-11-22T10:00:00Z"}
# What `blueprint.arguments` would document, of a body that is verified before anything is parsed.
HOOK_REQUEST: dict[str, Any] = {
    "required": True,
    "description": "The provider's own document, at most 1 MiB; whatever its content type, it is read as JSON.",
    "content": {
        "application/json": {
            "schema": {"type": "object"},
            "example": {
                "type": "purchase",
                "customer_id": "bob",
                "order_id": "o-1",
                "amount": {"amount_minor": 5000, "currency": "USD"},
                "occurred_at": "2026-11-21T10:00:00Z",
            },
        }
    },
}
SIGNATURE_HEADERS = [
    {"in": "header", "name": name, "required": False, "description": whose, "schema": {"type": "string"}}
    for name, whose in (
        ("webhook-id", "Standard Webhooks: the message's id."),
        ("webhook-timestamp", "Standard Webhooks: when it was sent, in Unix seconds."),
        ("webhook-signature", "Standard Webhooks: `v1,` and the signature in base64; several with spaces between."),
        ("stripe-signature", "Stripe: `t=…,v1=…`."),
        ("paddle-signature", "Paddle: `ts=…;h1=…`."),
        ("x-shopify-hmac-sha256", "Shopify: the signature in base64."),
        ("x-shopify-topic", "Shopify: what the message is about, such as `orders/paid`."),
        ("x-shopify-event-id", "Shopify: the event's id, shared by the topics it is told under."),
        ("x-wc-webhook-signature", "WooCommerce: the signature in base64."),
        ("x-wc-webhook-topic", "WooCommerce: what the message is about, such as `order.updated`."),
        ("x-signature", "Lemon Squeezy: the signature of the body in hexadecimal."),
    )
]
_REWARDS = ["rwd_01kq2m9a5hf6bt3v0x8c7d2e1f", "rwd_01kq2m9a5hf6bt3v0x8c7d2e1g"]
_RESULT = {
    "referral_id": "ref_01kq2m7d3zf5tv9q8w1x0y2c3b",
    "outcome": "converted",
    "reason": None,
    "reward_ids": _REWARDS,
}
ANSWER = {
    "id": "msg_2b3c4d",
    "duplicate": False,
    **_RESULT,
    "results": [{"program_id": "prg_01kq2m5c9ef7g8h1j2k3m4n5p6", **_RESULT}],
}
INBOUND_EVENT = {
    "id": "inb_01kq2m9a5gf4bs2t1v0w9x8y7z",
    "source_id": _ID,
    "provider": "stripe",
    "external_id": "evt_1NG8Du2eZvKYlo2CUI79vXWy",
    "provider_type": "checkout.session.completed",
    "type": "purchase",
    "state": "parked",
    "reason": "no_referral",
    "received_at": "2026-11-21T10:00:00Z",
}
INBOUND_EVENTS = {"items": [INBOUND_EVENT], "next_cursor": None}
REPLAY = {"state": "parked", "reason": "no_referral", "limit": 100}
REPLAYED = {
    "items": [
        {"inbound_event_id": INBOUND_EVENT["id"], "answer": ANSWER, "error": None},
        {
            "inbound_event_id": "inb_01kq2m9a5gf4bs2t1v0w9x8y80",
            "answer": None,
            "error": {
                "type": "https://refer.example.com/docs/errors#body_no_longer_kept",
                "title": "The message's body is no longer kept, so it cannot be replayed.",
                "status": 409,
                "code": "body_no_longer_kept",
                "detail": "Ask the provider to send it again; bodies are kept for 30 days, and not beyond a person's "
                "erasure.",
            },
        },
    ],
    "next_cursor": None,
}
