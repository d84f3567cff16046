"""Hold people still while their affairs change. Only purchases are locked before people."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from referral_service.customers.ensure_customers import customers, make_customers
from referral_service.kit.db.among import Among

# Lost only to somebody who makes and erases the same person between two statements of ours, each time anew.
ATTEMPTS_MAX = 5


@dataclass(frozen=True, slots=True)
class LockedCustomer:
    """What rules need to know of a person. `external_id` is the app's own id, None once erased.

    Who `is_new` was made in this very transaction, and has no past: no purchase and no referral.
    """

    id: str
    external_id: str | None
    email_index: bytes | None
    email_canon_index: bytes | None
    erased_at: datetime | None
    attributes: dict[str, Any]
    is_new: bool = False


_NAMES = ("id", "external_id", "email_index", "email_canon_index", "erased_at", "attributes")
_OF_APP = (
    select(*(customers.c[name] for name in _NAMES))
    .where(customers.c.app_id == bindparam("app_id"))
    .with_for_update(key_share=True)
)
LOCK = Among(_OF_APP.order_by(customers.c.id), customers.c.id)
LOCK_NAMED = _OF_APP.where(customers.c.external_id == bindparam("external_id"))


def lock_customers(session: Session, *, app_id: int, ids: Iterable[str]) -> dict[str, LockedCustomer]:
    """Lock the rows of these `cus_…` ids until the transaction ends, and return them; unknown ids are left out.

    Always in the order of the ids, so that no two transactions wait for each other. Others may go on referring to
    the rows (`FOR NO KEY UPDATE`). With SQLite the transaction as a whole is the lock.
    """
    wanted = sorted(set(ids))
    if not wanted:
        return {}
    rows = LOCK.execute(session, wanted, {"app_id": app_id})
    return {row.id: LockedCustomer(*row) for row in rows}


def lock_or_make_customer(session: Session, *, app_id: int, external_id: str, now: datetime) -> LockedCustomer:
    """Lock the person whom the app calls `external_id`, or make one with an empty profile, which is a lock as well."""
    named = {"app_id": app_id, "external_id": external_id}
    for _ in range(ATTEMPTS_MAX):
        row = session.execute(LOCK_NAMED, named).one_or_none()
        if row is not None:
            return LockedCustomer(*row)
        made = make_customers(session, app_id=app_id, external_ids=[external_id], now=now)
        if made:
            return LockedCustomer(made[external_id], external_id, None, None, None, {}, is_new=True)
        # Somebody else has just made them: they can be locked now, unless they were erased since.
    raise RuntimeError("The customer was neither there nor could be made; the unique key must be broken.")
