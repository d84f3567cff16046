"""Stored purchases and events as the matcher sees them. Pure."""

from __future__ import annotations

from referral_service.events.facts_of import EventFacts, PurchaseFacts
from referral_service.referrals.progress import Fact


def as_fact(purchase: PurchaseFacts) -> Fact:
    """A confirmed purchase."""
    return Fact(
        id=purchase.id,
        type="purchase",
        occurred_at=purchase.occurred_at,
        recorded_at=purchase.confirmed_at,
        amount_minor=purchase.amount_minor,
        currency=purchase.currency,
        refunded_minor=purchase.refunded_minor,
        dispute=purchase.dispute_state,
        name=purchase.order_key,
        lines=purchase.lines,
        attributes=purchase.attributes,
    )


def event_as_fact(event: EventFacts) -> Fact:
    """An event of the app's own, with or without an amount."""
    amount = event.payload.get("amount")
    return Fact(
        id=event.id,
        type=event.type,
        occurred_at=event.occurred_at,
        recorded_at=event.recorded_at,
        amount_minor=amount["amount_minor"] if amount else 0,
        currency=amount["currency"] if amount else None,
        name=event.external_id,
        lines=event.payload.get("lines", ()),
        attributes=event.payload.get("attributes", {}),
    )
