"""Budgets, limits, the sunset and erasure hold whatever comes between, and in whatever order."""

from __future__ import annotations

import pytest
from journeys.earned import (
    ANYONE,
    DAY,
    TEN_PERCENT,
    a_dispute,
    an_event,
    archive,
    change_terms,
    earned,
    erase,
    referrals,
    reward,
    rows,
)

from builders import Api, a_claim, a_code, a_program, a_purchase, expect, items
from cast import ALICE, BOB, CAROL, Person
from referral_service.journeys.coming_due.run_due import run_due
from referral_service.kit.clock import FixedClock
from referral_service.kit.db.engines import Database
from referral_service.kit.money import AMOUNT_MINOR_MAX

pytestmark = pytest.mark.usefixtures("books_in_order")

HOUR = DAY / 24
# What a claim sets aside of it: both sides' rewards, 1500.
RESERVING = {"amount_minor": 2000, "reserve": "claimed"}


def used(database: Database) -> int:
    """How much of the one program's budget is granted or set aside."""
    ((used_minor,),) = rows(database, "SELECT used_minor FROM budgets")
    return int(used_minor)


def test_takeover_keeps_its_own_part_of_a_budget_that_was_lowered(api: Api, clock: FixedClock) -> None:
    rewards = [reward("thanks", give=TEN_PERCENT, hold_days=14)]
    program = a_program(api, rewards=rewards, budget={"amount_minor": 5000}, eligibility=ANYONE)
    code = a_code(api, program)
    for person in (BOB, CAROL):
        a_claim(api, code, referee=person)
    clock.advance(2 * DAY)
    a_purchase(api, amount_minor=20000, customer=CAROL)
    a_purchase(api, amount_minor=5000)
    change_terms(api, program, budget={"amount_minor": 1000})
    a_purchase(api, amount_minor=6000, at=clock.now() - DAY)
    assert earned(api) == [("thanks", "pending", None, 500, 0), ("thanks", "pending", None, 2000, 0)]


def test_what_weighs_nothing_is_granted_though_the_budget_is_overdrawn(api: Api) -> None:
    points = reward("points", give={"kind": "points", "quantity": 5})
    program = a_program(api, rewards=[reward("thanks"), points], budget={"amount_minor": 5000})
    code = a_code(api, program)
    for person in (BOB, CAROL):
        a_claim(api, code, referee=person)
    a_purchase(api, customer=CAROL)
    change_terms(api, program, budget={"amount_minor": 500})
    a_purchase(api)
    assert [(key, state) for key, state, *_ in earned(api)] == [
        ("points", "available"),
        ("points", "available"),
        ("thanks", "available"),
        ("thanks", "capped"),
    ]


def test_each_level_of_a_budget_is_told_once_though_smaller_rewards_still_fit(
    api: Api, database: Database, clock: FixedClock
) -> None:
    rewards = [
        reward("mug", "referee", give={"kind": "custom", "data": {}}, value_minor=300),
        reward("cent", on="repeat_purchase", give={"kind": "credit", "amount_minor": 1}),
    ]
    program = a_program(api, rewards=rewards, budget={"amount_minor": 1000}, eligibility=ANYONE)
    code = a_code(api, program)
    for n in range(6):
        person = Person(f"bob-{n}", f"bob-{n}@example.com", "Bob")
        a_claim(api, code, referee=person)
        a_purchase(api, customer=person)
        clock.advance(HOUR)
        a_purchase(api, customer=person)
    told = rows(database, "SELECT type FROM notifications WHERE type LIKE 'program.budget%' ORDER BY sequence")
    assert told == [("program.budget_low",), ("program.budget_exhausted",)]


def test_what_was_set_aside_for_a_referral_that_ended_without_a_budget_does_not_come_back_with_one(
    api: Api, database: Database, clock: FixedClock
) -> None:
    program = a_program(api, budget=RESERVING)
    a_claim(api, a_code(api, program))
    change_terms(api, program, budget={})
    clock.advance(100 * DAY)
    run_due(database, clock=clock)
    change_terms(api, program, budget=RESERVING)
    a_claim(api, a_code(api, program), referee=CAROL)
    assert used(database) == 1500


def test_what_was_set_aside_is_free_again_after_the_sunset(api: Api, database: Database, clock: FixedClock) -> None:
    program = a_program(api, budget=RESERVING, schedule={"sunset_days": 1})
    a_claim(api, a_code(api, program))
    assert used(database) == 1500
    archive(api, program)
    clock.advance(3 * DAY)
    run_due(database, clock=clock)
    assert rows(database, "SELECT used_minor, used_count FROM budgets") == [(0, 0)]


def test_migration_sets_aside_what_the_new_terms_reserve_and_a_dry_run_nothing(api: Api, database: Database) -> None:
    program = a_program(api)
    a_claim(api, a_code(api, program))
    version = change_terms(api, program, budget=RESERVING)
    for is_dry, expected in ((True, 0), (False, 1500)):
        body = {"to_version": version, "dry_run": is_dry, "reason": "A budget for all."}
        expect(api.post(f"/v1/programs/{program['id']}/migrations", body), 200)
        assert used(database) == expected
    a_purchase(api)
    assert used(database) == 1500


