"""Find out who has an e-mail address, or that more than one person has."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from referral_service.customers.models import Customer


def find_by_email(session: Session, *, app_id: int, indexes: Collection[bytes]) -> dict[bytes, list[str]]:
    """Return the `cus_…` ids behind each `Emails.index` of the app that anybody has: one, or two of several.

    Two are enough to know that the address is ambiguous. Erased people have no address.
    """
    if not indexes:
        return {}
    first, last = func.min(Customer.id), func.max(Customer.id)
    rows = session.execute(
        select(Customer.email_index, first, last)
        .where(Customer.app_id == app_id, Customer.email_index.in_(sorted(set(indexes))))
        .group_by(Customer.email_index)
    )
    return {index: [one] if one == other else [one, other] for index, one, other in rows if index is not None}
