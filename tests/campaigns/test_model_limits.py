"""The model's caps and budgets against examples worked out by hand from PRODUCT.md, "Shared limits"."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from campaigns.story import Story, bought, disputed, refunded
from campaigns.terms import Budget, Cap, Give, Period, RewardTerms, Terms

FIXED = RewardTerms("credit", "referrer", Give("credit", 1000), hold_days=5)
SHARE = RewardTerms("share", "referee", Give("percent", percent=Decimal(10)), hold_days=5)
MUG = RewardTerms("mug", "referrer", Give("custom"), value_minor=700)


def program(*rewards: RewardTerms, **more: object) -> Terms:
    return replace(Terms(rewards=rewards, referee_is_new=False), **more)  # type: ignore[arg-type]


def convert(story: Story, *people: str, amount: int = 5000) -> None:
    """Each is referred and buys, now."""
    for who in people:
        story.claim(referee=who)
        purchase = bought(f"o-{who}", on=0, by=who, amount=amount)
        story.hear(replace(purchase, occurred_at=story.world.now))


def shown(story: Story, key: str) -> list[tuple[str, int | None, str | None]]:
    """(state, granted, the reason where it is one alone) of this key's rewards, by ordinal."""
    found = sorted((name.recipient, name.ordinal, r) for name, r in story.picture.rewards.items() if name.key == key)
    return [(min(r.states), r.granted, min(r.reasons) if r.reasons else None) for _, _, r in found]


def test_a_count_cap_records_what_it_refuses_and_leaves_the_other_side_alone() -> None:
    story = Story(program(replace(FIXED, cap=Cap(count=1)), SHARE))
    convert(story, "bob", "carol")
    assert shown(story, "credit") == [("pending", 1000, None), ("capped", 0, "cap_reached")]
    assert shown(story, "share") == [("pending", 500, None)] * 2
    assert story.balance("alice") == (0, 1000)


def test_an_amount_cap_grants_the_rest_that_fits() -> None:
    story = Story(program(replace(FIXED, cap=Cap(amount=2500))))
    convert(story, "bob", "carol", "dave", "erin")
    assert [granted for _, granted, _ in shown(story, "credit")] == [1000, 1000, 500, 0]


def test_a_slot_comes_back_for_good_only_and_revives_nothing() -> None:
    story = Story(program(replace(FIXED, cap=Cap(count=1))))
    convert(story, "bob")
    story.hear(disputed("o-bob", "opened"))
    convert(story, "carol")
    story.hear(disputed("o-bob", "lost"))
    convert(story, "dave")
    assert [state for state, _, _ in shown(story, "credit")] == ["voided", "capped", "pending"]
    story.hear(refunded("o-dave", 2500))
    convert(story, "erin")
    assert [state for state, _, _ in shown(story, "credit")][-2:] == ["pending", "capped"]


PERIODS: tuple[tuple[Period, float, float], ...] = (
    ("calendar_month", 30.99, 31),
    ("calendar_year", 305.99, 306),
    ("rolling_30_days", 29.99, 30),
)


@pytest.mark.parametrize(("per", "still", "anew"), PERIODS)
def test_a_period_of_a_cap_ends_in_utc(per: Period, still: float, anew: float) -> None:
    story = Story(program(replace(FIXED, cap=Cap(count=1, per=per))))
    convert(story, "bob")
    story.wait(still)
    convert(story, "carol")
    story.wait(anew - still)
    convert(story, "dave")
    assert [state for state, _, _ in shown(story, "credit")] == ["available", "capped", "pending"]


def test_a_takeover_keeps_slot_and_ordinal_and_its_own_share_counts_in() -> None:
    story = Story(program(replace(SHARE, side="referrer", hold_days=30, cap=Cap(amount=1000))))
    story.claim()
    story.claim(referee="carol")
    story.wait(4)
    story.hear(bought("o2", on=3, amount=6000), bought("o3", on=3, amount=3000, by="carol"))
    story.hear(bought("o1", on=1, amount=9000))
    assert shown(story, "share") == [("pending", 700, None), ("pending", 300, None)]


def test_bringing_back_what_gave_its_slot_up_needs_one_again() -> None:
    story = Story(program(replace(FIXED, hold_days=30, cap=Cap(count=1))))
    story.claim()
    story.wait(4)
    story.hear(bought("o2", on=3), refunded("o2", 5000))
    convert(story, "carol")
    story.hear(bought("o1", on=1))
    assert story.state() == "converted"
    assert shown(story, "credit") == [("voided", 1000, "cap_reached"), ("pending", 1000, None)]


def test_a_budget_of_money_is_spent_to_the_last_cent_and_never_over() -> None:
    story = Story(program(FIXED, replace(SHARE, side="referee"), MUG, budget=Budget(amount_minor=3600)))
    convert(story, "bob", "carol")
    assert shown(story, "credit") == [("pending", 1000, None), ("pending", 1000, None)]
    assert shown(story, "mug") == [("available", 1, None), ("capped", 0, "budget_exhausted")]
    assert [granted for _, granted, _ in shown(story, "share")] == [500, 400]
    story.hear(refunded("o-bob", 5000))
    convert(story, "dave")
    assert [granted for _, granted, _ in shown(story, "credit")] == [1000, 1000, 1000]


def test_a_budget_of_rewards_counts_one_each() -> None:
    story = Story(program(FIXED, SHARE, budget=Budget(count=3)))
    convert(story, "bob", "carol")
    assert [state for state, _, _ in shown(story, "credit")] == ["pending", "pending"]
    assert [(state, why) for state, _, why in shown(story, "share")] == [
        ("pending", None),
        ("capped", "budget_exhausted"),
    ]


def test_a_cap_comes_before_the_budget_and_takes_nothing_from_it() -> None:
    story = Story(program(replace(FIXED, cap=Cap(count=1)), budget=Budget(count=2)))
    convert(story, "bob", "carol")
    assert shown(story, "credit")[1] == ("capped", 0, "cap_reached")


def test_what_is_set_aside_at_the_claim_waits_for_its_referral() -> None:
    story = Story(program(FIXED, budget=Budget(amount_minor=1500, at_claim=True)))
    story.claim()
    story.claim(referee="carol")  # 5.00 are left for her
    convert(story, "dave")
    story.hear(bought("o-carol", on=0, by="carol"), bought("o-bob", on=0))
    assert story.reward("credit") == ("pending", 1000, 0)
    assert story.reward("credit", referee="carol") == ("pending", 500, 0)
    assert story.reward("credit", referee="dave")[0] == "capped"


def test_what_was_set_aside_goes_back_on_expiry_and_conversion() -> None:
    percent = replace(SHARE, give=replace(SHARE.give, ceiling_minor=3000))
    story = Story(program(percent, budget=Budget(amount_minor=3000, at_claim=True), within_days=10))
    story.claim()
    story.claim(referee="carol")
    story.hear(bought("o-bob", on=0))
    story.hear(bought("o-carol", on=0, by="carol", amount=100_000))
    assert story.reward("share") == ("pending", 500, 0)
    assert story.reward("share", referee="carol") == ("pending", 2500, 0)
    waiting = Story(program(percent, budget=Budget(amount_minor=3000, at_claim=True), within_days=10))
    waiting.claim()
    waiting.wait(11)
    convert(waiting, "carol", amount=100_000)
    assert waiting.reward("share", referee="carol") == ("pending", 3000, 0)
