"""The facts of people, as the rows behind the matcher: confirmed purchases and other events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from referral_service.events.purchases import purchases


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


CONFIRMED = select(*COLUMNS).where(
    purchases.c.app_id == bindparam("app_id"),
    purchases.c.customer_id.in_(bindparam("ids", expanding=True)),
    purchases.c.confirmed_at.is_not(None),
)


def purchases_of(session: Session, *, app_id: int, customer_ids: Sequence[str]) -> dict[str, list[PurchaseFacts]]:
    """Every confirmed purchase of these customers, by customer, in no particular order."""
    found: dict[str, list[PurchaseFacts]] = {customer_id: [] for customer_id in customer_ids}
    if not customer_ids:
        return found
    for row in session.execute(CONFIRMED, {"app_id": app_id, "ids": list(customer_ids)}):
        found[row.customer_id].append(PurchaseFacts(*row))
    return found
