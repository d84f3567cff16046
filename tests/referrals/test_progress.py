"""The one matcher: steps of every kind, in order or not. No database."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from referral_service.programs.terms.document import Terms
from referral_service.programs.terms.parse import parse_terms
from referral_service.referrals.policy import Standing, decide, step_taken
from referral_service.referrals.progress import Counted, Fact, Progress, Window, progress

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
WINDOW = Window(START, START + timedelta(days=90))
THANKS = {"key": "thanks", "side": "referrer", "on": "converted", "give": {"kind": "credit", "amount_minor": 1000}}


def terms(*steps: dict[str, Any], ordered: bool = False, **more: Any) -> Terms:
    qualification = {"steps": [{"key": f"step_{n}", **step} for n, step in enumerate(steps)], "ordered": ordered}
    return parse_terms({"currency": "USD", "rewards": [THANKS], "qualification": qualification, **more})[1]


def fact(kind: str = "purchase", name: str = "a", *, day: float = 1, amount: int = 5000, **more: Any) -> Fact:
    at = START + timedelta(days=day)
    facts: dict[str, Any] = {"currency": "USD", "recorded_at": at, "amount_minor": amount} | more
    return Fact(id=f"{kind}-{name}", type=kind, name=name, occurred_at=at, **facts)


def plain(kind: str, name: str = "a", *, day: float = 1, **more: Any) -> Fact:
    """An event without an amount."""
    return fact(kind, name, day=day, amount=0, currency=None, **more)


def met(found: Progress) -> list[bool]:
    return [step.is_met for step in found.steps]


@pytest.mark.parametrize(
    ("step", "facts", "is_met"),
    [
        ({"event": "purchase", "count": 2}, [fact(name="a")], False),
        ({"event": "purchase", "count": 2}, [fact(name="a"), fact(name="b")], True),
        ({"event": "purchase", "cumulative_minor": 9000}, [fact(name="a"), fact(name="b", amount=3999)], False),
        ({"event": "purchase", "cumulative_minor": 9000}, [fact(name="a"), fact(name="b", amount=4000)], True),
        ({"event": "signup"}, [plain("signup")], True),
        ({"event": "signup"}, [fact()], False),
        ({"event": "deposit", "min_amount_minor": 100}, [plain("deposit")], False),
        ({"event": "deposit", "min_amount_minor": 100}, [fact("deposit", amount=100)], True),
        ({"event": "deposit"}, [fact("deposit", currency="EUR")], False),
        ({"event": "trip", "count": 2, "distinct_days": True}, [plain("trip", "a"), plain("trip", "b")], False),
        ({"event": "trip", "count": 2, "distinct_days": True}, [plain("trip", "a"), plain("trip", "b", day=2)], True),
        ({"event": "purchase", "where": {"kind": ["new", "used"]}}, [fact(attributes={"kind": "used"})], True),
        ({"event": "purchase", "where": {"kind": ["new", "used"]}}, [fact(attributes={"kind": "gift"})], False),
    ],
)
def test_what_a_step_asks_for(step: dict[str, Any], facts: Sequence[Fact], is_met: bool) -> None:
    assert met(progress(facts, terms(step), WINDOW)) == [is_met]


def test_excluded_lines_are_left_out_and_nothing_left_does_not_count() -> None:
    asks = terms({"event": "purchase", "min_amount_minor": 2000, "exclude": {"category": ["gift_card"]}})
    gift = {"category": "gift_card", "amount_minor": 3000}
    found = progress([fact(lines=[gift])], asks, WINDOW)
    assert [item.amount_minor for item in found.counted] == [2000]
    assert not progress([fact(amount=3000, lines=[gift])], asks, WINDOW).is_complete


def test_any_of_is_met_by_the_alternative_that_comes_first() -> None:
    asks = terms({"any_of": [{"event": "transfer", "min_amount_minor": 20000}, {"event": "card"}]})
    both = [fact("transfer", amount=20000, day=5), plain("card", day=3)]
    assert [item.fact.type for item in progress(both, asks, WINDOW).counted] == ["card"]


def test_ordered_steps_begin_where_the_one_before_has_ended() -> None:
    steps = [{"event": "signup"}, {"event": "purchase"}]
    early_purchase = [fact(day=1), plain("signup", day=2)]
    assert met(progress(early_purchase, terms(*steps, ordered=True), WINDOW)) == [True, False]
    assert met(progress(early_purchase, terms(*steps), WINDOW)) == [True, True]
    assert met(progress([*early_purchase, fact(name="b", day=3)], terms(*steps, ordered=True), WINDOW)) == [True, True]


def test_pinned_step_keeps_the_facts_that_a_released_reward_stands_on() -> None:
    asks = terms({"event": "purchase"}, {"event": "signup"})
    known = [fact(name="late", day=5), fact(name="early", day=2)]
    pinned = {"step_0": frozenset({"purchase-late"})}
    assert [item.fact.name for item in progress(known, asks, WINDOW).counted] == ["early"]
    assert [item.fact.name for item in progress(known, asks, WINDOW, pinned=pinned).counted] == ["late"]


def test_step_is_taken_back_by_its_own_facts_alone() -> None:
    asks = terms({"event": "purchase", "count": 2})
    (step,) = asks.qualification.steps
    counted = [Counted("step_0", fact(name="a", refunded_minor=5000), 5000), Counted("step_0", fact(name="b"), 5000)]
    assert step_taken(counted, step, asks).reason == "below_minimum"


def test_dispute_over_one_of_several_counts_by_what_is_left() -> None:
    proportional = terms({"event": "purchase", "count": 2}, on_refund={"below_minimum": "proportional"})
    facts = [fact(name="a", dispute="opened"), fact(name="b")]
    taken = decide(Standing("pending", None, WINDOW), facts, proportional).taken
    assert (taken.is_whole, taken.gone_minor, taken.of_minor) == (False, 5000, 10000)
    strict = decide(Standing("pending", None, WINDOW), facts, terms({"event": "purchase", "count": 2})).taken
    assert (strict.is_whole, strict.reason) == (True, "dispute_opened")


def test_full_refund_is_for_good_whatever_is_disputed() -> None:
    disputed = fact(refunded_minor=5000, dispute="opened")
    assert (
        decide(Standing("pending", None, WINDOW), [disputed], terms({"event": "purchase"})).taken.reason == "refunded"
    )


def test_requalified_by_facts_that_are_later_than_all_that_was_counted() -> None:
    asks = terms({"event": "purchase"}, on_refund={"requalify": True})
    gone = fact(name="a", refunded_minor=5000)
    standing = Standing("reversed", "refunded", WINDOW, 1, (("step_0", gone.id, 5000),))
    again = decide(standing, [gone, fact(name="b", day=3)], asks)
    assert (again.state, again.conversion_no, [item.fact.name for item in again.counted]) == ("converted", 2, ["b"])
    assert decide(standing, [gone], asks).conversion_no == 1
    disputed = fact(name="a", dispute="opened")
    assert decide(standing, [disputed, fact(name="b", day=3)], asks).state == "reversed"


kinds = st.sampled_from(["purchase", "signup", "trip"])
some_facts = st.lists(st.tuples(kinds, st.integers(0, 95), st.integers(0, 9000)), max_size=8)
some_steps = st.lists(
    st.fixed_dictionaries(
        {"event": kinds, "count": st.integers(1, 3)},
        optional={"cumulative_minor": st.integers(1, 9000), "min_amount_minor": st.integers(0, 4000)},
    ),
    min_size=1,
    max_size=3,
)


@settings(max_examples=40)
@given(drawn=some_facts, steps=some_steps, ordered=st.booleans(), random=st.randoms())
def test_order_of_arrival_plays_no_part_and_more_facts_never_undo_a_step(
    drawn: list[tuple[str, int, int]], steps: list[dict[str, Any]], ordered: bool, random: Any
) -> None:
    facts = [fact(kind, str(n), day=day, amount=amount) for n, (kind, day, amount) in enumerate(drawn)]
    asks = terms(*steps, ordered=ordered)
    found = progress(facts, asks, WINDOW)
    mixed = list(facts)
    random.shuffle(mixed)
    assert progress(mixed, asks, WINDOW) == found
    if not ordered:
        fewer = progress(facts[:-1], asks, WINDOW)
        assert all(now or not before for before, now in zip(met(fewer), met(found), strict=True))
