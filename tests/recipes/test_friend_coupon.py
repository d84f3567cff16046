"""An online shop: 15 % off for the friend at the claim, 15.00 off for the referrer after the first order."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from recipes.playing import Play

from builders import Api
from cast import ALICE, BOB
from referral_service.kit.clock import parse_rfc3339


def friends_coupon(play: Play) -> Any:
    """Let Bob sign up with Alice's code; gives his coupon."""
    play.invite(ALICE, BOB)
    return play.reward(BOB, "friend_coupon")["coupon"]


def test_the_friend_has_a_coupon_at_once_and_for_30_days(trial_api: Api) -> None:
    play = Play(trial_api, "friend-coupon")
    coupon = friends_coupon(play)
    assert (coupon["percent_off"], coupon["amount_off_minor"], coupon["state"]) == ("15.00", None, "active")
    assert coupon["code"].startswith("FRIEND-")
    assert parse_rfc3339(coupon["valid_until"]) == play.now + timedelta(days=30)
    assert play.rewards(ALICE) == []


def test_a_coupon_is_used_on_one_order_only(trial_api: Api) -> None:
    play = Play(trial_api, "friend-coupon")
    coupon = friends_coupon(play)
    assert play.use(coupon, order_id="o-1")["state"] == "redeemed"
    # The shop asks again for the same order, as shops do.
    play.use(coupon, order_id="o-1")
    assert play.use(coupon, order_id="o-2", status=409)["code"] == "coupon_redeemed"
    assert play.states(BOB) == [("friend_coupon", "redeemed", "used")]


def test_a_coupon_that_nobody_used_ends_after_30_days(trial_api: Api) -> None:
    play = Play(trial_api, "friend-coupon")
    coupon = friends_coupon(play)
    play.days_pass(30.5)
    assert play.use(coupon, order_id="o-1", status=409)["code"] == "coupon_expired"
    assert play.coupon(coupon["code"])["state"] == "expired"
    assert [state for _, state, _ in play.states(BOB)] == ["expired"]


def test_the_referrer_has_a_coupon_once_the_first_order_is_past_its_returns_period(trial_api: Api) -> None:
    play = Play(trial_api, "friend-coupon")
    play.use(friends_coupon(play), order_id="o-1")
    play.pay(BOB, 4250, order_id="o-1")
    held = play.reward(ALICE)
    assert (held["key"], held["state"], held["coupon"]) == ("thanks_coupon", "pending", None)
    play.days_pass(14)
    coupon = play.reward(ALICE)["coupon"]
    assert (coupon["percent_off"], coupon["amount_off_minor"], coupon["state"]) == (None, 1500, "active")
    assert coupon["code"].startswith("THANKS-")
    assert parse_rfc3339(coupon["valid_until"]) == parse_rfc3339(coupon["valid_from"]) + timedelta(days=90)
    play.use(coupon, order_id="o-9")
    assert play.states(ALICE) == [("thanks_coupon", "redeemed", "used")]


def test_an_order_below_the_minimum_thanks_nobody(trial_api: Api) -> None:
    play = Play(trial_api, "friend-coupon")
    friends_coupon(play)
    play.pay(BOB, 2999)
    assert play.rewards(ALICE) == []


def test_a_first_order_that_is_sent_back_voids_the_thanks_and_gives_the_friend_his_coupon_again(trial_api: Api) -> None:
    play = Play(trial_api, "friend-coupon")
    coupon = friends_coupon(play)
    play.use(coupon, order_id="o-1")
    play.pay(BOB, 4250, order_id="o-1")
    play.days_pass(3)
    play.refund("o-1", in_all_minor=4250)
    assert play.states(ALICE) == [("thanks_coupon", "voided", "refunded")]
    assert play.states(BOB) == [("friend_coupon", "available", "order_cancelled")]
    assert play.use(coupon, order_id="o-2")["state"] == "redeemed"


def test_a_return_after_the_hold_revokes_the_coupon_that_was_not_used(trial_api: Api) -> None:
    play = Play(trial_api, "friend-coupon")
    friends_coupon(play)
    play.pay(BOB, 4250, order_id="o-1")
    play.days_pass(15)
    coupon = play.reward(ALICE)["coupon"]
    play.refund("o-1", in_all_minor=4250)
    assert play.use(coupon, order_id="o-9", status=409)["code"] == "coupon_revoked"
    assert play.states(ALICE) == [("thanks_coupon", "clawed_back", "refunded")]
