"""Take a code out of use."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import update
from sqlalchemy.orm import Session

from referral_service.codes.models import Code


def revoke_code(session: Session, *, app_id: int, code_id: str, now: datetime) -> bool:
    """Revoke a code; return False where it was revoked before (or never existed), which stays as it was.

    Its text stays taken for good. The customer's next call for a code makes a new one.
    """
    revoked = session.execute(
        update(Code)
        .where(Code.app_id == app_id, Code.id == code_id, Code.state == "active")
        .values(state="revoked", revoked_at=now)
        .returning(Code.id)
    ).one_or_none()
    return revoked is not None
