"""The canonical e-mail of one person, blind: enough to notice that two customers are the same human being."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from referral_service.customers.models import Customer


def canon_index_of(session: Session, *, app_id: int, customer_id: str) -> bytes | None:
    """Return the blind index of the person's canonical address, None where there is no address. Locks nothing."""
    return session.execute(
        select(Customer.email_canon_index).where(Customer.app_id == app_id, Customer.id == customer_id)
    ).scalar_one_or_none()


def is_erased(session: Session, *, app_id: int, customer_id: str) -> bool:
    """Tell whether the person was erased. Locks nothing."""
    erased_at = session.execute(
        select(Customer.erased_at).where(Customer.app_id == app_id, Customer.id == customer_id)
    ).scalar_one()
    return erased_at is not None
