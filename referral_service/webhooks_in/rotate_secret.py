"""Replace a source's secret, with time to put the new one in place."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, update
from sqlalchemy.orm import Session

from referral_service.audit.record import record
from referral_service.kit.crypto import Sealer
from referral_service.webhooks_in.add_source import NewSource, sealed_secret, secret_for
from referral_service.webhooks_in.models import SourceSecret
from referral_service.webhooks_in.providers.registry import PROVIDERS
from referral_service.webhooks_in.read_source import lock_source

OVERLAP = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class RotatedSecret:
    """The source with its new secret, and until when the one before it is still taken."""

    source: NewSource
    old_valid_until: datetime


def rotate_secret(
    session: Session, sealer: Sealer, *, app_id: int, source_id: str, secret: str | None, actor: str, now: datetime
) -> RotatedSecret:
    """Give the source a new secret; the one before it is taken for 24 hours more, an older one no longer at all.

    `now` is real time. Raises SourceNotFound, SecretNotUsable.
    """
    row = lock_source(session, app_id=app_id, source_id=source_id)
    used, shown = secret_for(PROVIDERS[row.provider], secret)
    retires_at = now + OVERLAP
    mine = (SourceSecret.app_id == app_id, SourceSecret.source_id == source_id)
    # Whoever rotates twice in a day does so because a secret got out: never more than two are valid.
    session.execute(delete(SourceSecret).where(*mine, SourceSecret.retires_at.is_not(None)))
    session.execute(update(SourceSecret).where(*mine).values(retires_at=retires_at))
    session.add(sealed_secret(sealer, app_id=app_id, source_id=source_id, secret=used, now=now))
    record(
        session, app_id=app_id, actor=actor, action="source.secret_rotated", object_id=source_id, details={}, now=now
    )
    return RotatedSecret(NewSource(row, shown), retires_at)
