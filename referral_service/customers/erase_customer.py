"""Forget a person: nothing of them is left but a row that others refer to, and a keyed hash of their id."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from referral_service.customers.emails import Emails
from referral_service.customers.ensure_customers import customers
from referral_service.customers.models import Customer


def erase_customer(session: Session, emails: Emails, *, app_id: int, customer_id: str, now: datetime) -> bool:
    """Empty the row of a `cus_…`; return False where there was nobody (left) to erase.

    This is the customers' part alone: what else carries the person (open referrals, click addresses, stored bodies
    and answers) is the affair of the journey that calls this, which has locked the row before.
    """
    row = session.execute(
        select(Customer.external_id, Customer.erased_at)
        .where(Customer.app_id == app_id, Customer.id == customer_id)
        .with_for_update(key_share=True)
    ).one_or_none()
    if row is None or row.erased_at is not None:
        return False
    session.execute(
        update(customers)
        .where(customers.c.app_id == app_id, customers.c.id == customer_id)
        .values(
            external_id=None,
            email_index=None,
            email_canon_index=None,
            profile_ct=None,
            locale=None,
            leaderboard_opt_in=False,
            invite_name_opt_in=False,
            attributes={},
            updated_at=now,
            erased_at=now,
            tombstone=None if row.external_id is None else emails.tombstone(row.external_id, app_id=app_id),
        )
    )
    return True
