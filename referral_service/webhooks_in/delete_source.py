"""Delete a source: nothing is taken from it any more. What it told stays."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete
from sqlalchemy.orm import Session

from referral_service.audit.record import record
from referral_service.webhooks_in.models import SourceSecret
from referral_service.webhooks_in.read_source import lock_source


def delete_source(session: Session, *, app_id: int, source_id: str, actor: str, now: datetime) -> None:
    """Delete a source and its secrets. `now` is real time. Raises SourceNotFound."""
    row = lock_source(session, app_id=app_id, source_id=source_id)
    row.deleted_at = now
    session.execute(delete(SourceSecret).where(SourceSecret.app_id == app_id, SourceSecret.source_id == source_id))
    record(session, app_id=app_id, actor=actor, action="source.deleted", object_id=source_id, details={}, now=now)
