"""Stripe's events, written after its API reference (https://docs.stripe.com/api). Only what a test is about is set."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from cast import NOON


def event(
    kind: str, thing: dict[str, Any], *, event_id: str = "evt_1", at: datetime = NOON, livemode: bool = True
) -> dict[str, Any]:
    """Return an event about an object."""
    return {
        "id": event_id,
        "object": "event",
        "api_version": "2025-08-27.basil",
        "created": int(at.timestamp()),
        "data": {"object": thing},
        "livemode": livemode,
        "pending_webhooks": 1,
        "request": {"id": None, "idempotency_key": None},
        "type": kind,
    }


def session(**more: Any) -> dict[str, Any]:
    """Return a paid checkout session."""
    return {
        "id": "cs_1",
        "object": "checkout.session",
        "amount_total": 5000,
        "client_reference_id": None,
        "currency": "usd",
        "customer": "cus_NffrFeUfNV2Hib",
        "customer_details": {"email": "bob@example.com"},
        "customer_email": None,
        "invoice": None,
        "metadata": {},
        "mode": "payment",
        "payment_intent": "pi_1",
        "payment_status": "paid",
        **more,
    }


def payment_intent(**more: Any) -> dict[str, Any]:
    """Return a payment intent that has succeeded."""
    return {
        "id": "pi_1",
        "object": "payment_intent",
        "amount": 5000,
        "amount_received": 5000,
        "currency": "usd",
        "customer": None,
        "latest_charge": "ch_1",
        "metadata": {},
        "receipt_email": None,
        "status": "succeeded",
        **more,
    }


def invoice(**more: Any) -> dict[str, Any]:
    """Return a paid invoice of a version before 2025-03-31, which names its payment intent."""
    return {
        "id": "in_1",
        "object": "invoice",
        "amount_paid": 5000,
        "charge": "ch_1",
        "currency": "usd",
        "customer": "cus_NffrFeUfNV2Hib",
        "customer_email": "bob@example.com",
        "metadata": {},
        "payment_intent": "pi_1",
        "status": "paid",
        **more,
    }


def charge(**more: Any) -> dict[str, Any]:
    """Return a charge of 50.00 of which half has been refunded."""
    return {
        "id": "ch_1",
        "object": "charge",
        "amount": 5000,
        "amount_refunded": 2500,
        "currency": "usd",
        "metadata": {},
        "payment_intent": "pi_1",
        "refunded": False,
        **more,
    }


def dispute(**more: Any) -> dict[str, Any]:
    """Return a dispute that waits for an answer."""
    return {
        "id": "du_1",
        "object": "dispute",
        "amount": 5000,
        "charge": "ch_1",
        "currency": "usd",
        "payment_intent": "pi_1",
        "status": "needs_response",
        **more,
    }
