"""What becomes of rewards when something is learnt later that had happened before."""

from __future__ import annotations

from datetime import timedelta
from itertools import permutations

import pytest
from journeys.earned import ANYONE, DAY, TEN_PERCENT, a_dispute, an_event, change_terms, earned, referrals, reward
from journeys.granted import COUPON, coupon_of, granted, redeem

from builders import Api, a_claim, a_code, a_customer, a_program, a_purchase, a_refund, expect, items
from cast import ALICE, BOB, CAROL
from referral_service.journeys.coming_due.run_due import run_due
from referral_service.kit.clock import FixedClock
from referral_service.kit.db.engines import Database

pytestmark = pytest.mark.usefixtures("books_in_order")


def test_takeover_that_the_cap_cuts_is_reversed_in_proportion_to_what_it_got(api: Api, clock: FixedClock) -> None:
    rewards = [reward("thanks", give=TEN_PERCENT, hold_days=14, cap={"amount_minor": 600})]
    a_claim(api, a_code(api, a_program(api, rewards=rewards, eligibility=ANYONE)))
    clock.advance(2 * DAY)
    a_purchase(api, order_id="later", amount_minor=1000)
    # Half of the earlier purchase is back before the purchase itself is told.
    a_refund(api, order_id="earlier", refunded_total_minor=10000)
    a_purchase(api, order_id="earlier", amount_minor=20000, at=clock.now() - DAY)
    assert earned(api) == [("thanks", "pending", None, 600, 300)]
    # Nothing moves when the same is told again.
    a_refund(api, order_id="earlier", refunded_total_minor=10000)
    assert earned(api) == [("thanks", "pending", None, 600, 300)]


def test_amount_cap_holds_through_a_dispute_and_two_takeovers(api: Api, clock: FixedClock) -> None:
    rewards = [reward("thanks", give=TEN_PERCENT, hold_days=30, cap={"amount_minor": 1000})]
    a_claim(api, a_code(api, a_program(api, rewards=rewards, eligibility=ANYONE)))
    clock.advance(3 * DAY)
    a_purchase(api, order_id="third", amount_minor=5000)
    a_dispute(api, "third", "opened")
    a_purchase(api, order_id="second", amount_minor=8000, at=clock.now() - DAY)
    assert earned(api) == [("thanks", "pending", "earlier_purchase", 800, 0)]
    a_dispute(api, "third", "won")
    a_purchase(api, order_id="first", amount_minor=3000, at=clock.now() - 2 * DAY)
    assert earned(api) == [("thanks", "pending", "earlier_purchase", 300, 0)]


def test_offer_that_nobody_accepted_keeps_its_amount_whatever_takes_over(
    api: Api, database: Database, clock: FixedClock
) -> None:
    rewards = [reward("offer", give=TEN_PERCENT, accept_within_days=1), reward("kept", hold_days=50)]
    a_claim(api, a_code(api, a_program(api, rewards=rewards, eligibility=ANYONE)))
    clock.advance(2 * DAY)
    a_purchase(api, order_id="later", amount_minor=1000)
    clock.advance(2 * DAY)
    run_due(database, clock=clock)
    ((_, state, reason, amount, _),) = [it for it in earned(api) if it[0] == "offer"]
    assert (state, reason, amount) == ("expired", "not_accepted", 100)
    a_refund(api, order_id="earlier", refunded_total_minor=10000)
    a_purchase(api, order_id="earlier", amount_minor=20000, at=clock.now() - 3 * DAY)
    ((_, state, reason, amount, back),) = [it for it in earned(api) if it[0] == "offer"]
    assert (state, reason, amount) == ("expired", "not_accepted", 100)
    assert back <= amount


def test_released_repeat_reward_stays_when_its_purchase_becomes_the_conversion(api: Api, clock: FixedClock) -> None:
    rewards = [reward("again", on="repeat_purchase"), reward("thanks")]
    a_claim(api, a_code(api, a_program(api, rewards=rewards, on_refund={"requalify": True})))
    a_purchase(api, order_id="o-1")
    clock.advance(DAY)
    a_purchase(api, order_id="o-2")
    clock.advance(DAY)
    a_refund(api, order_id="o-1")
    assert earned(api) == [
        ("again", "available", "hold_ended", 1000, 0),
        ("thanks", "available", "hold_ended", 1000, 0),
        ("thanks", "clawed_back", "refunded", 1000, 1000),
    ]


