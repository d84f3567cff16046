"""Give back what was set aside of budgets for referrals of which nothing will be granted any more."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from referral_service.journeys.settling.plan_rewards import Item, plan_rewards
from referral_service.notifications.announce import announce
from referral_service.referrals.store import ReferralRow


def close_reservations(session: Session, *, app_id: int, referrals: Sequence[ReferralRow], now: datetime) -> None:
    """Give back what these locked referrals, which were rejected or have expired just now, had set aside and not used.

    Settling does it for referrals that it moves itself.
    """
    items = [Item(row.program_id, row.id, (), may_hold_reservation=True, closes_reservation=True) for row in referrals]
    changes = plan_rewards(session, app_id=app_id, items=items, now=now)
    announce(session, app_id=app_id, changes=changes, now=now)
