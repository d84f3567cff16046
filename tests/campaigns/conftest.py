"""The service as the campaigns' stage."""

from __future__ import annotations

import pytest
from campaigns.stage import HttpStage
from flask.testing import FlaskClient
from insights.counting import Worker

from referral_service.doctor.run import examine
from referral_service.kit.clock import FixedClock
from referral_service.kit.db.engines import Database


@pytest.fixture
def stage(client: FlaskClient, operator_key: str, database: Database, clock: FixedClock) -> HttpStage:
    def violations(app_number: int | None) -> list[str]:
        report = database.read(lambda session: examine(session, settings=None, now=clock.now(), app_id=app_number))
        if app_number is not None:
            # What comes after this is found beside what was counted.
            Worker(database, app_number).work()
        # Not I15: the tests' own PostgreSQL is set up to forget (conftest.py), and that is all it would say.
        checks = [check for check in report.checks if check.invariant != "I15"]
        return [f"{check.invariant} {v.object_id}: {v.says}" for check in checks for v in check.violations]

    return HttpStage(client, operator_key=operator_key, examine=violations)
