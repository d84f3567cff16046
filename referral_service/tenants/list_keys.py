"""Show an app's API keys; what is secret about them is not there to be shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from referral_service.tenants.models import ApiKey


def list_keys(session: Session, *, app_id: int | None, after: list[Any] | None, limit: int) -> Sequence[ApiKey]:
    """Return up to `limit` keys of the app, or with None the operator's, oldest first, those after the id in `after`;
    revoked ones too.
    """
    query = select(ApiKey).where(ApiKey.app_id == app_id).order_by(ApiKey.id).limit(limit)
    if after is not None:
        query = query.where(ApiKey.id > after[0])
    return session.scalars(query).all()
