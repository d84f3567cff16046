"""The canonical e-mail of one person, blind: enough to notice that two customers are the same human being."""

from __future__ import annotations

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from referral_service.customers.ensure_customers import customers

_IS_THE_ONE = (customers.c.app_id == bindparam("app_id"), customers.c.id == bindparam("id"))
CANON_INDEX = select(customers.c.email_canon_index).where(*_IS_THE_ONE)
ERASED_AT = select(customers.c.erased_at).where(*_IS_THE_ONE)


def canon_index_of(session: Session, *, app_id: int, customer_id: str) -> bytes | None:
    """Return the blind index of the person's canonical address, None where there is no address. Locks nothing."""
    found: bytes | None = session.execute(CANON_INDEX, {"app_id": app_id, "id": customer_id}).scalar_one_or_none()
    return found


def is_erased(session: Session, *, app_id: int, customer_id: str) -> bool:
    """Tell whether the person was erased. Locks nothing."""
    return session.execute(ERASED_AT, {"app_id": app_id, "id": customer_id}).scalar_one() is not None
