"""Expire referrals whose deadline has passed."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from referral_service.notifications.announce import announce
from referral_service.referrals.policy import EXPIRED, PENDING
from referral_service.referrals.store import lock_referrals, referrals, update_referrals


def expire_due(session: Session, *, app_id: int, now: datetime, limit: int = 100) -> int:
    """Expire up to `limit` of an app's pending referrals whose deadline lies before its business time; gives how many.

    The far edge still counts: at the deadline itself a referral is still open.
    """
    candidates = session.scalars(
        select(referrals.c.id)
        .where(referrals.c.app_id == app_id, referrals.c.state == PENDING, referrals.c.deadline_at < now)
        .order_by(referrals.c.deadline_at)
        .limit(limit)
    ).all()
    # Locked and read anew: a purchase may have converted one a moment ago.
    due = [
        row
        for row in lock_referrals(session, app_id=app_id, ids=candidates, skip_locked=True)
        if row.state == PENDING and row.deadline_at < now
    ]
    changes = [row.turn(EXPIRED, event="referral.expired", reason="deadline_passed", now=now) for row in due]
    update_referrals(session, app_id=app_id, rows=due)
    announce(session, app_id=app_id, changes=changes, now=now)
    return len(due)
