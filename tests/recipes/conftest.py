"""However a recipe was played, afterwards the books are in order and everything can be read and explained."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from builders import Api, expect, items
from referral_service.doctor.run import examine
from referral_service.kit.clock import FixedClock
from referral_service.kit.db.engines import Database

# The PostgreSQL of the tests runs without fsync, which I15 rightly names.
ON_ANY_SERVER = "I15"


@pytest.fixture(autouse=True)
def _all_is_in_order(request: pytest.FixtureRequest) -> Iterator[None]:
    database: Database = request.getfixturevalue("database")
    clock: FixedClock = request.getfixturevalue("clock")
    api: Api = request.getfixturevalue("trial_api")
    yield
    report = database.read(lambda session: examine(session, settings=None, now=clock.now()))
    assert [
        f"{check.invariant} {each.object_id}: {each.says}"
        for check in report.checks
        if check.invariant != ON_ANY_SERVER
        for each in check.violations
    ] == []
    for referral in items(api, "/v1/referrals", limit=100):
        assert expect(api.get(f"/v1/referrals/{referral['id']}/explain"), 200)["summary"]
    for reward in items(api, "/v1/rewards", limit=100):
        assert expect(api.get(f"/v1/rewards/{reward['id']}"), 200) == reward
    for program in items(api, "/v1/programs"):
        for page in ("stats", "leaderboard", "liability"):
            expect(api.get(f"/v1/programs/{program['id']}/{page}"), 200)
