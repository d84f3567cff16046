"""An affiliate program: 20 % of every purchase for the first 12 months, after a hold of 30 days."""

from __future__ import annotations

from datetime import UTC, datetime

from recipes.playing import Play, amount_of, left_of

from builders import Api
from cast import ALICE, BOB, CAROL


def test_a_partner_earns_on_every_purchase_for_twelve_months_and_not_in_the_thirteenth(trial_api: Api) -> None:
    play = Play(trial_api, "partner-commission")
    play.invite(ALICE, BOB)
    for month in range(13):
        # The first on the 5th of March 2026; the last one at the same hour a year later.
        play.time_comes(datetime(2026 + (2 + month) // 12, (2 + month) % 12 + 1, 5, 9, tzinfo=UTC))
        play.pay(BOB, 10_000 + month)
    # The far edge counts, and a second later nothing does.
    assert [amount_of(it) for it in play.rewards(ALICE)] == [2000] * 3 + [2001] * 5 + [2002] * 5
    play.days_pass(0.01)
    play.pay(BOB, 10_000)
    play.days_pass(31)
    play.pay(BOB, 10_000)
    assert len(play.rewards(ALICE)) == 13
    assert play.balance(ALICE, "USD") == (26_015, 0)


def test_commission_is_held_for_thirty_days_each_by_its_own_purchase(trial_api: Api) -> None:
    play = Play(trial_api, "partner-commission")
    play.invite(ALICE, BOB)
    play.pay(BOB, 5000)
    play.days_pass(10)
    play.pay(BOB, 20_000)
    assert play.balance(ALICE, "USD") == (0, 5000)
    play.days_pass(20)
    assert play.balance(ALICE, "USD") == (1000, 4000)
    play.days_pass(10)
    assert play.balance(ALICE, "USD") == (5000, 0)
    assert play.rewards(BOB) == []


def test_each_partner_earns_on_his_own_customers(trial_api: Api) -> None:
    play = Play(trial_api, "partner-commission")
    play.invite(ALICE, BOB)
    play.invite(BOB, CAROL)
    play.pay(BOB, 10_000)
    play.pay(CAROL, 5000)
    play.days_pass(30)
    assert (play.balance(ALICE, "USD"), play.balance(BOB, "USD")) == ((2000, 0), (1000, 0))


def test_a_refund_takes_back_the_share_of_its_own_purchase_only(trial_api: Api) -> None:
    play = Play(trial_api, "partner-commission")
    play.invite(ALICE, BOB)
    play.pay(BOB, 10_000, order_id="o-1")
    play.days_pass(1)
    play.pay(BOB, 9999, order_id="o-2")
    play.refund("o-2", in_all_minor=3333)
    assert [left_of(it) for it in play.rewards(ALICE)] == [2000, 1333]
    play.days_pass(40)
    play.refund("o-2", in_all_minor=9999)
    assert [(left_of(it), it["state"]) for it in play.rewards(ALICE)] == [(2000, "available"), (0, "clawed_back")]
    assert play.balance(ALICE, "USD") == (2000, 0)


def test_commission_that_was_paid_out_already_becomes_a_debt(trial_api: Api) -> None:
    play = Play(trial_api, "partner-commission")
    play.invite(ALICE, BOB)
    play.pay(BOB, 10_000, order_id="o-1")
    play.days_pass(31)
    play.spend(ALICE, 2000, "USD")
    play.pay(BOB, 5000)
    play.refund("o-1", in_all_minor=10_000)
    assert play.balance(ALICE, "USD")[0] == -2000


def test_a_first_purchase_sent_back_costs_the_partner_that_commission_but_not_the_customer(trial_api: Api) -> None:
    play = Play(trial_api, "partner-commission")
    referral = play.invite(ALICE, BOB)
    play.pay(BOB, 10_000, order_id="o-1")
    play.days_pass(2)
    play.refund("o-1", in_all_minor=10_000)
    assert play.referral(referral)["state"] == "reversed"
    play.days_pass(2)
    play.pay(BOB, 6000)
    assert play.referral(referral)["state"] == "converted"
    play.days_pass(30)
    assert play.balance(ALICE, "USD") == (1200, 0)
    assert [it["state"] for it in play.rewards(ALICE)] == ["voided", "available"]
