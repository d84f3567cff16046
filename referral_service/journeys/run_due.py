"""What time brings about, for the worker and for a test app whose clock is moved.

Each step is a transaction of its own over a bounded number of rows, so that nothing waits long for it, and a worker
that is killed leaves nothing half done: what it had not committed is simply still due.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import exists, or_, select
from sqlalchemy.orm import Session

from referral_service.events.purchases import purchases
from referral_service.journeys.expire_due import expire_due
from referral_service.journeys.match_waiting import match_waiting
from referral_service.journeys.release_due import release_due
from referral_service.kit.clock import Clock
from referral_service.kit.db.engines import Database
from referral_service.referrals.policy import PENDING as REFERRAL_PENDING
from referral_service.referrals.store import referrals
from referral_service.rewards.policy import PENDING as REWARD_PENDING
from referral_service.rewards.store import rewards
from referral_service.tenants.models import App

# A limit on everything: one call does at most so many steps for an app, then the others have their turn.
STEPS_MAX = 1000
Step = Callable[..., int]
STEPS: tuple[Step, ...] = (match_waiting, release_due, expire_due)


def run_due(database: Database, *, clock: Clock, app_ids: Collection[int] | None = None) -> int:
    """Do what is due in these apps (None: in all that have something due); gives how many things were done."""
    wanted = database.read(lambda session: _apps(session, clock.now(), app_ids))
    return sum(_run_app(database, clock, app_id, offset) for app_id, offset in wanted)


def _run_app(database: Database, clock: Clock, app_id: int, offset: timedelta) -> int:
    done = 0
    for step in STEPS:
        for _ in range(STEPS_MAX):
            count = database.transact(partial(_run_step, step, app_id, clock.now() + offset))
            done += count
            if not count:
                break
    return done


def _run_step(step: Step, app_id: int, now: datetime, session: Session) -> int:
    return step(session, app_id=app_id, now=now)


def _apps(session: Session, now: datetime, app_ids: Collection[int] | None) -> list[tuple[int, timedelta]]:
    """The apps to visit, with their clocks. Live apps share one clock and are asked together which have work."""
    query = select(App.id, App.clock_offset_us)
    if app_ids is not None:
        query = query.where(App.id.in_(sorted(app_ids)))
    else:
        has_work = or_(
            exists().where(
                rewards.c.app_id == App.id, rewards.c.state == REWARD_PENDING, rewards.c.hold_ends_at <= now
            ),
            exists().where(
                referrals.c.app_id == App.id, referrals.c.state == REFERRAL_PENDING, referrals.c.deadline_at < now
            ),
            exists().where(purchases.c.app_id == App.id, purchases.c.payer_email_index.is_not(None)),
        )
        query = query.where(or_(App.mode == "test", has_work))
    return [(app_id, timedelta(microseconds=offset)) for app_id, offset in session.execute(query.order_by(App.id))]
