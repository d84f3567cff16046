"""Negative controls of campaign 2: what the crash points could not find here, they could not find anywhere."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from campaigns.crash.foreman import Foreman
from campaigns.crash.plants import PLANTED_IN
from campaigns.crash.points import Plan


@pytest.mark.parametrize("plant", PLANTED_IN)
def test_a_planted_bug_is_caught(plant: Callable[[], None], foreman: Foreman) -> None:
    # A transaction that is cut in two leaves at least three moments between its halves.
    plan = Plan(every=3, until_wrong=True)
    findings = foreman.run(PLANTED_IN[plant], plan, plant=plant.__name__)
    assert findings.wrong
    # The bug shows when somebody dies, and only then: what caught it was the crash.
    assert not [complaint for complaint in findings.wrong if complaint.startswith("undisturbed")]
