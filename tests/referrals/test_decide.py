"""Where a referral ought to stand, given its facts. No database."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from referral_service.programs.terms.conditions import Alternative, Step
from referral_service.programs.terms.document import Eligibility, OnRefund, Qualification, Terms
from referral_service.referrals.policy import LEGAL, Decision, Standing, decide
from referral_service.referrals.progress import Fact, Window, progress, why_not_counted

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
WINDOW = Window(START, START + timedelta(days=90))
TERMS = Terms(
    currency="USD", qualification=Qualification(steps=(Step(alternatives=(Alternative(min_amount_minor=1000),)),))
)
PENDING = Standing("pending", None, WINDOW)


def bought(name: str = "o-1", *, day: float = 1, amount: int = 5000, **more: Any) -> Fact:
    at = START + timedelta(days=day)
    facts: dict[str, Any] = {"currency": "USD", "recorded_at": at} | more
    return Fact(id=f"pur_{name}", type="purchase", name=name, occurred_at=at, amount_minor=amount, **facts)


def counted(decision: Decision) -> list[str]:
    return [item.fact.name for item in decision.counted]


def converted_by(
    fact: Fact, *, released: bool = False, state: str = "converted", reason: str | None = None
) -> Standing:
    return Standing(state, reason, WINDOW, 1, (("first_purchase", fact.id, fact.amount_minor),), released)


def test_nothing_bought_leaves_it_pending() -> None:
    assert decide(PENDING, [], TERMS).state == "pending"


def test_first_purchase_converts() -> None:
    decision = decide(PENDING, [bought("late", day=2), bought("first", day=1)], TERMS)
    assert (decision.state, counted(decision), decision.conversion_no) == ("converted", ["first"], 1)
    assert decision.converted_at == START + timedelta(days=1)


def test_of_two_at_one_instant_the_smaller_order_id_is_the_first() -> None:
    assert counted(decide(PENDING, [bought("b"), bought("a")], TERMS)) == ["a"]


@pytest.mark.parametrize(
    ("fact", "why"),
    [
        (bought(day=0), None),
        (bought(day=90), None),
        (bought(day=90.0001), "after_deadline"),
        (bought(day=-0.0001), "before_window"),
        (bought(amount=1000), None),
        (bought(amount=999), "below_minimum"),
        (bought(currency="EUR"), "wrong_currency"),
        (bought(day=89, recorded_at=WINDOW.deadline_at + timedelta(days=7)), None),
        (bought(day=89, recorded_at=WINDOW.deadline_at + timedelta(days=7, seconds=1)), "arrived_too_late"),
    ],
)
def test_edges_of_what_counts(fact: Fact, why: str | None) -> None:
    assert why_not_counted(fact, TERMS, WINDOW) == why
    assert progress([fact], TERMS, WINDOW).is_complete is (why is None)


def test_purchase_before_the_window_means_not_new() -> None:
    decision = decide(PENDING, [bought("old", day=-1), bought()], TERMS)
    assert (decision.state, decision.reason) == ("rejected", "not_new")


def test_purchase_before_the_window_plays_no_part_where_anybody_may_be_referred() -> None:
    terms = replace(TERMS, eligibility=Eligibility(referee_is_new=False))
    assert counted(decide(PENDING, [bought("old", day=-1), bought()], terms)) == ["o-1"]


def test_not_new_found_late_reverses_while_nothing_is_released() -> None:
    fact = bought()
    decision = decide(converted_by(fact), [fact, bought("old", day=-1)], TERMS)
    assert (decision.state, decision.reason, decision.taken.is_whole) == ("reversed", "not_new", True)


def test_not_new_found_after_release_moves_nothing() -> None:
    fact = bought()
    decision = decide(converted_by(fact, released=True), [fact, bought("old", day=-1)], TERMS)
    assert (decision.state, counted(decision)) == ("converted", ["o-1"])


def test_earlier_purchase_takes_over_until_a_release() -> None:
    fact, earlier = bought(day=5), bought("earlier", day=2)
    assert counted(decide(converted_by(fact), [fact, earlier], TERMS)) == ["earlier"]
    assert counted(decide(converted_by(fact, released=True), [fact, earlier], TERMS)) == ["o-1"]


def test_earlier_purchase_revives_what_a_refund_reversed() -> None:
    fact, earlier = bought(day=5, refunded_minor=5000), bought("earlier", day=2)
    standing = converted_by(fact, state="reversed", reason="refunded")
    assert decide(standing, [fact, earlier], TERMS).state == "converted"


@pytest.mark.parametrize(
    ("refunded", "state", "reason", "gone"),
    [(0, "converted", None, 0), (1, "converted", None, 1), (4000, "converted", None, 4000),
     (4001, "reversed", "below_minimum", 4001), (5000, "reversed", "refunded", 5000)],
)  # fmt: skip
def test_refunds_take_back_in_proportion_or_whole(refunded: int, state: str, reason: str | None, gone: int) -> None:
    fact = bought(refunded_minor=refunded)
    decision = decide(PENDING, [fact], TERMS)
    assert (decision.state, decision.reason, decision.taken.gone_minor) == (state, reason, gone)


def test_below_minimum_can_stay_proportional() -> None:
    terms = replace(TERMS, on_refund=OnRefund(below_minimum="proportional"))
    decision = decide(PENDING, [bought(refunded_minor=4999)], terms)
    assert (decision.state, decision.taken.is_whole, decision.taken.reason) == ("converted", False, "partly_refunded")


@pytest.mark.parametrize(
    ("dispute", "state", "reason"),
    [("opened", "reversed", "dispute_opened"), ("lost", "reversed", "dispute_lost"), ("won", "converted", None)],
)
def test_disputes_take_back_whole_until_they_are_won(dispute: str, state: str, reason: str | None) -> None:
    decision = decide(converted_by(bought(), released=True), [bought(dispute=dispute)], TERMS)
    assert (decision.state, decision.reason) == (state, reason)


@pytest.mark.parametrize("state", ["rejected", "under_review"])
def test_purchase_moves_nothing_that_a_person_decides_or_has_decided(state: str) -> None:
    assert decide(Standing(state, "review", WINDOW), [bought()], TERMS).state == state


def test_person_erased_is_the_last_word() -> None:
    assert decide(Standing("expired", "person_erased", WINDOW), [bought()], TERMS).state == "expired"


def test_expired_referral_converts_for_a_purchase_inside_its_window() -> None:
    late = bought(day=80, recorded_at=WINDOW.deadline_at + timedelta(days=2))
    assert decide(Standing("expired", "deadline_passed", WINDOW), [late], TERMS).state == "converted"


facts = st.lists(
    st.builds(
        lambda name, day, amount, back, dispute: bought(
            name, day=day, amount=amount, refunded_minor=min(back, amount), dispute=dispute
        ),
        st.text("abcdef", min_size=1, max_size=3),
        st.integers(-3, 95),
        st.integers(0, 6000),
        st.integers(0, 6000),
        st.sampled_from([None, "opened", "won", "lost"]),
    ),
    max_size=6,
    unique_by=lambda fact: fact.name,
)
standings = st.sampled_from([PENDING, Standing("expired", "deadline_passed", WINDOW)])


@given(facts, standings, st.randoms(use_true_random=False))
def test_order_of_arrival_plays_no_part(these: list[Fact], standing: Standing, random: Any) -> None:
    shuffled = list(these)
    random.shuffle(shuffled)
    assert decide(standing, these, TERMS) == decide(standing, shuffled, TERMS)


@given(facts, standings)
def test_every_step_is_legal_and_deciding_again_changes_nothing(these: list[Fact], standing: Standing) -> None:
    decision = decide(standing, these, TERMS)
    path = [decision.state]
    if decision.state == "reversed":
        path = ["converted", "reversed"]
    state: str | None = standing.state
    for after in path:
        assert after == state or after in LEGAL[state]
        state = after
    stored = tuple((item.step_key, item.fact.id, item.amount_minor) for item in decision.counted)
    settled = Standing(decision.state, decision.reason, WINDOW, decision.conversion_no, stored)
    again = decide(settled, these, TERMS)
    assert (again.state, again.reason, again.taken) == (decision.state, decision.reason, decision.taken)
