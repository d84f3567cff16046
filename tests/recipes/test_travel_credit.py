"""A lodging invite: 25.00 for both sides on a completed stay of 75.00 or more, 500.00 at most, for a year."""

from __future__ import annotations

from recipes.playing import Play, amount_of, friend, left_of

from builders import Api
from cast import ALICE, BOB, CAROL, Person


def stay(play: Play, guest: Person, amount_minor: int, *, order_id: str | None = None) -> None:
    """A stay that is paid for and comes to its end."""
    play.pay(guest, amount_minor, order_id=order_id)
    play.tell_of(guest, "stay_completed")


def test_both_sides_get_credit_when_a_paid_stay_is_completed(trial_api: Api) -> None:
    play = Play(trial_api, "travel-credit")
    referral = play.invite(ALICE, BOB)
    play.pay(BOB, 8000)
    play.days_pass(200)
    assert (play.rewards(), play.referral(referral)["state"]) == ([], "pending")
    play.tell_of(BOB, "stay_completed")
    assert play.balance(ALICE, "USD") == play.balance(BOB, "USD") == (2500, 0)


def test_a_stay_below_the_minimum_gives_nothing_and_the_next_one_does(trial_api: Api) -> None:
    play = Play(trial_api, "travel-credit")
    play.invite(ALICE, BOB)
    stay(play, BOB, 7499)
    assert play.rewards() == []
    play.days_pass(30)
    stay(play, BOB, 7500)
    assert play.balance(ALICE, "USD") == play.balance(BOB, "USD") == (2500, 0)


def test_a_completion_before_the_payment_does_not_count(trial_api: Api) -> None:
    play = Play(trial_api, "travel-credit")
    play.invite(ALICE, BOB)
    play.tell_of(BOB, "stay_completed")
    play.days_pass(1)
    play.pay(BOB, 9000)
    assert play.rewards() == []
    play.days_pass(1)
    play.tell_of(BOB, "stay_completed")
    assert len(play.rewards()) == 2


def test_a_referrer_earns_500_dollars_in_a_lifetime_and_the_friends_get_theirs_all_the_same(trial_api: Api) -> None:
    play = Play(trial_api, "travel-credit")
    for n in range(1, 22):
        play.invite(ALICE, friend(n))
        stay(play, friend(n), 10_000)
    mine = play.rewards(ALICE)
    assert [amount_of(it) for it in mine] == [2500] * 20 + [0]
    assert (mine[-1]["state"], mine[-1]["reason"]) == ("capped", "cap_reached")
    assert play.balance(ALICE, "USD") == (50_000, 0)
    assert play.balance(friend(21), "USD") == (2500, 0)


def test_the_last_credit_under_the_cap_is_what_still_fits(trial_api: Api) -> None:
    play = Play(trial_api, "travel-credit", rewards__0__cap__amount_minor="6000")
    for n in range(1, 5):
        play.invite(ALICE, friend(n))
        stay(play, friend(n), 10_000)
    assert [amount_of(it) for it in play.rewards(ALICE)] == [2500, 2500, 1000, 0]


def test_credit_expires_after_a_year_and_not_a_day_earlier(trial_api: Api) -> None:
    play = Play(trial_api, "travel-credit")
    play.invite(ALICE, BOB)
    stay(play, BOB, 10_000)
    play.days_pass(100)
    play.invite(ALICE, CAROL)
    stay(play, CAROL, 10_000)
    play.days_pass(264.9)
    assert play.balance(ALICE, "USD") == (5000, 0)
    play.days_pass(0.2)
    assert play.balance(ALICE, "USD") == (2500, 0)
    assert play.states(ALICE)[0] == ("referrer_credit", "expired", "lapsed")
    play.days_pass(100)
    assert play.balance(ALICE, "USD") == (0, 0)


def test_a_stay_that_is_paid_back_in_part_takes_back_in_proportion_and_below_the_minimum_all(trial_api: Api) -> None:
    play = Play(trial_api, "travel-credit")
    play.invite(ALICE, BOB)
    stay(play, BOB, 10_000, order_id="stay-1")
    play.refund("stay-1", in_all_minor=1000)
    assert play.balance(ALICE, "USD") == play.balance(BOB, "USD") == (2250, 0)
    play.refund("stay-1", in_all_minor=2500)
    assert [left_of(it) for it in play.rewards()] == [1875, 1875]
    play.refund("stay-1", in_all_minor=2501)
    assert play.states(ALICE) == [("referrer_credit", "clawed_back", "below_minimum")]
    assert play.balance(BOB, "USD") == (0, 0)


def test_a_cancelled_stay_frees_its_place_under_the_cap(trial_api: Api) -> None:
    play = Play(trial_api, "travel-credit", rewards__0__cap__amount_minor="2500")
    play.invite(ALICE, BOB)
    stay(play, BOB, 10_000, order_id="stay-1")
    play.refund("stay-1", in_all_minor=10_000)
    play.invite(ALICE, CAROL)
    stay(play, CAROL, 10_000)
    assert [(it["state"], amount_of(it)) for it in play.rewards(ALICE)] == [("clawed_back", 2500), ("available", 2500)]
