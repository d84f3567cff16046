"""Take an API key out of use."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from referral_service.audit.record import record
from referral_service.kit.errors import NotFound
from referral_service.tenants.create_key import OPERATOR_APP_ID
from referral_service.tenants.models import ApiKey


def lock_key(session: Session, *, app_id: int | None, key_id: str) -> ApiKey:
    """Return a tenant's key, or with None an operator's, locked until the transaction ends; raise NotFound."""
    query = select(ApiKey).where(ApiKey.app_id == app_id, ApiKey.id == key_id).with_for_update()
    row = session.scalars(query).one_or_none()
    if row is None:
        raise NotFound
    return row


def revoke_key(session: Session, *, app_id: int | None, key_id: str, actor: str, now: datetime) -> ApiKey:
    """Revoke the key at once, and return it; a revoked one stays as it is. `now` is real time. Raises NotFound.

    `app_id` is None for an operator's key.
    """
    row = lock_key(session, app_id=app_id, key_id=key_id)
    if row.revoked_at is None:
        row.revoked_at = now
        record(
            session,
            app_id=OPERATOR_APP_ID if app_id is None else app_id,
            actor=actor,
            action="key.revoked",
            object_id=row.id,
            details={},
            now=now,
        )
    return row
