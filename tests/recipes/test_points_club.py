"""A bonus account: points for purchases and referrals, spent in part or whole, expiring; a yearly birthday bonus."""

from __future__ import annotations

from datetime import UTC, datetime

from recipes.playing import Play, amount_of

from builders import Api
from cast import ALICE, BOB


def test_each_purchase_gives_a_point_for_each_whole_dollar_without_any_referral(trial_api: Api) -> None:
    play = Play(trial_api, "points-club")
    play.pay(ALICE, 1999)
    assert play.balance(ALICE, "points") == (19, 0)
    play.pay(ALICE, 10_000)
    assert play.balance(ALICE, "points") == (119, 0)
    assert {it["side"] for it in play.rewards(ALICE)} == {"self"}


def test_a_friend_who_buys_gives_500_points_beside_the_points_of_his_own(trial_api: Api) -> None:
    play = Play(trial_api, "points-club")
    play.invite(ALICE, BOB)
    play.pay(BOB, 4000)
    play.days_pass(1)
    play.pay(BOB, 1000)
    assert play.balance(ALICE, "points") == (500, 0)
    assert play.balance(BOB, "points") == (50, 0)


def test_points_are_spent_in_part_and_in_whole_and_never_more_than_there_are(trial_api: Api) -> None:
    play = Play(trial_api, "points-club")
    play.pay(ALICE, 12_000)
    play.spend(ALICE, 45, "points")
    assert play.balance(ALICE, "points") == (75, 0)
    assert play.reward(ALICE)["state"] == "available"
    assert play.spend(ALICE, 76, "points", status=409)["code"] == "insufficient_balance"
    play.spend(ALICE, 75, "points")
    assert play.balance(ALICE, "points") == (0, 0)
    assert play.states(ALICE) == [("purchase_points", "redeemed", "spent")]


def test_points_expire_after_a_year_and_those_that_expire_first_are_spent_first(trial_api: Api) -> None:
    play = Play(trial_api, "points-club")
    play.pay(ALICE, 10_000)
    play.days_pass(200)
    play.pay(ALICE, 5000)
    play.spend(ALICE, 60, "points")
    play.days_pass(165.5)
    # 40 of the first hundred were left, and lapse; the fifty are half a year old.
    assert play.balance(ALICE, "points") == (50, 0)
    play.days_pass(200)
    assert play.balance(ALICE, "points") == (0, 0)
    assert [state for _, state, _ in play.states(ALICE)] == ["expired", "expired"]


def test_the_birthday_bonus_comes_once_in_a_calendar_year(trial_api: Api) -> None:
    play = Play(trial_api, "points-club")
    play.tell_of(ALICE, "birthday")
    play.days_pass(10)
    play.tell_of(ALICE, "birthday")
    assert [(it["state"], amount_of(it)) for it in play.rewards(ALICE)] == [("available", 300), ("capped", 0)]
    assert play.rewards(ALICE)[1]["reason"] == "cap_reached"
    assert play.balance(ALICE, "points") == (300, 0)
    play.days_pass(85)
    assert play.balance(ALICE, "points") == (0, 0)
    play.time_comes(datetime(2027, 3, 1, 9, tzinfo=UTC))
    play.tell_of(ALICE, "birthday")
    assert play.balance(ALICE, "points") == (300, 0)
    # Her year is hers alone.
    play.tell_of(BOB, "birthday")
    assert play.balance(BOB, "points") == (300, 0)


def test_a_return_takes_back_its_points_in_proportion_and_spent_ones_are_owed(trial_api: Api) -> None:
    play = Play(trial_api, "points-club")
    play.pay(ALICE, 5000, order_id="o-1")
    play.refund("o-1", in_all_minor=1250)
    # A quarter of 50 is 12.5, which is rounded half up.
    assert play.balance(ALICE, "points") == (37, 0)
    play.spend(ALICE, 30, "points")
    play.refund("o-1", in_all_minor=5000)
    assert play.balance(ALICE, "points") == (-30, 0)
    play.pay(ALICE, 4000)
    assert play.balance(ALICE, "points") == (10, 0)


def test_a_return_of_the_friends_first_purchase_takes_both_kinds_of_points(trial_api: Api) -> None:
    play = Play(trial_api, "points-club")
    play.invite(ALICE, BOB)
    play.pay(BOB, 4000, order_id="o-1")
    play.refund("o-1", in_all_minor=4000)
    assert play.balance(ALICE, "points") == play.balance(BOB, "points") == (0, 0)
