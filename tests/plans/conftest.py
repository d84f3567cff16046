"""A database that has grown, and the service on it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from flask import Flask
from flask.testing import FlaskClient
from plans.grown import grow, leave_as_it_was
from plans.story import Stage, set_up

from builders import Api
from referral_service.kit.clock import FixedClock
from referral_service.kit.db.engines import Database
from referral_service.tenants.open_app import OpenedApp


@pytest.fixture
def clock() -> FixedClock:
    """A clock that stands a little later than everything in the document's examples."""
    return FixedClock(datetime(2026, 12, 1, tzinfo=UTC))


@pytest.fixture
def stage(
    app: Flask,
    client: FlaskClient,
    trial_tenant: OpenedApp,
    operator_key: str,
    clock: FixedClock,
    database: Database,
) -> Iterator[Stage]:
    """A world in which everything has happened, some thousand times over."""
    api = Api(client, key=trial_tenant.key.secret, clock=clock)
    operator = Api(client, key=operator_key, clock=clock)
    made = set_up(app, api, operator, clock, database, trial_tenant.tenant.slug)
    database.dispose()
    grow(database)
    yield made
    leave_as_it_was(database)
