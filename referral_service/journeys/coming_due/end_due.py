"""What ends because its time is over: offers that nobody accepted, lots, coupons and custom rewards."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import cast

from sqlalchemy import ColumnElement, ScalarSelect, func, or_, select
from sqlalchemy.orm import Session

from referral_service.ledger.expire import expire_lots, first_end, lots_due
from referral_service.programs.terms.gives import Coupon, Custom
from referral_service.rewards.carry_out import carry_out
from referral_service.rewards.plan import decline, lapse
from referral_service.rewards.policy import AVAILABLE
from referral_service.rewards.read_rewards import lock_rewards
from referral_service.rewards.steps import Holding
from referral_service.rewards.store import COLUMNS, IS_AVAILABLE, IS_OFFERED, rewards
from referral_service.rewards.stored_rules import stored_rules
from referral_service.tenants.models import App


def first_ends() -> list[ScalarSelect[datetime]]:
    """When the first of each of these ends in an app, as parts of a query for apps: an index look-up for each."""
    offer = select(func.min(rewards.c.accept_by)).where(rewards.c.app_id == App.id, IS_OFFERED).scalar_subquery()
    unused = [
        select(func.min(rewards.c.expires_at))
        .where(rewards.c.app_id == App.id, IS_AVAILABLE, rewards.c.kind == kind, rewards.c.expires_at.is_not(None))
        .scalar_subquery()
        for kind in (Coupon.kind, Custom.kind)
    ]
    return [offer, first_end(cast(ColumnElement[int], App.id)), *unused]


def decline_due(session: Session, *, app_id: int, now: datetime, limit: int = 100) -> int:
    """Expire up to `limit` offers whose `accept_by` lies before the app's business time; gives how many.

    The far edge still counts: at `accept_by` itself an offer is still open.
    """
    statement = (
        select(*COLUMNS)
        .where(rewards.c.app_id == app_id, IS_OFFERED, rewards.c.accept_by < now)
        .order_by(rewards.c.accept_by, rewards.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    due = [Holding(*row) for row in session.execute(statement)]
    rules = stored_rules(session, app_id=app_id, rewards=due)
    plans = [decline(reward, rules[reward.id], now=now) for reward in due]
    carry_out(session, app_id=app_id, plans=plans, now=now)
    return len(due)


def expire_lots_due(session: Session, *, app_id: int, now: datetime, limit: int = 100) -> int:
    """Let what is left in up to `limit` lots lapse whose end has come, and their rewards expire; gives how many."""
    origins = lots_due(session, app_id=app_id, now=now, limit=limit)
    if not origins:
        return 0
    held = lock_rewards(session, app_id=app_id, reward_ids=origins, skip_locked=True)
    by_hand = [origin for origin in origins if origin.startswith("adj_")]
    lapsed = expire_lots(session, app_id=app_id, origins=[*(reward.id for reward in held), *by_hand], now=now)
    ended = {lot.origin for lot in lapsed}
    _end(session, [reward for reward in held if reward.id in ended], app_id=app_id, now=now)
    return len(lapsed)


def expire_unused(session: Session, *, app_id: int, now: datetime, limit: int = 100) -> int:
    """Expire up to `limit` coupons that nobody used and custom rewards that nobody fulfilled in time; gives how many.

    A coupon's end is its reward's `expires_at`; the coupon follows.
    """
    statement = (
        select(*COLUMNS)
        .where(
            rewards.c.app_id == app_id,
            IS_AVAILABLE,
            or_(rewards.c.kind == Coupon.kind, rewards.c.kind == Custom.kind),
            rewards.c.expires_at <= now,
        )
        .order_by(rewards.c.expires_at, rewards.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    due = [Holding(*row) for row in session.execute(statement)]
    _end(session, due, app_id=app_id, now=now)
    return len(due)


def _end(session: Session, ended: Sequence[Holding], *, app_id: int, now: datetime) -> None:
    rules = stored_rules(session, app_id=app_id, rewards=ended)
    # A lot of a reward that was taken back meanwhile may lapse too: then its reward stays as it is.
    plans = [lapse(reward, rules[reward.id], now=now) for reward in ended if reward.state == AVAILABLE]
    carry_out(session, app_id=app_id, plans=plans, now=now)
