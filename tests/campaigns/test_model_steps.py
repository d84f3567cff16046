"""The model's matcher against examples worked out by hand from PRODUCT.md, "qualification"."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from campaigns.facts import Event
from campaigns.story import HELD, Story, bought, did, disputed, refunded
from campaigns.terms import Condition, Give, RewardTerms, Step, Terms

CREDIT = RewardTerms("credit", "referrer", Give("credit", 1000), hold_days=60)
SHARE = RewardTerms("share", "referee", Give("percent", percent=Decimal(10)), hold_days=60)


def program(*steps: Step, rewards: tuple[RewardTerms, ...] = (CREDIT, SHARE), **more: object) -> Terms:
    return replace(Terms(rewards=rewards, steps=steps, referee_is_new=False), **more)  # type: ignore[arg-type]


def step(key: str, **condition: object) -> Step:
    return Step(key, (Condition(**condition),))  # type: ignore[arg-type]


def told(story: Story, *events: Event) -> str:
    """Claim, wait, tell; what has become of the referral."""
    story.claim()
    story.wait(40)
    story.hear(*events)
    return story.state()


def test_count_takes_the_first_so_many_and_sums_them() -> None:
    story = Story(program(step("trips", count=2)))
    assert told(story, bought("o1", on=1, amount=1000)) == "pending"
    story.hear(bought("o3", on=9, amount=9000))
    assert story.reward("share") == ("pending", 1000, 0)
    # The second trip is one that was told last.
    story.hear(bought("o2", on=5, amount=500))
    assert story.reward("share") == ("pending", 150, 0)


def test_cumulative_amount_counts_as_many_as_it_needs() -> None:
    story = Story(program(step("spend", cumulative_minor=5000)))
    assert told(story, bought("o1", on=1, amount=2000), bought("o2", on=2, amount=2999)) == "pending"
    story.hear(bought("o3", on=3, amount=3000), bought("o4", on=4, amount=100_000))
    assert story.reward("share") == ("pending", 800, 0)


def test_distinct_days_count_one_fact_a_day() -> None:
    story = Story(program(step("visits", event="visit", count=3, distinct_days=True), rewards=(CREDIT,)))
    assert told(story, did("visit", "v1", on=1), did("visit", "v2", on=1.9), did("visit", "v3", on=2)) == "pending"
    story.hear(did("visit", "v4", on=7))
    assert story.state() == "converted"


def test_unordered_steps_come_in_any_order_and_ordered_ones_only_in_theirs() -> None:
    steps = (step("signup", event="signup"), step("order"))
    events = bought("o1", on=1), did("signup", "s1", on=2)
    assert told(Story(program(*steps)), *events) == "converted"
    ordered = Story(program(*steps, ordered=True))
    assert told(ordered, *events) == "pending"
    ordered.hear(bought("o2", on=3))
    assert ordered.reward("share") == ("pending", 500, 0)


def test_any_of_is_met_by_whichever_alternative_comes_first() -> None:
    ways = Condition("transfer", min_amount_minor=20_000), Condition("card", cumulative_minor=10_000)
    terms = program(Step("spend", ways), rewards=(CREDIT,))
    assert told(Story(terms), did("transfer", "t1", on=1, amount=19_999), did("card", "c1", on=2, amount=9000)) == (
        "pending"
    )
    assert told(Story(terms), did("transfer", "t1", on=1, amount=20_000)) == "converted"
    assert told(Story(terms), did("card", "c1", on=1, amount=9000), did("card", "c2", on=2, amount=1000)) == "converted"


def test_where_asks_for_attributes_and_exclude_leaves_lines_out() -> None:
    where = (("channel", ("app", "web")),)
    story = Story(program(step("order", where=where, exclude=("gift_card",), min_amount_minor=2000)))
    gifts, rides = ("gift_card", 4000), ("rides", 1000)
    assert told(story, bought("o1", on=1), bought("o2", on=2, channel="shop")) == "pending"
    story.hear(bought("o3", on=3, lines=(gifts, rides), channel="app"))
    assert story.state() == "pending"  # 10.00 are left
    story.hear(bought("o4", on=4, lines=(("gift_card", 2000), ("rides", 3000)), channel="web"))
    assert story.reward("share") == ("pending", 300, 0)


def test_an_event_of_which_nothing_is_left_does_not_count_even_without_a_minimum() -> None:
    story = Story(program(step("order", exclude=("gift_card",))))
    assert told(story, bought("o1", on=1, lines=(("gift_card", 5000),))) == "pending"


def test_another_currency_is_parked_for_an_event_too() -> None:
    story = Story(replace(program(step("card", event="card"), rewards=(CREDIT,)), currency="EUR"))
    assert told(story, did("card", "c1", on=1, amount=5000)) == "pending"
    story.hear(did("card", "c2", on=2))
    assert story.state() == "converted"


def test_what_is_reversed_follows_the_sum_over_the_facts_counted() -> None:
    story = Story(program(step("spend", cumulative_minor=5000), below_minimum="proportional"))
    told(story, bought("o1", on=1, amount=2000), bought("o2", on=2, amount=4000), refunded("o1", 1500))
    assert story.reward("credit") == ("pending", 1000, 250)  # 15 of 60
    story.hear(refunded("o2", 1500))
    assert story.reward("credit") == ("pending", 1000, 500)


@pytest.mark.parametrize(("refund", "state"), [(999, "converted"), (1001, "reversed")])
def test_a_conversion_whose_steps_fail_over_what_is_left_is_reversed_whole(refund: int, state: str) -> None:
    story = Story(program(step("spend", cumulative_minor=5000)))
    assert told(story, bought("o1", on=1, amount=3000), bought("o2", on=2, amount=3000), refunded("o1", refund)) == (
        state
    )


def test_one_of_a_count_that_is_refunded_reverses_the_whole() -> None:
    story = Story(program(step("trips", count=2)))
    told(story, bought("o1", on=1), bought("o2", on=2), bought("o3", on=3), refunded("o2", 5000))
    assert story.state() == "reversed"
    assert story.reward("credit") == ("voided", 1000, 1000)


def test_a_step_reward_comes_while_the_referral_is_pending_and_follows_its_own_step() -> None:
    on_order = replace(CREDIT, on="step:order")
    on_signup = RewardTerms("welcome", "referee", Give("points", 100), on="step:signup", hold_days=60)
    steps = step("order"), step("signup", event="signup"), step("card", event="card")
    story = Story(program(*steps, rewards=(on_order, on_signup)))
    assert told(story, did("signup", "s1", on=1), bought("o1", on=2)) == "pending"
    assert story.reward("welcome") == ("pending", 100, 0)
    story.hear(refunded("o1", 1000))
    assert story.reward("credit") == ("pending", 1000, 200)
    story.hear(refunded("o1", 5000))
    assert (story.reward("credit")[0], story.reward("welcome")[0]) == ("voided", "pending")


def test_a_released_step_keeps_its_facts_and_expiry_leaves_it() -> None:
    on_order = RewardTerms("credit", "referrer", Give("percent", percent=Decimal(10)), on="step:order")
    story = Story(program(step("order"), step("card", event="card"), rewards=(on_order,)))
    told(story, bought("o2", on=2, amount=3000), bought("o1", on=1, amount=9000))
    assert story.reward("credit") == ("available", 300, 0)
    story.wait(100)
    assert story.state() == "expired"
    assert story.reward("credit") == ("available", 300, 0)


def test_a_later_purchase_requalifies_after_a_final_reversal_only() -> None:
    terms = replace(HELD, requalify=True)
    story = Story(terms)
    story.claim()
    story.wait(5)
    story.hear(bought("o1", on=1), bought("o2", on=2, amount=8000), disputed("o1", "opened"))
    assert story.state() == "reversed"
    assert len(story.rewards("credit")) == 1
    story.hear(disputed("o1", "lost"))
    assert story.state() == "converted"
    first, second = story.rewards("share")
    assert (first.subject, first.states, first.granted) == (("referral", "1"), frozenset({"voided"}), 500)
    assert (second.subject, second.states, second.granted) == (("referral", "2"), frozenset({"pending"}), 800)


def test_a_conversion_with_a_successor_is_closed() -> None:
    story = Story(replace(HELD, requalify=True))
    story.claim()
    story.wait(5)
    story.hear(bought("o2", on=2), refunded("o2", 5000), bought("o3", on=3, amount=4000))
    story.hear(bought("o1", on=1, amount=7000))
    assert [shown.granted for shown in story.rewards("share")] == [500, 400]
    assert story.state() == "converted"
