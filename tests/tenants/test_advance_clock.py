"""A test app's clock moves forward, and only there."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from cast import NOON
from referral_service.audit.models import AuditEntry
from referral_service.kit.clock import FixedClock
from referral_service.kit.db.engines import Database
from referral_service.kit.errors import NotFound
from referral_service.tenants.advance_clock import AHEAD_MAX, advance_clock
from referral_service.tenants.auth import act_for, business_now
from referral_service.tenants.errors import ClockOutOfRange, NotATestApp
from referral_service.tenants.open_app import OpenedApp, open_app
from referral_service.tenants.tenant import TEST, Tenant, load_tenant


def advance(database: Database, clock: FixedClock, tenant: Tenant, **how: Any) -> datetime:
    moved = database.transact(
        lambda session: advance_clock(session, app_id=tenant.app_id, actor="cli", now=clock.now(), **how)
    )
    assert database.read(lambda session: load_tenant(session, app_id=tenant.app_id)) == moved
    return moved.business_time(clock.now())


def test_it_moves_by_a_span_and_to_a_moment(database: Database, clock: FixedClock, trial_tenant: OpenedApp) -> None:
    tenant = trial_tenant.tenant
    assert advance(database, clock, tenant, by=timedelta(days=30)) == NOON + timedelta(days=30)
    assert advance(database, clock, tenant, by=timedelta(seconds=1)) == NOON + timedelta(days=30, seconds=1)
    assert advance(database, clock, tenant, to=NOON + timedelta(days=31)) == NOON + timedelta(days=31)


def test_it_goes_on_with_real_time(database: Database, clock: FixedClock, trial_tenant: OpenedApp) -> None:
    advance(database, clock, trial_tenant.tenant, by=timedelta(days=1))
    clock.advance(timedelta(hours=1))
    moved = database.read(lambda session: load_tenant(session, app_id=trial_tenant.tenant.app_id))
    assert moved.business_time(clock.now()) == NOON + timedelta(days=1, hours=1)


def test_an_app_from_the_past_catches_up(database: Database, clock: FixedClock) -> None:
    start = NOON - timedelta(days=1400)
    opened = database.transact(
        lambda session: open_app(session, name="Old", mode=TEST, start=start, actor="cli", now=clock.now())
    )
    assert advance(database, clock, opened.tenant, by=timedelta(days=1)) == start + timedelta(days=1)
    assert advance(database, clock, opened.tenant, to=NOON) == NOON


@pytest.mark.parametrize(
    "how",
    [
        {"by": timedelta(microseconds=-1)},
        {"to": NOON - timedelta(seconds=1)},
        {"by": AHEAD_MAX + timedelta(seconds=1)},
        {"to": NOON + AHEAD_MAX + timedelta(seconds=1)},
    ],
)
def test_it_goes_neither_back_nor_too_far(
    database: Database, clock: FixedClock, trial_tenant: OpenedApp, how: dict[str, Any]
) -> None:
    with pytest.raises(ClockOutOfRange):
        advance(database, clock, trial_tenant.tenant, **how)
    assert advance(database, clock, trial_tenant.tenant, by=timedelta(0)) == NOON


def test_a_live_app_has_no_such_clock(database: Database, clock: FixedClock, tenant: OpenedApp) -> None:
    with pytest.raises(NotATestApp):
        advance(database, clock, tenant.tenant, by=timedelta(seconds=1))
    with pytest.raises(NotFound):
        database.transact(
            lambda session: advance_clock(session, app_id=999, actor="cli", now=NOON, by=timedelta(seconds=1))
        )


def test_moving_is_recorded(database: Database, clock: FixedClock, trial_tenant: OpenedApp) -> None:
    advance(database, clock, trial_tenant.tenant, by=timedelta(days=1))
    query = select(AuditEntry.details).where(AuditEntry.action == "clock.advanced")
    assert database.read(lambda session: session.scalars(query).all()) == [{"now": "2026-03-02T12:00:00Z"}]


def test_business_time_is_the_tenants_own(
    app: Flask, database: Database, clock: FixedClock, trial_tenant: OpenedApp
) -> None:
    advance(database, clock, trial_tenant.tenant, by=timedelta(days=2))
    moved = database.read(lambda session: load_tenant(session, app_id=trial_tenant.tenant.app_id))
    with app.test_request_context():
        act_for(moved)
        assert business_now() == NOON + timedelta(days=2)
