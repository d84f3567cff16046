"""Whether somebody is a customer who has bought."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from referral_service.events.purchases import purchases


def has_bought(session: Session, *, app_id: int, customer_id: str, until: datetime) -> bool:
    """Tell whether a confirmed purchase of this `cus_…`, made no later than `until`, is known. Locks nothing."""
    found = session.execute(
        select(purchases.c.id)
        .where(
            purchases.c.app_id == app_id,
            purchases.c.customer_id == customer_id,
            purchases.c.occurred_at <= until,
            purchases.c.confirmed_at.is_not(None),
        )
        .limit(1)
    )
    return found.one_or_none() is not None
