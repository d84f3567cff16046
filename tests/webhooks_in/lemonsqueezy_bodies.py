"""Lemon Squeezy's webhooks, written after its documentation (https://docs.lemonsqueezy.com/help/webhooks and /api), and
their sender. Only what a test is about is set.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from webhooks_in.hooks import Hook

from builders import Api, expect

SECRET = "lemon-tests-only-7Q2M4XTD-K7QM3XTD"
IDENTIFIER = "5b1f0c9e-7c1a-4d0e-9f57-3a1b2c4d5e6f"
AT_NOON = "2026-03-01T12:00:00.000000Z"


@dataclass(slots=True)
class LemonHook(Hook):
    """Lemon Squeezy as the sender: nothing but the raw body is signed."""

    def signed(
        self,
        raw: bytes,
        *,
        message_id: str | None = None,  # noqa: ARG002
        at: datetime | None = None,  # noqa: ARG002
        topic: str | None = None,  # noqa: ARG002
    ) -> dict[str, str]:
        signature = hmac.new(self.secret.encode(), raw, hashlib.sha256).hexdigest()
        return {"Content-Type": "application/json", "X-Event-Name": "order_created", "X-Signature": signature}


def a_lemon_source(api: Api, *, secret: str = SECRET) -> LemonHook:
    """Add a source for Lemon Squeezy's webhooks."""
    return LemonHook(api, expect(api.post("/v1/sources", {"provider": "lemonsqueezy", "secret": secret}), 201), secret)


def event(kind: str, thing: dict[str, Any], *, custom_data: Any = None, **meta: Any) -> dict[str, Any]:
    """Return a message about an order or an invoice. `custom_data` is what the checkout was given."""
    given = {} if custom_data is None else {"custom_data": custom_data}
    return {"meta": {"test_mode": False, "event_name": kind, **given, **meta}, "data": thing}


def order(*, order_id: Any = "2718281", **more: Any) -> dict[str, Any]:
    """Return a paid order of 50.00."""
    return {
        "type": "orders",
        "id": order_id,
        "attributes": {
            "store_id": 11,
            "customer_id": 3141592,
            "identifier": IDENTIFIER,
            "order_number": 7,
            "user_name": "Bob",
            "user_email": "bob@example.com",
            "currency": "USD",
            "currency_rate": "1.0000",
            "subtotal": 4167,
            "tax": 833,
            "total": 5000,
            "refunded_amount": 0,
            "status": "paid",
            "refunded": False,
            "refunded_at": None,
            "created_at": AT_NOON,
            "updated_at": AT_NOON,
            "test_mode": False,
            **more,
        },
    }


def refunded_order(amount: int, **more: Any) -> dict[str, Any]:
    """Return the order of which so much has been given back in all."""
    is_whole = amount == 5000
    return order(
        status="refunded" if is_whole else "partial_refund",
        refunded=is_whole,
        refunded_amount=amount,
        refunded_at=AT_NOON,
        **more,
    )


def invoice(*, invoice_id: Any = "2718281", **more: Any) -> dict[str, Any]:
    """Return a subscription's paid renewal of 20.00; its number is that of the order above."""
    return {
        "type": "subscription-invoices",
        "id": invoice_id,
        "attributes": {
            "store_id": 11,
            "subscription_id": 5,
            "customer_id": 3141592,
            "user_email": "bob@example.com",
            "billing_reason": "renewal",
            "currency": "USD",
            "total": 2000,
            "refunded_amount": 0,
            "status": "paid",
            "refunded": False,
            "refunded_at": None,
            "created_at": "2026-02-28T12:00:00.000000Z",
            "updated_at": AT_NOON,
            "test_mode": False,
            **more,
        },
    }
