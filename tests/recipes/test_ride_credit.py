"""A ride-hailing invite: both sides get credit, up to 30.00, once the friend's first trip is paid."""

from __future__ import annotations

from recipes.playing import Play

from builders import Api
from cast import ALICE, BOB, CAROL


def test_both_sides_get_the_fare_of_the_first_paid_trip(trial_api: Api) -> None:
    play = Play(trial_api, "ride-credit")
    play.invite(ALICE, BOB)
    assert play.rewards() == []
    play.pay(BOB, 1800)
    assert [play.balance(person, "USD") for person in (ALICE, BOB)] == [(1800, 0), (1800, 0)]


def test_a_long_trip_gives_thirty_dollars_and_the_second_trip_nothing(trial_api: Api) -> None:
    play = Play(trial_api, "ride-credit")
    play.invite(ALICE, BOB)
    play.pay(BOB, 4550)
    play.days_pass(1)
    play.pay(BOB, 2000)
    assert [play.balance(person, "USD") for person in (ALICE, BOB)] == [(3000, 0), (3000, 0)]


def test_every_friend_counts_and_a_free_trip_does_not(trial_api: Api) -> None:
    play = Play(trial_api, "ride-credit")
    play.invite(ALICE, BOB)
    play.invite(ALICE, CAROL)
    play.pay(BOB, 0)
    assert play.rewards() == []
    play.pay(CAROL, 900)
    play.days_pass(2)
    play.pay(BOB, 1100)
    assert play.balance(ALICE, "USD") == (2000, 0)


def test_a_trip_that_is_paid_back_takes_the_credit_back(trial_api: Api) -> None:
    play = Play(trial_api, "ride-credit")
    play.invite(ALICE, BOB)
    play.pay(BOB, 4500, order_id="trip-1")
    play.refund("trip-1", in_all_minor=2250)
    assert play.balance(ALICE, "USD") == play.balance(BOB, "USD") == (1500, 0)
    play.refund("trip-1", in_all_minor=4500)
    assert play.balance(ALICE, "USD") == play.balance(BOB, "USD") == (0, 0)
    assert play.states(ALICE) == [("referrer_credit", "clawed_back", "refunded")]


def test_credit_that_was_ridden_away_becomes_a_debt_that_the_next_friend_pays(trial_api: Api) -> None:
    play = Play(trial_api, "ride-credit")
    play.invite(ALICE, BOB)
    play.pay(BOB, 2000, order_id="trip-1")
    play.spend(ALICE, 1500, "USD")
    play.refund("trip-1", in_all_minor=2000)
    assert play.balance(ALICE, "USD") == (-1500, 0)
    play.invite(ALICE, CAROL)
    play.pay(CAROL, 2500)
    assert play.balance(ALICE, "USD") == (1000, 0)
