"""Show the operator which apps there are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from referral_service.tenants.models import App


def list_apps(session: Session, *, after: list[Any] | None, limit: int) -> Sequence[App]:
    """Return up to `limit` apps in the order in which they were opened, those after the number in `after`."""
    query = select(App).order_by(App.id).limit(limit)
    if after is not None:
        query = query.where(App.id > after[0])
    return session.scalars(query).all()
