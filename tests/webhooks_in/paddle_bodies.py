"""Paddle's events, written after its webhook reference (https://developer.paddle.com/webhooks), and a sender of them.

Only what a test is about is set.
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime
from typing import Any

from webhooks_in.hooks import Hook

from builders import Api, expect
from cast import NOON
from referral_service.kit.clock import format_rfc3339

PADDLE_SECRET = "pdl_ntfset_01hs0destination7Q2M4XTDK7_test+only/0123456789abcdef"


def event(kind: str, thing: dict[str, Any], *, event_id: str = "evt_1", at: datetime = NOON) -> dict[str, Any]:
    """Return an event about a transaction or an adjustment."""
    return {
        "event_id": event_id,
        "event_type": kind,
        "occurred_at": format_rfc3339(at),
        "notification_id": "ntf_1",
        "data": thing,
    }


def transaction(*, grand_total: str = "5000", currency: str = "USD", **more: Any) -> dict[str, Any]:
    """Return a completed transaction of one line."""
    return {
        "id": "txn_1",
        "status": "completed",
        "customer_id": "ctm_1",
        "currency_code": currency,
        "custom_data": None,
        "collection_mode": "automatic",
        "invoice_id": "inv_1",
        "invoice_number": "325-10566",
        "billed_at": format_rfc3339(NOON),
        "details": {
            "totals": {"total": grand_total, "grand_total": grand_total, "balance": "0", "currency_code": currency},
            "line_items": [line("saas", grand_total)],
        },
        **more,
    }


def line(category: str | None, total: str) -> dict[str, Any]:
    """Return a line of a transaction."""
    return {"product": {"type": "standard", "tax_category": category}, "totals": {"total": total}, "quantity": 1}


def adjustment(action: str = "refund", *, total: str = "2500", **more: Any) -> dict[str, Any]:
    """Return an approved adjustment of the transaction."""
    return {
        "id": "adj_1",
        "action": action,
        "status": "approved",
        "transaction_id": "txn_1",
        "customer_id": "ctm_1",
        "currency_code": "USD",
        "totals": {"total": total, "currency_code": "USD"},
        "payout_totals": {"total": "1", "currency_code": "EUR"},
        **more,
    }


def paid(**more: Any) -> dict[str, Any]:
    """Return the event of a completed transaction."""
    return event("transaction.completed", transaction(**more), event_id="evt_paid")


def adjusted(event_id: str, action: str = "refund", **more: Any) -> dict[str, Any]:
    """Return the event of an approved adjustment."""
    return event("adjustment.updated", adjustment(action, **more), event_id=event_id)


def signature(raw: bytes, secret: str, timestamp: int) -> str:
    """Return the header under which Paddle sends this."""
    signed = hmac.new(secret.encode(), f"{timestamp}:".encode() + raw, hashlib.sha256)
    return f"ts={timestamp};h1={signed.hexdigest()}"


class PaddleHook(Hook):
    """A source whose sender signs as Paddle does."""

    def signed(
        self,
        raw: bytes,
        *,
        message_id: str | None = None,  # noqa: ARG002
        at: datetime | None = None,
        topic: str | None = None,  # noqa: ARG002
    ) -> dict[str, str]:
        now = at or self.api.now()
        return {"Paddle-Signature": signature(raw, self.secret, int(now.timestamp()))}


def a_paddle_source(api: Api, *, secret: str = PADDLE_SECRET) -> PaddleHook:
    """Add a source for Paddle's webhooks."""
    source = expect(api.post("/v1/sources", {"provider": "paddle", "secret": secret}), 201)
    return PaddleHook(api, source, secret)
