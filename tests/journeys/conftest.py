"""What the journeys' tests share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from journeys.contests import ON_ANY_SERVER

from referral_service.doctor.run import examine
from referral_service.kit.clock import FixedClock
from referral_service.kit.db.engines import Database


@pytest.fixture
def books_in_order(database: Database, clock: FixedClock) -> Iterator[None]:
    """Whatever a test has done, the doctor finds nothing wrong."""
    yield
    report = database.read(lambda session: examine(session, settings=None, now=clock.now()))
    found = [(it.invariant, each.object_id, each.says) for it in report.checks for each in it.violations]
    assert [it for it in found if it[0] != ON_ANY_SERVER] == []
