"""What time brings about, for the worker and for a test app whose clock is moved.

Each step is a transaction of its own over a bounded number of rows, so that nothing waits long for it, and a worker
that is killed leaves nothing half done: what it had not committed is simply still due.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from functools import partial

import structlog
from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from referral_service.customers.models import Customer
from referral_service.events.forget_addresses import KEPT, forget_old_addresses
from referral_service.events.purchases import purchases
from referral_service.journeys.coming_due.close_contests import close_due, first_program_end
from referral_service.journeys.coming_due.end_due import decline_due, expire_lots_due, expire_unused, first_ends
from referral_service.journeys.coming_due.expire_due import expire_due
from referral_service.journeys.coming_due.release_due import release_due
from referral_service.journeys.recording.match_waiting import match_waiting
from referral_service.journeys.settling.sunsets import sunsets
from referral_service.kit.clock import Clock
from referral_service.kit.db.engines import Database
from referral_service.referrals.store import IS_OPEN, referrals
from referral_service.rewards.store import IS_HELD, rewards
from referral_service.tenants.models import App

log = structlog.get_logger(__name__)

# A limit on everything: one call does at most so many steps for an app, then the others have their turn.
STEPS_MAX = 1000
Step = Callable[..., int]
STEPS: tuple[Step, ...] = (
    match_waiting,
    # Before what its end brings about: a sunset may be reckoned from it.
    close_due,
    release_due,
    decline_due,
    expire_lots_due,
    expire_unused,
    expire_due,
    forget_old_addresses,
)


def run_due(database: Database, *, clock: Clock, app_ids: Collection[int] | None = None) -> int:
    """Do what is due in these apps (None: in all that have something due); gives how many things were done.

    An app that fails is logged and passed over; the last failure is raised once all the others have been served.
    """
    wanted = database.read(lambda session: _apps(session, clock.now(), app_ids))
    done = 0
    failed: Exception | None = None
    for app_id, offset in wanted:
        try:
            done += _run_app(database, clock, app_id, offset)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with one app holds up no other
            log.error("app_not_served", app=app_id, error=type(error).__name__)
            failed = error
    if failed is not None:
        raise failed
    return done


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


def _apps(session: Session, real_now: datetime, app_ids: Collection[int] | None) -> list[tuple[int, timedelta]]:
    """The apps that have something due by their own clock, with its offset: an index look-up or two for each app."""
    first_hold = select(func.min(rewards.c.hold_ends_at)).where(rewards.c.app_id == App.id, IS_HELD).scalar_subquery()
    first_deadline = (
        select(func.min(referrals.c.deadline_at)).where(referrals.c.app_id == App.id, IS_OPEN).scalar_subquery()
    )
    has_match = exists().where(
        purchases.c.app_id == App.id,
        purchases.c.payer_email_index.is_not(None),
        Customer.app_id == purchases.c.app_id,
        Customer.email_index == purchases.c.payer_email_index,
    )
    oldest_address = (
        select(func.min(purchases.c.confirmed_at))
        .where(purchases.c.app_id == App.id, purchases.c.payer_email_index.is_not(None))
        .scalar_subquery()
    )
    query = select(
        App.id,
        App.clock_offset_us,
        first_hold,
        first_deadline,
        has_match,
        oldest_address,
        first_program_end(),
        *first_ends(),
    ).order_by(App.id)
    if app_ids is not None:
        query = query.where(App.id.in_(sorted(app_ids)))
    ends = sunsets(session, app_ids=app_ids)
    found = []
    for app_id, offset_us, hold_ends_at, deadline_at, is_matched, waiting_since, *first_over in session.execute(query):
        offset = timedelta(microseconds=offset_us)
        now = real_now + offset
        is_old = waiting_since is not None and waiting_since < now - KEPT
        is_due = (hold_ends_at and hold_ends_at <= now) or (deadline_at and deadline_at < now)
        is_over = any(at is not None and at <= now for at in first_over)
        is_past_sunset = any(ends_at < now for ends_at in ends.get(app_id, {}).values())
        if is_matched or is_due or is_over or is_old or is_past_sunset:
            found.append((app_id, offset))
    return found