def test_limit_counts_the_same_facts_of_every_second_purchase_at_once_or_one_by_one(
    api: Api, clock: FixedClock
) -> None:
    share = reward("share", on="every_purchase", every=2, limit={"count": 2})
    program = a_program(api, rewards=[share], eligibility=ANYONE, attribution={"late_claim_days": 7})
    code = a_code(api, program)
    a_claim(api, code)
    for _ in range(4):
        clock.advance(HOUR)
        a_purchase(api)
    one_by_one = len(earned(api))
    assert one_by_one > 0
    for _ in range(4):
        clock.advance(HOUR)
        a_purchase(api, customer=CAROL)
    a_claim(api, code, referee=CAROL)
    assert len(earned(api)) == 2 * one_by_one


def test_erasure_frees_what_the_claim_had_set_aside(api: Api, database: Database) -> None:
    a_claim(api, a_code(api, a_program(api, budget=RESERVING)))
    assert used(database) == 1500
    erase(api, BOB)
    assert used(database) == 0


def test_erased_referrer_earns_nothing_by_a_referral_that_the_erasure_ended(api: Api, clock: FixedClock) -> None:
    a_claim(api, a_code(api, a_program(api, rewards=[reward("trip", on="event:trip"), reward("thanks")])))
    erase(api, ALICE)
    clock.advance(DAY)
    an_event(api, "trip")
    assert earned(api) == []


def test_erased_referrer_earns_no_further_commission(api: Api, clock: FixedClock) -> None:
    a_claim(api, a_code(api, a_program(api, rewards=[reward("share", on="every_purchase", give=TEN_PERCENT)])))
    a_purchase(api)
    erase(api, ALICE)
    clock.advance(DAY)
    a_purchase(api)
    assert len(earned(api)) == 1


def test_offer_to_a_person_who_was_erased_does_not_come_back_with_a_dispute_that_is_won(api: Api) -> None:
    rewards = [
        reward("thanks", accept_within_days=5, cap={"count": 1}),
        reward("welcome", "referee", accept_within_days=5),
    ]
    a_claim(api, a_code(api, a_program(api, rewards=rewards, budget={"amount_minor": 5000})))
    a_purchase(api, order_id="o-1")
    erase(api, ALICE)
    after_erasure = earned(api)
    assert [(key, state) for key, state, *_ in after_erasure] == [("thanks", "voided"), ("welcome", "offered")]
    a_dispute(api, "o-1", "opened")
    a_dispute(api, "o-1", "won")
    assert earned(api) == after_erasure


def test_purchase_after_the_sunset_converts_nothing_though_the_worker_is_late(
    api: Api, database: Database, clock: FixedClock
) -> None:
    program = a_program(api, schedule={"sunset_days": 10})
    a_claim(api, a_code(api, program))
    archive(api, program)
    clock.advance(11 * DAY)
    a_purchase(api)
    run_due(database, clock=clock)
    assert referrals(api) == [("expired", "sunset")]


def test_event_after_the_sunset_earns_nothing_and_one_before_it_keeps_its_reward(
    api: Api, database: Database, clock: FixedClock
) -> None:
    rewards = [reward("trip", on="event:trip", hold_days=30), reward("thanks")]
    program = a_program(api, rewards=rewards, schedule={"sunset_days": 10})
    a_claim(api, a_code(api, program))
    clock.advance(5 * DAY)
    an_event(api, "trip", "1")
    archive(api, program)
    clock.advance(11 * DAY)
    run_due(database, clock=clock)
    clock.advance(DAY)
    an_event(api, "trip", "2")
    assert earned(api) == [("trip", "pending", None, 1000, 0)]


@pytest.mark.parametrize("arrival", [(0, 10, 39), (10, 39, 0)], ids=str)
def test_months_limit_leaves_the_same_standing_in_either_order(
    api: Api, clock: FixedClock, arrival: tuple[int, ...]
) -> None:
    rewards = [
        reward("again", on="repeat_purchase", hold_days=60, limit={"months": 1}),
        reward("thanks", hold_days=60),
    ]
    a_claim(api, a_code(api, a_program(api, rewards=rewards, eligibility=ANYONE)))
    start = clock.now()
    clock.advance(40 * DAY)
    for day in arrival:
        a_purchase(api, at=start + day * DAY)
    assert [it for it in earned(api) if it[1] != "voided"] == [
        ("again", "pending", None, 1000, 0),
        ("thanks", "pending", None, 1000, 0),
    ]
    (standing,) = [it for it in items(api, "/v1/rewards") if (it["key"], it["state"]) == ("again", "pending")]
    assert standing["hold_ends_at"].startswith("2026-05-10")


def test_points_for_every_cent_of_a_huge_purchase_are_bounded(api: Api) -> None:
    give = {"kind": "points", "quantity": 10**9, "per_minor": 1}
    a_claim(api, a_code(api, a_program(api, rewards=[reward("points", give=give)])))
    assert a_purchase(api, amount_minor=AMOUNT_MINOR_MAX)["outcome"] == "converted"
    ((_, state, _, quantity, _),) = earned(api)
    assert (state, quantity) == ("available", AMOUNT_MINOR_MAX)
