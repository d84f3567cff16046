"""Whom the page is for, and whom it names."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from referral_service.customers.ensure_customers import customers
from referral_service.customers.profile import open_profile
from referral_service.kit.crypto import Sealer
from referral_service.kit.db.among import among

_OF_PEOPLE = select(
    customers.c.id, customers.c.profile_ct, customers.c.invite_name_opt_in, customers.c.attributes
).where(
    customers.c.app_id == bindparam("app_id"),
    among(customers.c.id, "ids"),
    customers.c.erased_at.is_(None),
)


@dataclass(frozen=True, slots=True)
class Face:
    """A person as others may see them: `name` only where its owner lets it be shown."""

    name: str | None
    attributes: dict[str, Any]


def faces_of(session: Session, sealer: Sealer, *, app_id: int, ids: Iterable[str]) -> dict[str, Face]:
    """Return the faces of these `cus_…`, by one query; who was erased has none."""
    found = session.execute(_OF_PEOPLE, {"app_id": app_id, "ids": sorted(set(ids))})
    return {row.id: Face(_name(sealer, row, app_id=app_id), row.attributes) for row in found}


def _name(sealer: Sealer, row: Any, *, app_id: int) -> str | None:
    if not row.invite_name_opt_in:
        return None
    # Unsealed for those alone who agreed.
    return open_profile(sealer, row.profile_ct, app_id=app_id, customer_id=row.id).display_name
