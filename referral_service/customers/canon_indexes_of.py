"""The canonical e-mails of people, blind: enough to notice that two customers are the same human being."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from referral_service.customers.ensure_customers import customers
from referral_service.kit.db.among import Among

CANON_INDEXES = Among(
    select(customers.c.id, customers.c.email_canon_index).where(customers.c.app_id == bindparam("app_id")),
    customers.c.id,
)


def canon_indexes_of(session: Session, *, app_id: int, ids: Collection[str]) -> dict[str, bytes]:
    """Return the blind index of each person's (`cus_…`) canonical address; who has none is left out. Locks nothing."""
    if not ids:
        return {}
    rows = CANON_INDEXES.execute(session, sorted(ids), {"app_id": app_id})
    return {row.id: row.email_canon_index for row in rows if row.email_canon_index is not None}
