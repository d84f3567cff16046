"""Caps and budgets: what fits, what is taken, what comes back. No database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from referral_service.programs.terms.document import Cap
from referral_service.rewards.limits import (
    NO_SLOT,
    Anchor,
    BudgetRoom,
    Fit,
    Limits,
    Period,
    Slot,
    period_of,
    slot_of,
)

NOW = datetime(2026, 3, 15, 12, tzinfo=UTC)
KEY = ("prg_1", "thanks", "cus_1")


def limits(*, minor: int | None = None, count: int | None = None, reserves: bool = False) -> Limits:
    budgets = {}
    if minor is not None or count is not None:
        budgets["prg_1"] = BudgetRoom(minor, count, reserves, 0, 0, "ample", 0)
    return Limits(anchors={KEY: Anchor()}, budgets=budgets)


def take(held: Limits, amount: int, cap: Cap | None = None, *, referral: str = "ref_1", kind: str = "credit") -> Fit:
    fit = held.fit(KEY, cap, referral_id=referral, kind=kind, amount=amount, value_minor=7, at=NOW)
    if fit.reason is None:
        slot = slot_of(state="pending", reason=None, kind=kind, granted=fit.amount, value_minor=7)
        held.swap(KEY, referral_id=referral, at=NOW, before=NO_SLOT, after=slot)
    return fit


def test_amount_cap_grants_the_rest_that_fits() -> None:
    held, cap = limits(), Cap(amount_minor=1500)
    assert [take(held, 1000, cap) for _ in range(3)] == [Fit(1000), Fit(500), Fit(0, "cap_reached")]


def test_count_cap_counts_also_what_is_worth_nothing() -> None:
    held, cap = limits(), Cap(count=2)
    assert [take(held, 0, cap) for _ in range(3)] == [Fit(0), Fit(0), Fit(0, "cap_reached")]


def test_budget_grants_money_in_part_and_anything_else_whole_or_not_at_all() -> None:
    money = limits(minor=1500)
    assert [take(money, 1000) for _ in range(3)] == [Fit(1000), Fit(500), Fit(0, "budget_exhausted")]
    weighed = limits(minor=10)
    assert [take(weighed, 500, kind="points") for _ in range(2)] == [Fit(500), Fit(0, "budget_exhausted")]


def test_what_was_set_aside_is_used_first_and_the_rest_of_it_goes_back() -> None:
    held = limits(minor=1500, reserves=True)
    held.reserve("ref_1", "prg_1", minor=1000, count=1)
    held.reserve("ref_2", "prg_1", minor=1000, count=1)
    assert held.budgets["prg_1"].used_minor == 1500
    assert take(held, 800, referral="ref_1") == Fit(800)
    held.give_back("ref_1")
    assert held.budgets["prg_1"].used_minor == 1300
    assert take(held, 1000, referral="ref_2") == Fit(700)
    held.give_back("ref_2")
    assert held.budgets["prg_1"].used_minor == 1500


def test_own_share_is_counted_in_where_a_reward_is_amended() -> None:
    held, cap = limits(), Cap(amount_minor=1000)
    take(held, 800, cap)
    own = Slot(1, 800, 800)
    fit = held.fit(KEY, cap, referral_id="ref_1", kind="credit", amount=2000, value_minor=0, at=NOW, own=own)
    assert fit == Fit(1000)


@pytest.mark.parametrize(
    ("state", "reason", "holds"),
    [
        ("pending", None, True),
        ("expired", "not_accepted", True),
        ("voided", "dispute_opened", True),
        ("voided", "refunded", False),
        ("clawed_back", "dispute_lost", False),
        ("capped", "cap_reached", False),
    ],
)
def test_who_holds_a_slot(state: str, reason: str | None, holds: bool) -> None:
    slot = slot_of(state=state, reason=reason, kind="credit", granted=1000, value_minor=0)
    assert slot == (Slot(1, 1000, 1000) if holds else NO_SLOT)


def test_periods_are_of_the_calendar_in_utc_or_reach_thirty_days_back() -> None:
    edge = datetime(2026, 12, 31, 23, 59, tzinfo=UTC)
    assert period_of("calendar_month", edge) == Period(
        datetime(2026, 12, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
    )
    assert period_of("calendar_year", edge).end == datetime(2027, 1, 1, tzinfo=UTC)
    rolling = period_of("rolling_30_days", NOW)
    assert not rolling.holds(NOW - timedelta(days=30))
    assert rolling.holds(NOW - timedelta(days=30) + timedelta(microseconds=1))
    assert period_of("lifetime", NOW).holds(NOW - timedelta(days=9999))


@pytest.mark.parametrize(("used", "level"), [(899, "ample"), (900, "low"), (1000, "exhausted")])
def test_how_full_a_budget_is(used: int, level: str) -> None:
    assert BudgetRoom(1000, None, False, used, 0, "ample", 0).level_now() == level


steps = st.lists(st.tuples(st.booleans(), st.integers(0, 900), st.integers(0, 4)), max_size=25)


@settings(max_examples=60)
@given(steps=steps, most=st.integers(0, 3000), count=st.integers(1, 6), reserves=st.booleans())
def test_nothing_is_ever_overspent_and_what_is_given_back_is_free_again(
    steps: list[tuple[bool, int, int]], most: int, count: int, reserves: bool
) -> None:
    held, cap = limits(minor=most, count=count, reserves=reserves), Cap(count=4, amount_minor=2000)
    room, slots = held.budgets["prg_1"], []
    if reserves:
        held.reserve("ref_0", "prg_1", minor=700, count=1)
    for takes, amount, which in steps:
        if takes:
            fit = take(held, amount, cap, referral=f"ref_{which}")
            if fit.reason is None:
                slots.append((f"ref_{which}", Slot(1, fit.amount, fit.amount)))
        elif slots:
            referral, slot = slots.pop(which % len(slots))
            held.swap(KEY, referral_id=referral, at=NOW, before=slot, after=NO_SLOT)
        assert (room.used_minor <= most, room.used_count <= count) == (True, True)
        anchor = held.anchors[KEY]
        assert (anchor.used_count, anchor.used_amount) == (len(slots), sum(slot.amount for _, slot in slots))
        assert (anchor.used_count <= 4, anchor.used_amount <= 2000) == (True, True)
    held.give_back("ref_0")
    assert (room.used_minor, room.used_count) == (sum(slot.weight_minor for _, slot in slots), len(slots))
