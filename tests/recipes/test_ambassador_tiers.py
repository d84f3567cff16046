"""Ambassadors: a badge and a bigger reward at exactly the 1st, 3rd, 10th and 25th friend."""

from __future__ import annotations

from recipes.playing import Play, amount_of, friend

from builders import Api
from cast import ALICE, BOB


def friends_buy(play: Play, first: int, last: int) -> None:
    for n in range(first, last + 1):
        play.invite(ALICE, friend(n))
        play.pay(friend(n), 2000, order_id=f"order-{n}")


def test_a_reward_and_a_badge_at_exactly_the_first_third_tenth_and_twenty_fifth_friend(trial_api: Api) -> None:
    play = Play(trial_api, "ambassador-tiers")
    reached = {}
    for n in range(1, 27):
        friends_buy(play, n, n)
        reached[n] = play.balance(ALICE, "USD")[0]
    steps = [n for n in reached if reached[n] != reached.get(n - 1, 0)]
    assert steps == [1, 3, 10, 25]
    assert [(it["ordinal"], it["badge"], amount_of(it)) for it in play.rewards(ALICE)] == [
        (1, "Starter", 1000),
        (3, "Bronze", 3000),
        (10, "Silver", 10_000),
        (25, "Gold", 30_000),
    ]
    assert play.balance(ALICE, "USD") == (44_000, 0)


def test_everybody_climbs_a_ladder_of_his_own(trial_api: Api) -> None:
    play = Play(trial_api, "ambassador-tiers")
    friends_buy(play, 1, 2)
    play.invite(BOB, friend(50))
    play.pay(friend(50), 2000)
    assert [it["badge"] for it in play.rewards(BOB)] == ["Starter"]
    assert [it["badge"] for it in play.rewards(ALICE)] == ["Starter"]


def test_a_friend_who_sends_his_purchase_back_takes_his_milestone_with_him_and_no_other(trial_api: Api) -> None:
    play = Play(trial_api, "ambassador-tiers")
    friends_buy(play, 1, 3)
    play.refund("order-2", in_all_minor=2000)
    assert play.balance(ALICE, "USD") == (4000, 0)
    play.refund("order-3", in_all_minor=2000)
    assert play.balance(ALICE, "USD") == (1000, 0)
    # A place on the ladder is taken once: the fourth friend is the fourth, whatever became of the third.
    friends_buy(play, 4, 10)
    assert [(it["badge"], it["state"]) for it in play.rewards(ALICE)] == [
        ("Starter", "available"),
        ("Bronze", "clawed_back"),
        ("Silver", "available"),
    ]


def test_a_purchase_below_ten_dollars_is_no_step(trial_api: Api) -> None:
    play = Play(trial_api, "ambassador-tiers")
    play.invite(ALICE, BOB)
    play.pay(BOB, 999)
    assert play.rewards() == []
