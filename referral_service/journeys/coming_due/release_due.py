"""Release rewards whose hold is over."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from referral_service.rewards.carry_out import carry_out
from referral_service.rewards.plan import release
from referral_service.rewards.steps import Holding
from referral_service.rewards.store import COLUMNS, IS_HELD, rewards
from referral_service.rewards.stored_rules import stored_rules


def release_due(session: Session, *, app_id: int, now: datetime, limit: int = 100) -> int:
    """Release up to `limit` of an app's rewards that are due by its business time; gives how many.

    Rows that another worker holds are left to it, so any number of workers may do this at once.
    """
    statement = (
        select(*COLUMNS)
        .where(rewards.c.app_id == app_id, IS_HELD, rewards.c.hold_ends_at <= now)
        .order_by(rewards.c.hold_ends_at, rewards.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    due = [Holding(*row) for row in session.execute(statement)]
    rules = stored_rules(session, app_id=app_id, rewards=due)
    carry_out(session, app_id=app_id, plans=[release(reward, rules[reward.id], now=now) for reward in due], now=now)
    return len(due)