def test_lost_dispute_gives_its_place_back_before_the_next_purchase_qualifies(api: Api, clock: FixedClock) -> None:
    rewards = [reward("thanks", hold_days=30, cap={"count": 1})]
    program = a_program(api, rewards=rewards, on_refund={"requalify": True}, budget={"count": 1})
    a_claim(api, a_code(api, program))
    a_purchase(api, order_id="o-1")
    a_dispute(api, "o-1", "opened")
    clock.advance(DAY)
    a_purchase(api, order_id="o-2")
    a_dispute(api, "o-1", "lost")
    assert earned(api) == [
        ("thanks", "pending", None, 1000, 0),
        ("thanks", "voided", "dispute_lost", 1000, 1000),
    ]


def test_repeat_reward_outlives_a_dispute_over_the_conversion_that_is_won(api: Api, clock: FixedClock) -> None:
    rewards = [reward("again", on="repeat_purchase", hold_days=30, cap={"count": 1}), reward("thanks", hold_days=30)]
    a_claim(api, a_code(api, a_program(api, rewards=rewards)))
    a_purchase(api, order_id="o-1")
    clock.advance(DAY)
    a_purchase(api, order_id="o-2")
    a_dispute(api, "o-1", "opened")
    assert {(key, state) for key, state, *_ in earned(api)} == {("again", "voided"), ("thanks", "voided")}
    a_dispute(api, "o-1", "won")
    assert [(key, state) for key, state, *_ in earned(api)] == [("again", "pending"), ("thanks", "pending")]


def test_person_claimed_anew_after_a_rejection_keeps_what_an_event_had_earned(api: Api) -> None:
    rewards = [reward("trip", "referee", on="event:trip"), reward("thanks")]
    program = a_program(api, rewards=rewards)
    referral = a_claim(api, a_code(api, program))
    an_event(api, "trip")
    expect(api.post(f"/v1/referrals/{referral['id']}/reject", {"reason": "mistaken"}), 200)
    again = a_claim(api, a_code(api, program, referrer=CAROL))
    assert (again["state"], again["id"] == referral["id"]) == ("pending", False)
    assert [key for key, *_ in earned(api)] == ["trip"]


def test_event_of_a_rejected_referral_keeps_only_what_was_released(api: Api) -> None:
    rewards = [
        reward("trip", "referee", on="event:trip"),
        reward("held", "referee", on="event:trip", hold_days=5),
        reward("thanks"),
    ]
    referral = a_claim(api, a_code(api, a_program(api, rewards=rewards)))
    an_event(api, "trip")
    expect(api.post(f"/v1/referrals/{referral['id']}/reject", {"reason": "mistaken"}), 200)
    assert [(key, state) for key, state, *_ in earned(api)] == [("held", "voided"), ("trip", "available")]


def test_fact_that_was_counted_without_a_reward_stays_counted_after_a_migration(api: Api) -> None:
    gift = reward("gift", "referee", "claimed")
    program = a_program(api, rewards=[{**gift, "audience": {"plan": "pro"}}, reward("thanks")])
    referral = a_claim(api, a_code(api, program))
    assert earned(api) == []
    version = change_terms(api, program, rewards=[gift, reward("thanks")])
    body = {"to_version": version, "dry_run": False, "reason": "Everybody gets the gift."}
    expect(api.post(f"/v1/programs/{program['id']}/migrations", body), 200)
    assert expect(api.get(f"/v1/referrals/{referral['id']}"), 200)["program_version"] == version
    assert earned(api) == []


def test_person_who_joins_the_audience_later_earns_by_later_purchases_only(api: Api) -> None:
    a_customer(api, BOB)
    own = reward("own", "self", "every_purchase", audience={"plan": "pro"}, limit={"count": 1})
    a_program(api, rewards=[own])
    for order in ("o-1", "o-2"):
        a_purchase(api, order_id=order)
    a_customer(api, BOB, attributes={"plan": "pro"})
    for order in ("o-1", "o-2"):
        a_refund(api, order_id=order, refunded_total_minor=100)
    assert earned(api) == []


