"""Empty stored bodies: those of a person who is erased, and all of them once they are old."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select, union, update
from sqlalchemy.orm import Session

from referral_service.events.models import Event, Purchase
from referral_service.webhooks_in.receive import inbound

KEPT = timedelta(days=30)


def blank_bodies_of(session: Session, *, app_id: int, customer_id: str) -> int:
    """Empty the bodies of every message about this `cus_…`; gives how many.

    A message is reached by its event, or by the purchase that event is about: one whose person was found only later,
    too. Whose message it is stands on the message only where the event says the same.
    """
    bought = select(Purchase.id).where(Purchase.app_id == app_id, Purchase.customer_id == customer_id)
    told = union(
        select(Event.id).where(Event.app_id == app_id, Event.customer_id == customer_id),
        select(Event.id).where(Event.app_id == app_id, Event.purchase_id.in_(bought)),
    )
    return len(
        session.execute(
            update(inbound)
            .where(
                inbound.c.app_id == app_id,
                inbound.c.body_ct.is_not(None),
                inbound.c.event_id.in_(told),
            )
            .values(body_ct=None)
            .returning(inbound.c.id)
        ).all()
    )


def blank_old_bodies(session: Session, *, app_id: int, now: datetime, limit: int) -> int:
    """Empty up to `limit` bodies that came more than 30 days before `now` (real time); gives how many."""
    old = (
        select(inbound.c.id)
        .where(inbound.c.app_id == app_id, inbound.c.received_at < now - KEPT, inbound.c.body_ct.is_not(None))
        .order_by(inbound.c.received_at)
        .limit(limit)
    )
    return len(
        session.execute(
            update(inbound)
            .where(inbound.c.app_id == app_id, inbound.c.id.in_(old))
            .values(body_ct=None)
            .returning(inbound.c.id)
        ).all()
    )
