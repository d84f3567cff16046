"""The model's moments and kinds against examples worked out by hand from PRODUCT.md, "rewards"."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from campaigns.dues import months_later
from campaigns.story import Story, bought, day, did, disputed, refunded
from campaigns.terms import Condition, Give, Nth, RewardTerms, Step, Terms

TEN = Give("credit", 1000)
TENTH = Give("percent", percent=Decimal(10))


def program(*rewards: RewardTerms, **more: object) -> Terms:
    return replace(Terms(rewards=rewards, referee_is_new=False), **more)  # type: ignore[arg-type]


def test_claimed_is_granted_with_the_claim_and_ignores_refunds() -> None:
    story = Story(program(RewardTerms("hello", "referee", TEN, on="claimed"), RewardTerms("credit", "referrer", TEN)))
    story.claim()
    assert story.reward("hello") == ("available", 1000, 0)
    story.hear(bought("o1", on=0), refunded("o1", 5000))
    assert story.state() == "reversed"
    assert story.reward("hello") == ("available", 1000, 0)


def test_claimed_is_taken_back_when_the_referral_is_rejected() -> None:
    hello = RewardTerms("hello", "referee", TEN, on="claimed")
    prompt = Story(program(hello, referee_is_new=True))
    prompt.claim()
    prompt.hear(bought("old", on=-30))
    assert prompt.reward("hello") == ("clawed_back", 1000, 1000)
    held = Story(program(replace(hello, hold_days=3), referee_is_new=True))
    held.claim()
    held.hear(bought("old", on=-30))
    assert held.reward("hello") == ("voided", 1000, 1000)
    assert held.balance("bob") == (0, 0)


def test_repeat_purchases_are_those_after_the_conversion_and_follow_their_own() -> None:
    story = Story(program(RewardTerms("share", "referrer", TENTH, on="repeat_purchase", hold_days=30)))
    story.claim()
    story.wait(5)
    story.hear(bought("o2", on=2), bought("o3", on=3, amount=7000))
    assert [r.subject for r in story.rewards("share")] == [("purchase", "o3")]
    story.hear(refunded("o3", 3500))
    assert story.reward("share") == ("pending", 700, 350)
    # An earlier one takes the conversion over; what it counted is now a repetition.
    story.hear(bought("o1", on=1))
    assert [r.subject[1] for r in story.rewards("share")] == ["o3", "o2"]


def test_what_follows_a_purchase_goes_with_the_referral_only_until_it_is_released() -> None:
    for hold, state in ((30, "voided"), (0, "available")):
        story = Story(program(RewardTerms("share", "referrer", TENTH, on="repeat_purchase", hold_days=hold)))
        story.claim()
        story.wait(2)
        story.hear(bought("o1", on=0), bought("o2", on=1), disputed("o1", "opened"))
        assert story.reward("share")[0] == state
        story.hear(bought("o3", on=2))
        assert len(story.rewards("share")) == 1  # nothing is granted while it is reversed
        story.hear(disputed("o1", "won"))
        assert [min(r.states) for r in story.rewards("share")] == ["available" if hold == 0 else "pending"] * 2


def test_every_purchase_counts_the_first_too_within_months_and_number() -> None:
    months = RewardTerms("months", "referrer", TENTH, on="every_purchase", limit_months=1)
    twice = RewardTerms("twice", "referrer", TENTH, on="every_purchase", limit_count=2)
    story = Story(program(months, twice))
    story.claim()
    story.hear(bought("o1", on=0))
    story.wait(40)
    story.hear(bought("o2", on=31), bought("o3", on=32))  # a month from 1 March ends on 1 April: day 31
    assert [r.subject[1] for r in story.rewards("months")] == ["o1", "o2"]
    assert [r.subject[1] for r in story.rewards("twice")] == ["o1", "o2"]


def test_a_month_later_is_the_last_day_of_a_short_month() -> None:
    assert months_later(day(-29), 1) == day(-1)  # 31 January, 28 February 2026
    assert months_later(day(0), 12).year == 2027


def test_lines_that_the_qualification_excludes_earn_nothing_later_either() -> None:
    steps = (Step("order", (Condition(exclude=("gift_card",)),)),)
    story = Story(program(RewardTerms("share", "referrer", TENTH, on="every_purchase"), steps=steps))
    story.claim()
    story.hear(bought("o1", on=0, amount=5000, lines=(("gift_card", 2000), ("rides", 3000))))
    story.hear(bought("o2", on=0, amount=2000, lines=(("gift_card", 2000),)))
    assert story.reward("share") == ("available", 300, 0)


def test_event_rewards_come_in_the_window_and_later_if_it_ever_converted() -> None:
    story = Story(program(RewardTerms("task", "referee", Give("quota", 500, unit="MB"), on="event:task")))
    story.claim()
    story.wait(100)
    story.hear(did("task", "t1", on=5), did("task", "t2", on=95), did("other", "t3", on=5))
    assert story.state() == "expired"
    assert story.reward("task") == ("available", 500, 0)
    late = Story(program(RewardTerms("task", "referee", Give("quota", 500, unit="MB"), on="event:task")))
    late.claim()
    late.hear(bought("o1", on=0), refunded("o1", 5000))
    late.wait(100)
    late.hear(did("task", "t2", on=95))
    assert late.balance("bob", "MB") == (500, 0)


def test_own_rewards_need_no_referral_but_an_open_program() -> None:
    points = RewardTerms("points", "self", Give("points", 1, per_minor=100), on="every_purchase")
    birthday = RewardTerms("birthday", "self", Give("points", 500), on="event:birthday", limit_count=1)
    story = Story(program(points, birthday))
    story.hear(bought("o1", on=0, amount=1999), did("birthday", "b1", on=0), did("birthday", "b2", on=0))
    assert story.reward("points", referee=None) == ("available", 19, 0)
    assert story.reward("birthday", referee=None) == ("available", 500, 0)
    story.hear(refunded("o1", 1000))
    assert story.reward("points", referee=None) == ("available", 19, 10)  # 9.50
    story.govern("pause")
    story.hear(bought("o2", on=0))
    story.govern("archive")
    story.hear(bought("o3", on=0), bought("o0", on=-1))
    assert [r.subject[1] for r in story.rewards("points", referee=None)] == ["o1", "o2"]


def test_tiers_start_at_their_nth_and_milestones_stand_alone() -> None:
    tiers = (Nth(2, amount=1500), Nth(3, amount=2000, badge="gold"))
    tiered = RewardTerms("tiered", "referrer", TEN, tiers=tiers)
    marks = (Nth(1, amount=1), Nth(3, amount=3, badge="bronze"))
    marked = RewardTerms("marked", "referrer", Give("points", 500), milestones=marks)
    every = RewardTerms("every", "referrer", TEN, every=2)
    story = Story(program(tiered, marked, every))
    people = ("bob", "carol", "dave", "erin")
    for who in people:
        story.claim(referee=who)
        story.hear(bought(f"o-{who}", on=0, by=who))
    shown = [story.rewards("tiered", referee=who)[0] for who in people]
    assert [(r.granted, r.badge) for r in shown] == [(1000, None), (1500, None), (2000, "gold"), (2000, "gold")]
    marks_of = [[(r.granted, r.badge) for r in story.rewards("marked", referee=who)] for who in people]
    assert marks_of == [[(1, None)], [], [(3, "bronze")], []]
    assert [len(story.rewards("every", referee=who)) for who in people] == [0, 1, 0, 1]


def test_an_audience_that_its_recipient_does_not_match_takes_an_ordinal_and_is_judged_once() -> None:
    task = RewardTerms("task", "self", Give("points", 10), on="event:task", audience=(("plan", ("plus", "pro")),))
    story = Story(program(task))
    story.enrol("bob", plan="free")
    story.hear(did("task", "t1", on=0))
    story.enrol("bob", plan="pro")
    story.hear(did("task", "t2", on=0))
    ((name, shown),) = story.picture.rewards.items()
    assert (name.ordinal, shown.subject) == (2, ("event", "t2"))


def test_points_by_the_amount_count_events_and_a_percentage_purchases_only() -> None:
    steps = Step("order", (Condition(),)), Step("card", (Condition("card"),))
    points = RewardTerms("points", "referee", Give("points", 2, per_minor=1000))
    story = Story(program(points, RewardTerms("share", "referrer", TENTH), steps=steps))
    story.claim()
    story.hear(bought("o1", on=0, amount=5999), did("card", "c1", on=0, amount=2000))
    assert story.reward("points") == ("available", 14, 0)
    assert story.reward("share") == ("available", 600, 0)


def test_coupons_and_custom_rewards_reverse_only_whole() -> None:
    story = Story(
        program(RewardTerms("mug", "referee", Give("custom")), RewardTerms("off", "referrer", Give("coupon")))
    )
    story.claim()
    story.hear(bought("o1", on=0), refunded("o1", 4000))
    assert story.reward("mug")[0] == story.reward("off")[0] == "available"
    assert story.handle("fulfil", "mug", of="bob")
    assert story.reward("mug")[0] == "redeemed"
    story.hear(refunded("o1", 5000))
    assert story.reward("mug")[0] == story.reward("off")[0] == "clawed_back"
    assert story.rewards("off")[0].coupon == "revoked"
