"""From what a reward is to what it ought to be. No database."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from referral_service.programs.terms.document import Credit, Percent, Points
from referral_service.referrals.policy import Taken
from referral_service.rewards.plan import begin, change, release, void
from referral_service.rewards.policy import LEGAL, Base, Rules, taken_back, worth
from referral_service.rewards.steps import Holding, Plan, Wanted

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LATER = NOW + timedelta(days=14)
PLAIN = Rules()


def holding(**more: Any) -> Holding:
    facts: dict[str, Any] = {
        "id": "rwd_1", "program_id": "prg_1", "version": 1, "referral_id": "ref_1", "conversion_no": 1,
        "recipient_id": "cus_1", "reward_key": "credit", "subject": "referral:ref_1:1", "side": "referrer",
        "ordinal": 1, "state": "pending", "reason": None, "kind": "credit", "unit": "USD", "granted": 1000,
        "reversed": 0, "badge": None, "occurred_at": NOW, "hold_ends_at": LATER, "accept_by": None,
        "expires_at": None, "released_at": None, "created_at": NOW, "updated_at": NOW, "sequence": 1, "counted": [],
    }  # fmt: skip
    return Holding(**(facts | more))


def wanted(granted: int = 1000, back: int = 0, *, whole: bool = False, held_until: datetime = LATER) -> Wanted:
    return Wanted(granted, back, whole, NOW, held_until, "refunded" if back else "earlier_purchase")


def steps(plan: Plan) -> list[tuple[str, int]]:
    return [(move.movement, move.amount) for move in plan.moves]


def told(plan: Plan) -> list[str]:
    return [announcement.type for announcement in plan.announcements]


def test_new_reward_is_granted_and_held() -> None:
    plan = begin(holding(sequence=0), wanted(), PLAIN, now=NOW)
    assert (plan.reward.state, steps(plan), told(plan)) == ("pending", [("grant", 1000)], ["reward.created"])


def test_new_reward_whose_hold_is_over_is_released_at_once() -> None:
    plan = begin(holding(sequence=0, hold_ends_at=NOW), wanted(held_until=NOW), PLAIN, now=NOW)
    assert steps(plan) == [("grant", 1000), ("release", 1000)]
    assert told(plan) == ["reward.created", "reward.available"]
    assert (plan.reward.state, plan.reward.released_at) == ("available", NOW)


def test_new_reward_of_a_refunded_purchase_is_voided_and_never_released() -> None:
    plan = begin(holding(sequence=0), wanted(back=1000, whole=True, held_until=NOW), PLAIN, now=NOW)
    assert steps(plan) == [("grant", 1000), ("void", 1000)]
    assert (plan.reward.state, plan.reward.released_at) == ("voided", None)


def test_partial_refund_of_a_held_reward_releases_the_rest() -> None:
    plan = change(holding(), wanted(back=400), PLAIN, now=NOW)
    assert (plan.reward.state, steps(plan), told(plan)) == ("pending", [("void", 400)], [])
    assert steps(release(replace(plan.reward), PLAIN, now=LATER)) == [("release", 600)]


def test_takeover_amends_what_is_held() -> None:
    plan = change(holding(), wanted(granted=300), PLAIN, now=NOW)
    assert [(move.movement, move.previous, move.amount) for move in plan.moves] == [("amend", 1000, 300)]
    assert (plan.reward.granted, plan.reward.state, told(plan)) == (300, "pending", [])


def test_takeover_brings_a_voided_reward_back() -> None:
    voided = holding(state="voided", reason="refunded", reversed=1000)
    plan = change(voided, wanted(), PLAIN, now=NOW)
    assert (plan.reward.state, steps(plan), told(plan)) == ("pending", [("restore", 1000)], ["reward.restored"])


def test_erased_persons_reward_never_comes_back() -> None:
    voided = void(holding(), PLAIN, reason="person_erased", now=NOW).reward
    assert not change(voided, wanted(), PLAIN, now=LATER).is_changed


def test_refund_after_release_claws_back_and_a_dispute_won_restores() -> None:
    available = holding(state="available", released_at=NOW)
    clawed = change(available, wanted(back=1000, whole=True), PLAIN, now=LATER)
    assert (clawed.reward.state, steps(clawed)) == ("clawed_back", [("claw_back", 1000)])
    restored = change(clawed.reward, wanted(), PLAIN, now=LATER)
    assert (restored.reward.state, steps(restored)) == ("available", [("restore", 1000)])


def test_nothing_is_done_where_all_is_as_it_ought_to_be() -> None:
    assert not change(holding(), wanted(), PLAIN, now=NOW).is_changed
    assert not release(holding(), PLAIN, now=LATER - timedelta(microseconds=1)).is_changed


def test_plan_works_on_a_copy() -> None:
    stored = holding()
    change(stored, wanted(back=1000, whole=True), PLAIN, now=NOW)
    assert (stored.state, stored.reversed) == ("pending", 0)


targets = st.builds(
    lambda granted, back, whole: wanted(granted, granted if whole else min(back, granted), whole=whole),
    st.integers(0, 5000),
    st.integers(0, 5000),
    st.booleans(),
)


@given(st.lists(st.tuples(targets, st.booleans()), min_size=1, max_size=8))
def test_books_follow_the_reward_through_any_history(history: list[tuple[Wanted, bool]]) -> None:
    """What the moves add up to is what is granted less what is reversed; every step is legal and told once."""
    first, *others = history
    plan = begin(holding(sequence=0, granted=first[0].granted), first[0], PLAIN, now=NOW)
    pending, available = 0, 0
    state: str | None = None
    sequence = 0
    for target, is_due in [(None, False), *others]:
        if target is not None:
            fixed = plan.reward.released_at is not None
            goal = replace(target, granted=plan.reward.granted) if fixed else target
            goal = replace(goal, reversed=goal.granted if goal.is_whole else min(goal.reversed, goal.granted))
            plan = change(plan.reward, goal, PLAIN, now=NOW)
        for _ in range(2):
            for move in plan.moves:
                released = available + pending
                match move.movement:
                    case "grant":
                        pending += move.amount
                    case "amend":
                        assert pending == move.previous
                        pending = move.amount
                    case "void":
                        pending -= move.amount
                    case "release":
                        assert pending == move.amount
                        pending, available = 0, released
                    case "claw_back":
                        available -= move.amount
                    case "restore" if plan.reward.released_at is None:
                        pending += move.amount
                    case "restore":
                        available += move.amount
                assert pending >= 0
                assert available >= 0
            for announcement in plan.announcements:
                assert announcement.previous_state == state
                assert announcement.reward.state in LEGAL[state]
                sequence += 1
                assert announcement.reward.sequence == sequence
                state = announcement.reward.state
            if not is_due:
                break
            plan, is_due = release(plan.reward, PLAIN, now=LATER), False
        assert pending + available == plan.reward.granted - plan.reward.reversed
        plan = Plan(plan.reward, PLAIN)


@pytest.mark.parametrize(
    ("give", "counted", "amount"),
    [
        (Credit(1000), 5000, 1000),
        (Percent(Decimal("10.00")), 3005, 301),
        (Percent(Decimal("10.00"), 3000), 50_000, 3000),
        (Points(500), 1, 500),
        (Points(1, per_minor=100), 5099, 50),
    ],
)
def test_worth(give: Any, counted: int, amount: int) -> None:
    assert worth(give, Base(counted, counted)) == amount


@pytest.mark.parametrize(
    ("taken", "on_refund", "back"),
    [
        (Taken(1, 3, False, "partly_refunded"), "reverse", 333),
        (Taken(3, 3, True, "refunded"), "reverse", 1000),
        (Taken(3, 3, True, "refunded"), "keep", 0),
        (Taken(3, 3, True, "not_new"), "keep", 1000),
        (Taken(2500, 3000, True, "below_minimum"), "reverse", 1000),
    ],
)
def test_taken_back(taken: Taken, on_refund: str, back: int) -> None:
    assert taken_back(1000, taken, on_refund=on_refund) == back
