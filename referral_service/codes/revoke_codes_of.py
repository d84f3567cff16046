"""Take every code of one person out of use."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import update
from sqlalchemy.orm import Session

from referral_service.codes.models import Code


def revoke_codes_of(session: Session, *, app_id: int, customer_id: str, now: datetime) -> None:
    """Revoke the active codes of this `cus_…`; what they led to before stays as it is."""
    session.execute(
        update(Code)
        .where(Code.app_id == app_id, Code.customer_id == customer_id, Code.state == "active")
        .values(state="revoked", revoked_at=now)
    )
