"""What an app has told of people, for the audiences that programs are for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from referral_service.customers.models import Customer


def attributes_of(session: Session, *, app_id: int, ids: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Return the attributes of each `cus_…`; unknown ids are left out. Locks nothing."""
    wanted = sorted(set(ids))
    if not wanted:
        return {}
    rows = session.execute(
        select(Customer.id, Customer.attributes).where(Customer.app_id == app_id, Customer.id.in_(wanted))
    )
    return {row.id: row.attributes for row in rows}


def erased_among(session: Session, *, app_id: int, ids: Iterable[str]) -> frozenset[str]:
    """Return which of these `cus_…` were erased."""
    wanted = sorted(set(ids))
    if not wanted:
        return frozenset()
    erased = select(Customer.id).where(
        Customer.app_id == app_id, Customer.id.in_(wanted), Customer.erased_at.is_not(None)
    )
    return frozenset(session.scalars(erased))
