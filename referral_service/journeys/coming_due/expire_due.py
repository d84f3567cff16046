"""Expire referrals whose deadline has passed, or whose program's sunset has."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from referral_service.journeys.settling.close_reservations import close_reservations
from referral_service.journeys.settling.sunsets import sunsets
from referral_service.notifications.announce import announce
from referral_service.referrals.policy import EXPIRED, PENDING
from referral_service.referrals.store import IS_OPEN, lock_referrals, move_deadlines, referrals, update_referrals

DEADLINE_PASSED, SUNSET = "deadline_passed", "sunset"


def expire_due(session: Session, *, app_id: int, now: datetime, limit: int = 100) -> int:
    """Expire up to `limit` of an app's pending referrals whose time lies before its business time; gives how many.

    The far edge still counts: at the deadline itself a referral is still open.
    """
    ends = sunsets(session, app_ids=[app_id]).get(app_id, {})
    candidates = _overdue(session, app_id=app_id, ends=ends, now=now, limit=limit)
    # Locked and read anew: a purchase may have converted one a moment ago.
    due = [
        row
        for row in lock_referrals(session, app_id=app_id, ids=candidates, skip_locked=True)
        if row.state == PENDING and min(row.deadline_at, ends.get(row.program_id, row.deadline_at)) < now
    ]
    ended = [row for row in due if row.program_id in ends and ends[row.program_id] <= row.deadline_at]
    for row in ended:
        # From now on this is its deadline: what happened later cannot convert it, however soon it is told.
        row.deadline_at = max(row.claimed_at, ends[row.program_id])
    reasons = dict.fromkeys((row.id for row in ended), SUNSET)
    changes = [
        row.turn(EXPIRED, event="referral.expired", reason=reasons.get(row.id, DEADLINE_PASSED), now=now) for row in due
    ]
    update_referrals(session, app_id=app_id, rows=due)
    move_deadlines(session, app_id=app_id, rows=ended)
    announce(session, app_id=app_id, changes=changes, now=now)
    close_reservations(session, app_id=app_id, referrals=due, now=now)
    return len(due)


def _overdue(session: Session, *, app_id: int, ends: Mapping[str, datetime], now: datetime, limit: int) -> list[str]:
    """Open referrals past their deadline, then those past their program's sunset."""
    is_open = (referrals.c.app_id == app_id, IS_OPEN)
    past_deadline = (
        select(referrals.c.id)
        .where(*is_open, referrals.c.deadline_at < now)
        .order_by(referrals.c.deadline_at)
        .limit(limit)
    )
    found = list(session.scalars(past_deadline))
    closed = sorted(program_id for program_id, ends_at in ends.items() if ends_at < now)
    if closed and len(found) < limit:
        past_sunset = (
            select(referrals.c.id)
            .where(*is_open, referrals.c.program_id.in_(closed), referrals.c.deadline_at >= now)
            .order_by(referrals.c.id)
            .limit(limit - len(found))
        )
        found += session.scalars(past_sunset)
    return found
