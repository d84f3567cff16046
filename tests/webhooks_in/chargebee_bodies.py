"""Chargebee's events, written after its API reference (https://apidocs.chargebee.com/docs/api/events), and their
sender. Only what a test is about is set.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from webhooks_in.hooks import Hook

from builders import Api, expect
from cast import NOON

SECRET = "referrals:tests-only-7Q2M4XTD-K7QM3XTD"


@dataclass(slots=True)
class BeeHook(Hook):
    """Chargebee as the sender: the same credentials on every message, whatever its body."""

    def signed(
        self,
        raw: bytes,  # noqa: ARG002
        *,
        message_id: str | None = None,  # noqa: ARG002
        at: datetime | None = None,  # noqa: ARG002
        topic: str | None = None,  # noqa: ARG002
    ) -> dict[str, str]:
        return {"Content-Type": "application/json", "Authorization": basic(self.secret)}


def basic(secret: str) -> str:
    """Return the header of RFC 7617."""
    return f"Basic {base64.b64encode(secret.encode()).decode()}"


def a_chargebee_source(api: Api, *, secret: str = SECRET) -> BeeHook:
    """Add a source for Chargebee's webhooks."""
    return BeeHook(api, expect(api.post("/v1/sources", {"provider": "chargebee", "secret": secret}), 201), secret)


def event(
    kind: str,
    transaction: dict[str, Any],
    *,
    event_id: str = "ev_1",
    customer: dict[str, Any] | None = None,
    subscription: dict[str, Any] | None = None,
    **content: Any,
) -> dict[str, Any]:
    """Return an event about a transaction. `customer` and `subscription` add to what stands there."""
    return {
        "id": event_id,
        "occurred_at": int(NOON.timestamp()),
        "source": "scheduled_job",
        "object": "event",
        "api_version": "v2",
        "event_type": kind,
        "webhook_status": "scheduled",
        "content": {
            "transaction": transaction,
            "invoice": {"id": "inv_1", "object": "invoice", "total": 5000},
            "customer": {"id": "cb_bob", "object": "customer", "email": "bob@example.com", **(customer or {})},
            "subscription": {"id": "sub_1", "object": "subscription", **(subscription or {})},
            **content,
        },
    }


def linked(invoice_id: str = "inv_1", *, applied: Any = 5000, total: Any = 5000) -> dict[str, Any]:
    """Return a payment's link to an invoice."""
    return {"invoice_id": invoice_id, "applied_amount": applied, "invoice_total": total, "invoice_status": "paid"}


def payment(**more: Any) -> dict[str, Any]:
    """Return a payment of 50.00 that pays one invoice whole."""
    return {
        "id": "txn_1",
        "object": "transaction",
        "amount": 5000,
        "amount_unused": 0,
        "currency_code": "USD",
        "customer_id": "cb_bob",
        "date": int(NOON.timestamp()),
        "gateway": "stripe",
        "linked_invoices": [linked()],
        "linked_refunds": [],
        "payment_method": "card",
        "status": "success",
        "type": "payment",
        **more,
    }


def refund(**more: Any) -> dict[str, Any]:
    """Return a refund of 25.00 of that payment."""
    return {
        "id": "txn_r1",
        "object": "transaction",
        "amount": 2500,
        "currency_code": "USD",
        "customer_id": "cb_bob",
        "date": int(NOON.timestamp()),
        "gateway": "stripe",
        "linked_credit_notes": [{"cn_id": "cn_1", "applied_amount": 2500, "cn_reference_invoice_id": "inv_1"}],
        "payment_method": "card",
        "refunded_txn_id": "txn_1",
        "status": "success",
        "type": "refund",
        **more,
    }
