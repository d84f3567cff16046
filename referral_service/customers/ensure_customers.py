"""See to it that the people a message names exist."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Table, bindparam, select
from sqlalchemy.orm import Session

from referral_service.customers.models import Customer
from referral_service.kit.db.upsert import insert_unless_there
from referral_service.kit.ids import new_id

customers = cast(Table, Customer.__table__)
_FIND = select(customers.c.external_id, customers.c.id).where(
    customers.c.app_id == bindparam("app_id"), customers.c.external_id.in_(bindparam("wanted", expanding=True))
)


def ensure_customers(session: Session, *, app_id: int, external_ids: Collection[str], now: datetime) -> dict[str, str]:
    """Return the `cus_…` id of each of the app's own customer ids; who is not known yet is made, with an empty profile.

    Safe against others who make the same people at the same time: all get the same ids. Nobody is locked by it.
    """
    known = find_customers(session, app_id=app_id, external_ids=external_ids)
    missing = set(external_ids) - known.keys()
    if not missing:
        return known
    # In one order everywhere, so that two transactions that make the same people never wait for each other crosswise.
    rows = [_empty(app_id, external_id, now) for external_id in sorted(missing)]
    session.execute(insert_unless_there(session, customers), rows)
    return known | find_customers(session, app_id=app_id, external_ids=missing)


def find_customers(session: Session, *, app_id: int, external_ids: Iterable[str]) -> dict[str, str]:
    """Return the `cus_…` id of each of the app's own customer ids that is known."""
    wanted = sorted(set(external_ids))
    if not wanted:
        return {}
    rows = session.execute(_FIND, {"app_id": app_id, "wanted": wanted})
    return {row.external_id: row.id for row in rows}


def _empty(app_id: int, external_id: str, now: datetime) -> dict[str, Any]:
    return {
        "app_id": app_id,
        "id": new_id("cus"),
        "external_id": external_id,
        "leaderboard_opt_in": False,
        "invite_name_opt_in": False,
        "attributes": {},
        "created_at": now,
        "updated_at": now,
    }
