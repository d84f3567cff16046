"""The facts of people, as the rows behind the matcher: confirmed purchases and other events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from referral_service.events.purchases import PurchaseRow, purchases
from referral_service.events.register import events
from referral_service.kit.db.among import Among, among


@dataclass(frozen=True, slots=True)
class PurchaseFacts:
    """A confirmed purchase of one customer, with what was taken back of it."""

    id: str
    customer_id: str
    event_id: str
    order_key: str
    amount_minor: int
    currency: str
    occurred_at: datetime
    confirmed_at: datetime
    refunded_minor: int
    dispute_state: str | None
    lines: list[dict[str, Any]] = field(default_factory=list)
    attributes: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, row: PurchaseRow) -> PurchaseFacts | None:
        """The facts of a purchase at hand; None while it is not confirmed, or nobody knows whose it is."""
        if row.customer_id is None or row.confirmed_at is None or row.occurred_at is None:
            return None
        return cls(
            id=row.id,
            customer_id=row.customer_id,
            event_id=row.event_id or "",
            order_key=row.order_key or "",
            amount_minor=row.amount_minor or 0,
            currency=row.currency or "",
            occurred_at=row.occurred_at,
            confirmed_at=row.confirmed_at,
            refunded_minor=row.refunded_minor,
            dispute_state=row.dispute_state,
            lines=row.lines,
            attributes=row.attributes,
        )


COLUMNS = [
    purchases.c.id,
    purchases.c.customer_id,
    purchases.c.event_id,
    purchases.c.order_key,
    purchases.c.amount_minor,
    purchases.c.currency,
    purchases.c.occurred_at,
    purchases.c.confirmed_at,
    purchases.c.refunded_minor,
    purchases.c.dispute_state,
    purchases.c.lines,
    purchases.c.attributes,
]


CONFIRMED = Among(
    select(*COLUMNS).where(purchases.c.app_id == bindparam("app_id"), purchases.c.confirmed_at.is_not(None)),
    purchases.c.customer_id,
)


def purchases_of(session: Session, *, app_id: int, customer_ids: Sequence[str]) -> dict[str, list[PurchaseFacts]]:
    """Every confirmed purchase of these customers, by customer, in no particular order."""
    found: dict[str, list[PurchaseFacts]] = {customer_id: [] for customer_id in customer_ids}
    if not customer_ids:
        return found
    for row in CONFIRMED.execute(session, customer_ids, {"app_id": app_id}):
        found[row.customer_id].append(PurchaseFacts(*row))
    return found


@dataclass(frozen=True, slots=True)
class EventFacts:
    """An event of the app's own about one customer; `payload` holds amount, lines and attributes."""

    id: str
    customer_id: str
    external_id: str
    type: str
    occurred_at: datetime
    recorded_at: datetime
    payload: dict[str, Any]


EVENTS = select(
    events.c.id,
    events.c.customer_id,
    events.c.external_id,
    events.c.type,
    events.c.occurred_at,
    events.c.recorded_at,
    events.c.payload,
).where(
    events.c.app_id == bindparam("app_id"),
    among(events.c.customer_id, "ids"),
    among(events.c.type, "types"),
    events.c.duplicate_of.is_(None),
)


def events_of(session: Session, *, app_id: int, asked: Mapping[str, frozenset[str]]) -> list[EventFacts]:
    """The events of these customers of the types asked for, by customer; in no particular order."""
    if not asked:
        return []
    types = frozenset().union(*asked.values())
    rows = session.execute(EVENTS, {"app_id": app_id, "ids": sorted(asked), "types": sorted(types)})
    return [EventFacts(*row) for row in rows if row.type in asked[row.customer_id]]
