"""A world of one tenant, and the operator above it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from contract.world import World, a_world
from flask.testing import FlaskClient

from referral_service.kit.clock import FixedClock
from referral_service.kit.db.engines import Database
from referral_service.tenants.open_app import OpenedApp


@pytest.fixture
def clock() -> FixedClock:
    """A clock that stands a little later than everything in the document's examples."""
    return FixedClock(datetime(2026, 12, 1, tzinfo=UTC))


@pytest.fixture
def world(client: FlaskClient, trial_tenant: OpenedApp, clock: FixedClock, database: Database) -> World:
    """The test app's world: its clock may be advanced, so every operation applies to it."""
    return a_world(client, key=trial_tenant.key.secret, slug=trial_tenant.tenant.slug, clock=clock, database=database)
