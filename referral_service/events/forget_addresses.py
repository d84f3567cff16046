"""Empty the blind addresses under which purchases wait for a customer."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from referral_service.customers.models import Customer
from referral_service.events.purchases import purchases

KEPT = timedelta(days=30)


def forget_address(session: Session, *, app_id: int, customer_id: str) -> None:
    """Forget the waiting purchases of this `cus_…`'s address: nobody will come for them."""
    address = (
        select(Customer.email_index).where(Customer.app_id == app_id, Customer.id == customer_id).scalar_subquery()
    )
    session.execute(
        update(purchases)
        .where(purchases.c.app_id == app_id, purchases.c.payer_email_index == address)
        .values(payer_email_index=None)
    )


def forget_old_addresses(session: Session, *, app_id: int, now: datetime) -> int:
    """Forget addresses that nobody has come for in 30 days; gives how many."""
    found = session.execute(
        update(purchases)
        .where(
            purchases.c.app_id == app_id,
            purchases.c.payer_email_index.is_not(None),
            purchases.c.confirmed_at < now - KEPT,
        )
        .values(payer_email_index=None)
        .returning(purchases.c.id)
    )
    return len(found.all())
