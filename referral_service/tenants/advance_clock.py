"""Move a test app's clock, so that holds and expiries can be seen in seconds."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from referral_service.audit.record import record
from referral_service.kit.clock import format_rfc3339
from referral_service.kit.errors import NotFound
from referral_service.tenants.errors import ClockOutOfRange, NotATestApp
from referral_service.tenants.models import App
from referral_service.tenants.tenant import TEST, Tenant, tenant_from

AHEAD_MAX = timedelta(days=3652)


def advance_clock(
    session: Session,
    *,
    app_id: int,
    actor: str,
    now: datetime,
    by: timedelta | None = None,
    to: datetime | None = None,
) -> Tenant:
    """Advance the clock by a span, or to a moment of the app's own time, and return the tenant as it is then.

    `now` is real time. Moving to where it already stands is fine. Raises NotATestApp, ClockOutOfRange, NotFound.
    """
    if (by is None) == (to is None):
        raise ValueError("Say either how far or where to.")
    row = session.scalars(select(App).where(App.id == app_id).with_for_update()).one_or_none()
    if row is None:
        raise NotFound
    if row.mode != TEST:
        raise NotATestApp
    before = timedelta(microseconds=row.clock_offset_us)
    after = before + by if by is not None else _distance(now, to)
    if after < before or after > AHEAD_MAX:
        raise ClockOutOfRange
    row.clock_offset_us = after // timedelta(microseconds=1)
    record(
        session,
        app_id=app_id,
        actor=actor,
        action="clock.advanced",
        object_id=row.public_id,
        details={"now": format_rfc3339(now + after)},
        now=now,
    )
    return tenant_from(row)


def _distance(now: datetime, to: datetime | None) -> timedelta:
    assert to is not None
    return to - now
