"""A holiday campaign: 20.00 off for both sides, valid between two dates."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from recipes.playing import Play

from builders import Api, a_code, expect
from cast import ALICE, BOB, CAROL
from referral_service.kit.clock import parse_rfc3339


def voucher_terms(play: Play) -> Any:
    return play.program["terms"]["rewards"][0]["give"]


def test_both_sides_get_a_voucher_that_is_valid_between_the_two_dates_only(trial_api: Api) -> None:
    play = Play(trial_api, "gift-voucher")
    valid_from, valid_until = (parse_rfc3339(voucher_terms(play)[name]) for name in ("valid_from", "valid_until"))
    midnight = play.now.replace(hour=0)
    assert (valid_from, valid_until) == (midnight + timedelta(days=14), midnight + timedelta(days=60))
    play.invite(ALICE, BOB)
    play.pay(BOB, 4000)
    mine, his = play.reward(ALICE)["coupon"], play.reward(BOB)["coupon"]
    assert mine["code"] != his["code"]
    for coupon in (mine, his):
        assert coupon["code"].startswith("GIFT-")
        assert (coupon["amount_off_minor"], coupon["state"]) == (2000, "active")
        assert (parse_rfc3339(coupon["valid_from"]), parse_rfc3339(coupon["valid_until"])) == (valid_from, valid_until)

    play.time_comes(valid_from - timedelta(seconds=1))
    assert play.use(mine, order_id="o-7", status=409)["code"] == "coupon_not_yet_valid"
    play.time_comes(valid_from)
    assert play.use(mine, order_id="o-7")["state"] == "redeemed"
    assert play.use(mine, order_id="o-8", status=409)["code"] == "coupon_redeemed"
    play.time_comes(valid_until + timedelta(seconds=1))
    assert play.use(his, order_id="o-9", status=409)["code"] == "coupon_expired"
    assert [state for _, state, _ in play.states(ALICE) + play.states(BOB)] == ["redeemed", "expired"]


def test_a_small_purchase_gives_no_voucher(trial_api: Api) -> None:
    play = Play(trial_api, "gift-voucher")
    play.invite(ALICE, BOB)
    play.pay(BOB, 3999)
    assert play.rewards() == []


def test_after_the_campaign_nobody_joins_and_who_had_joined_has_two_weeks_left(trial_api: Api) -> None:
    play = Play(trial_api, "gift-voucher")
    code = a_code(trial_api, play.program)
    play.days_pass(25)
    first = play.invite(ALICE, BOB)
    second = play.invite(ALICE, CAROL)
    ends_at = parse_rfc3339(play.program["terms"]["schedule"]["ends_at"])
    play.time_comes(ends_at + timedelta(minutes=1))
    late = trial_api.post("/v1/referrals", {"code": code["code"], "referee": {"customer_id": "late"}})
    assert expect(late, 409)["code"] == "program_not_active"
    play.days_pass(10)
    play.pay(BOB, 4000)
    assert play.reward(BOB)["coupon"]["state"] == "active"
    play.days_pass(5)
    states = [(it["state"], it["reason"]) for it in (play.referral(first), play.referral(second))]
    assert (states[0][0], states[1]) == ("converted", ("expired", "sunset"))


def test_a_purchase_that_is_sent_back_revokes_both_vouchers(trial_api: Api) -> None:
    play = Play(trial_api, "gift-voucher")
    play.invite(ALICE, BOB)
    play.pay(BOB, 6000, order_id="o-1")
    mine = play.reward(ALICE)["coupon"]
    # A voucher is given back whole or not at all.
    play.refund("o-1", in_all_minor=1000)
    assert play.coupon(mine["code"])["state"] == "active"
    play.refund("o-1", in_all_minor=6000)
    assert play.coupon(mine["code"])["state"] == "revoked"
    play.days_pass(20)
    assert play.use(mine, order_id="o-7", status=409)["code"] == "coupon_revoked"
    assert {state for _, state, _ in play.states(ALICE) + play.states(BOB)} == {"clawed_back"}