def test_waiting_purchases_of_another_audience_earn_nothing_when_they_are_judged_again(
    api: Api, clock: FixedClock
) -> None:
    commission = reward("share", on="every_purchase", audience={"plan": "pro"}, limit={"count": 1})
    program = a_program(api, rewards=[commission], eligibility=ANYONE)
    for n in (1, 2):
        clock.advance(timedelta(hours=1))
        a_purchase(api, order_id=f"o-{n}")
    a_claim(api, a_code(api, program))
    a_customer(api, ALICE, attributes={"plan": "pro"})
    a_refund(api, order_id="o-1", refunded_total_minor=100)
    assert earned(api) == []


def test_purchases_before_the_claim_are_no_repeats_of_a_conversion_by_signup(api: Api, clock: FixedClock) -> None:
    program = a_program(
        api,
        rewards=[reward("again", on="repeat_purchase", give=TEN_PERCENT), reward("thanks")],
        qualification={"steps": [{"key": "join", "event": "signup"}]},
        eligibility=ANYONE,
    )
    for n in range(3):
        a_purchase(api, at=clock.now() - (60 - n) * DAY)
    a_claim(api, a_code(api, program))
    an_event(api, "signup")
    assert [key for key, *_ in earned(api)] == ["thanks"]
    clock.advance(DAY)
    a_purchase(api)
    assert earned(api)[0] == ("again", "available", "hold_ended", 500, 0)


def test_own_purchase_earns_by_the_terms_of_its_day_though_the_newest_know_no_such_reward(
    api: Api, clock: FixedClock
) -> None:
    a_customer(api, BOB)
    program = a_program(api, rewards=[reward("own", "self", "every_purchase"), reward("thanks")])
    clock.advance(DAY)
    bought_at = clock.now()
    clock.advance(DAY)
    change_terms(api, program, rewards=[reward("thanks")])
    a_purchase(api, at=bought_at)
    assert earned(api) == [("own", "available", "hold_ended", 1000, 0)]


def test_coupon_is_there_again_when_the_refund_comes_before_the_order_it_cancels(api: Api) -> None:
    code = granted(api, {**COUPON, "on_order_cancelled": "restore"})["coupon"]["code"]
    redeem(api, code, "o-7")
    a_refund(api, order_id="o-7")
    a_purchase(api, order_id="o-7")
    assert coupon_of(api, code)["state"] == "active"


ARRIVALS = list(permutations(("bought before", "bought", "trip")))


@pytest.mark.parametrize("arrival", ARRIVALS, ids=lambda it: ", ".join(it))
def test_person_who_was_not_new_earns_nothing_in_whatever_order_it_is_learnt(
    api: Api, clock: FixedClock, arrival: tuple[str, ...]
) -> None:
    rewards = [
        reward("welcome", "referee", "claimed", hold_days=80),
        reward("trip", on="event:trip", hold_days=80),
        reward("thanks", hold_days=80),
    ]
    a_claim(api, a_code(api, a_program(api, rewards=rewards, attribution={"late_claim_days": 7})))
    claimed_at = clock.now()
    clock.advance(14 * DAY)
    tell = {
        "bought before": lambda: a_purchase(api, at=claimed_at - 9 * DAY),
        "bought": lambda: a_purchase(api, at=claimed_at + 2 * DAY),
        "trip": lambda: an_event(api, "trip", at=claimed_at + 3 * DAY),
    }
    for fact in arrival:
        tell[fact]()
    ((_, reason),) = referrals(api)
    assert reason == "not_new"
    assert {state for _, state, *_ in earned(api)} == {"voided"}


@pytest.mark.parametrize(("said", "back"), [(["opened"], 550), (["opened", "won"], 50)], ids=["opened", "won"])
def test_dispute_over_one_of_two_counted_purchases_follows_its_end(
    api: Api, clock: FixedClock, said: list[str], back: int
) -> None:
    program = a_program(
        api,
        rewards=[reward("thanks", hold_days=30)],
        qualification={"steps": [{"key": "buy", "event": "purchase", "count": 2}]},
        on_refund={"below_minimum": "proportional"},
    )
    a_claim(api, a_code(api, program))
    a_purchase(api, order_id="o-1")
    clock.advance(DAY)
    a_purchase(api, order_id="o-2")
    a_refund(api, order_id="o-2", refunded_total_minor=500)
    for status in said:
        a_dispute(api, "o-1", status)
    assert [it["reversed"]["amount_minor"] for it in items(api, "/v1/rewards")] == [back]
