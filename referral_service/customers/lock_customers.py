"""Hold people still while their affairs change. Only purchases are locked before people."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from referral_service.customers.ensure_customers import customers

# Of the hot path: built once.
_LOCK = (
    select(
        customers.c.id,
        customers.c.external_id,
        customers.c.email_index,
        customers.c.email_canon_index,
        customers.c.erased_at,
        customers.c.attributes,
    )
    .where(customers.c.app_id == bindparam("app_id"), customers.c.id.in_(bindparam("ids", expanding=True)))
    .order_by(customers.c.id)
    .with_for_update(key_share=True)
)


@dataclass(frozen=True, slots=True)
class LockedCustomer:
    """What rules need to know of a person. `external_id` is the app's own id, None once erased."""

    id: str
    external_id: str | None
    email_index: bytes | None
    email_canon_index: bytes | None
    erased_at: datetime | None
    attributes: dict[str, Any]


def lock_customers(session: Session, *, app_id: int, ids: Iterable[str]) -> dict[str, LockedCustomer]:
    """Lock the rows of these `cus_…` ids until the transaction ends, and return them; unknown ids are left out.

    Always in the order of the ids, so that no two transactions wait for each other. Others may go on referring to
    the rows (`FOR NO KEY UPDATE`). With SQLite the transaction as a whole is the lock.
    """
    wanted = sorted(set(ids))
    if not wanted:
        return {}
    rows = session.execute(_LOCK, {"app_id": app_id, "ids": wanted})
    return {row.id: LockedCustomer(*row) for row in rows}
