"""Campaign 2 of SAFETY.md: the process dies before and after every statement and every commit; then the sender sends
again, the worker works, and nothing is lost and nothing is there twice.
"""

from __future__ import annotations

import pytest
from campaigns.crash.all_scenarios import SCENARIOS
from campaigns.crash.foreman import Foreman, plan_of

HOUR_SECONDS = 60 * 60
# A hook that hears nothing would find nothing wrong. The shortest act has six statements and its commit.
MOMENTS_MIN = 12
MOMENTS_IN_ALL_MIN = 150


@pytest.mark.timeout(HOUR_SECONDS)
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_death_at_any_moment_loses_nothing_and_doubles_nothing(
    scenario: str, foreman: Foreman, database_kind: str
) -> None:
    plan = plan_of(scenario, database_kind)
    findings = foreman.run(scenario, plan)
    assert findings.wrong == []
    assert findings.moments >= MOMENTS_MIN
    assert findings.tried >= findings.moments // plan.every


def test_the_scenarios_have_moments_enough() -> None:
    assert len(SCENARIOS) * MOMENTS_MIN >= MOMENTS_IN_ALL_MIN
