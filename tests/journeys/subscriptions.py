"""A purchase of Bob's that Stripe tells of under two names, until a message joins them."""

from __future__ import annotations

from typing import Any

from webhooks_in import stripe_bodies as bodies
from webhooks_in.hooks import Hook


def subscribed(hook: Hook, **more: Any) -> Any:
    """Bob's first payment for a subscription: its session knows the invoice, and no payment intent."""
    session = bodies.session(mode="subscription", payment_intent=None, invoice="in_1", **more)
    return hook.told(bodies.event("checkout.session.completed", session, event_id="evt_session"))


def paid(hook: Hook, **more: Any) -> Any:
    intent = bodies.payment_intent(**more)
    return hook.told(bodies.event("payment_intent.succeeded", intent, event_id="evt_intent"))


def refunded(hook: Hook, *, event_id: str = "evt_refund", amount_refunded: int = 5000, **more: Any) -> Any:
    charge = bodies.charge(amount_refunded=amount_refunded, **more)
    return hook.told(bodies.event("charge.refunded", charge, event_id=event_id))


def joined(hook: Hook) -> Any:
    """The one message that names both the invoice and the payment intent."""
    link = {
        "id": "inpay_1",
        "object": "invoice_payment",
        "amount_paid": 5000,
        "currency": "usd",
        "invoice": "in_1",
        "status": "paid",
        "payment": {"type": "payment_intent", "payment_intent": "pi_1"},
    }
    return hook.told(bodies.event("invoice_payment.paid", link, event_id="evt_link"))
