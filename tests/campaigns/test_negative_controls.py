"""Campaign 16 (SAFETY.md): bugs planted in the engine itself, each of which the machine of campaign 1 must find.

The history that gave a bug away is told again to the engine without it, and must pass: so nothing else was found. One
database is enough: the bugs are in rules, not in statements.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from campaigns.machine import PLAIN_PAIRS
from campaigns.stage import HttpStage, find
from hypothesis import HealthCheck, Phase, settings

from referral_service import migrations
from referral_service.events import take_back
from referral_service.journeys.coming_due import end_due
from referral_service.kit.db.engines import Database
from referral_service.referrals import progress
from referral_service.rewards import fitting, limits, policy

SEARCH = settings(
    max_examples=150,
    stateful_step_count=30,
    deadline=None,
    derandomize=True,
    database=None,
    phases=(Phase.generate,),
    suppress_health_check=list(HealthCheck),
)
SEARCH_SECONDS = 20 * 60

honest_why_outside = progress.why_outside
honest_taken_back = policy.taken_back
honest_at_ordinal = policy.at_ordinal


def refunds_added_up(refunds: Iterable[tuple[str, int]], *, amount_minor: int | None) -> int:
    """A provider that tells the total and each single refund is believed twice."""
    total = sum(minor for _, minor in refunds)
    return total if amount_minor is None else min(total, amount_minor)


def far_edge_is_outside(fact: Any, window: Any) -> str | None:
    return "after_deadline" if fact.occurred_at >= window.deadline_at else honest_why_outside(fact, window)


def near_edge_is_outside(fact: Any, window: Any) -> str | None:
    return "before_window" if fact.occurred_at <= window.starts_at else honest_why_outside(fact, window)


def last_message_wins(stored: str | None, given: str) -> str:  # noqa: ARG001
    return given


def shares_rounded_down(granted: int, taken: Any, *, on_refund: str) -> int:
    honest = honest_taken_back(granted, taken, on_refund=on_refund)
    return honest if honest in (0, granted) else granted * taken.gone_minor // taken.of_minor


def tiers_off_by_one(reward: Any, ordinal: int) -> Any:
    return honest_at_ordinal(reward, ordinal if reward.milestones or reward.every else ordinal - 1)


def slots_never_given_back(state: str, reason: str | None) -> bool:  # noqa: ARG001
    return state != "capped"


def no_lot_ever_lapses(*_: Any, **__: Any) -> list[str]:
    return []


BUGS: tuple[tuple[Any, str, Callable[..., Any]], ...] = (
    (take_back, "refunded", refunds_added_up),
    (take_back, "dispute_after", last_message_wins),
    (progress, "why_outside", far_edge_is_outside),
    (progress, "why_outside", near_edge_is_outside),
    (fitting, "taken_back", shares_rounded_down),
)
# These show in few programs: they are looked for there.
BUGS_IN_WHOLE_PROGRAMS: tuple[tuple[Any, str, Callable[..., Any], tuple[str, str]], ...] = (
    (fitting, "at_ordinal", tiers_off_by_one, ("offers", "capped")),
    (limits, "holds_slot", slots_never_given_back, ("capped", "again")),
    (end_due, "lots_due", no_lot_ever_lapses, ("club", "club")),
)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = Database(f"sqlite:///{tmp_path / 'control.db'}")
    migrations.upgrade(made.write_engine)
    yield made
    made.dispose()


CASES = [
    *(pytest.param(module, name, bug, PLAIN_PAIRS, id=bug.__name__) for module, name, bug in BUGS),
    *(pytest.param(module, name, bug, [pair], id=bug.__name__) for module, name, bug, pair in BUGS_IN_WHOLE_PROGRAMS),
]


@pytest.mark.timeout(SEARCH_SECONDS)
@pytest.mark.parametrize(("module", "name", "bug", "pairs"), CASES)
def test_a_bug_planted_in_the_engine_is_found(
    stage: HttpStage,
    monkeypatch: pytest.MonkeyPatch,
    module: Any,
    name: str,
    bug: Callable[..., Any],
    pairs: Sequence[tuple[str, str]],
) -> None:
    with monkeypatch.context() as planted:
        planted.setattr(module, name, bug)
        found = find(stage, SEARCH, pairs)
    assert found is not None, "the machine played 150 histories and saw nothing"
    assert stage.complaint(found.log, found.programs) is None
