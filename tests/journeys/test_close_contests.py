"""A contest closes when its schedule says so, and the first ranks get their prizes once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from threading import Barrier, Event, Thread
from time import sleep

import pytest
from journeys.contests import DAVE, DAY, END, PRIZES, Contest, credit
from sqlalchemy import text
from sqlalchemy.orm import Session

from builders import Api, a_claim, a_code, a_customer, a_program, a_purchase, a_refund, expect, items
from cast import ALICE, BOB, CAROL, MALLORY, NOON, Person
from referral_service.journeys.coming_due.close_contests import close_due, winners
from referral_service.journeys.coming_due.run_due import run_due
from referral_service.kit.clock import FixedClock, format_rfc3339
from referral_service.kit.db.engines import Database
from referral_service.programs.terms.document import Credit, Prize
from referral_service.tenants.open_app import OpenedApp


@pytest.fixture
def contest(database: Database, api: Api, clock: FixedClock, tenant: OpenedApp) -> Contest:
    return Contest(database, api, clock, tenant.tenant.app_id)


@pytest.fixture
def another(database: Database, api: Api, clock: FixedClock, tenant: OpenedApp) -> Callable[..., Contest]:
    return lambda **terms: Contest(database, api, clock, tenant.tenant.app_id, **terms)


def test_the_first_three_get_their_prizes_at_the_end(contest: Contest) -> None:
    for person, friends in ((ALICE, 1), (BOB, 4), (CAROL, 2), (DAVE, 3)):
        contest.brings(person, friends)
    contest.until(END - timedelta(seconds=1))
    assert (contest.read()["status"], contest.prizes()) == ("active", {})

    contest.until(END)

    assert contest.read()["status"] == "ended"
    assert contest.prizes() == {
        "bob": (50000, "available"),
        "dave": (25000, "available"),
        "carol": (10000, "available"),
    }
    assert contest.available(BOB) == 50000
    contest.is_in_order()


def test_equal_numbers_share_the_better_prize_and_the_next_one_skips(contest: Contest) -> None:
    for person, friends in ((ALICE, 2), (BOB, 2), (CAROL, 1)):
        contest.brings(person, friends)

    contest.until(END)

    assert {name: amount for name, (amount, _) in contest.prizes().items()} == {
        "alice": 50000,
        "bob": 50000,
        "carol": 10000,
    }
    contest.is_in_order()


def test_all_who_share_the_last_rank_get_its_prize(contest: Contest) -> None:
    for person, friends in ((ALICE, 3), (BOB, 2), (CAROL, 1), (DAVE, 1), (MALLORY, 1)):
        contest.brings(person, friends)

    contest.until(END)

    assert {name: amount for name, (amount, _) in contest.prizes().items()} == {
        "alice": 50000,
        "bob": 25000,
        "carol": 10000,
        "dave": 10000,
        "mallory": 10000,
    }


def test_a_rank_without_a_prize_gets_none(another: Callable[..., Contest]) -> None:
    contest = another(prizes=[credit(2, 700)])
    for person, friends in ((ALICE, 3), (BOB, 2), (CAROL, 1)):
        contest.brings(person, friends)

    contest.until(END)

    assert contest.prizes() == {"bob": (700, "available")}


def test_a_contest_that_nobody_won_ends_all_the_same(contest: Contest) -> None:
    contest.until(END)

    assert contest.read()["status"] == "ended"
    assert contest.prizes() == {}


def test_the_prizes_are_given_once_however_often_the_worker_comes(contest: Contest) -> None:
    contest.brings(ALICE, 1)
    assert contest.until(END) > 0
    before = contest.prizes()

    assert contest.until(END + DAY) == 0

    assert contest.prizes() == before
    assert contest.available(ALICE) == 50000


def test_a_program_ended_when_its_schedule_said_however_late_the_worker_comes(contest: Contest) -> None:
    contest.until(END - DAY)
    contest.brings(ALICE, 1)
    contest.clock.advance(3 * DAY)

    assert run_due(contest.database, clock=contest.clock) > 0

    found = contest.read()
    assert (found["status"], found["ended_at"]) == ("ended", format_rfc3339(END))
    query = text("SELECT actor, action FROM audit_log WHERE object_id = :id ORDER BY id DESC LIMIT 1")
    said = contest.database.read(lambda session: session.execute(query, {"id": found["id"]}).one())
    assert tuple(said) == ("worker", "program.ended")


def test_what_happened_after_the_end_does_not_count_though_the_worker_comes_later(contest: Contest) -> None:
    contest.brings(ALICE, 2)
    contest.brings(BOB, 1)
    a_customer(contest.api, CAROL)
    code = a_code(contest.api, contest.program, referrer=BOB)
    friends = [Person(f"late{n}", f"late{n}@example.com", "Late") for n in range(3)]
    for friend in friends:
        a_claim(contest.api, code, referee=friend)
    contest.clock.advance(END - contest.clock.now() + DAY)
    # They convert, for they were claimed in time; they come too late for the prize.
    for friend in friends:
        assert a_purchase(contest.api, customer=friend)["outcome"] == "converted"

    run_due(contest.database, clock=contest.clock)

    assert {name: amount for name, (amount, _) in contest.prizes().items()} == {"alice": 50000, "bob": 25000}
    contest.is_in_order()


def test_what_happened_in_time_counts_though_it_is_told_late(contest: Contest) -> None:
    contest.brings(ALICE, 1)
    contest.clock.advance(END - contest.clock.now() - DAY)
    code = a_code(contest.api, contest.program, referrer=BOB)
    for friend in (CAROL, DAVE):
        a_claim(contest.api, code, referee=friend)
    contest.clock.advance(2 * DAY)
    a_purchase(contest.api, customer=CAROL, at=END)
    a_purchase(contest.api, customer=DAVE, at=END - DAY)

    run_due(contest.database, clock=contest.clock)

    assert contest.prizes()["bob"] == (50000, "available")


def test_what_was_reversed_by_then_does_not_count_and_a_later_refund_changes_nothing(contest: Contest) -> None:
    contest.brings(ALICE, 2)
    contest.brings(BOB, 1)
    for order in ("o-f1", "o-f2"):
        a_refund(contest.api, order_id=order)

    contest.until(END)
    a_refund(contest.api, order_id="o-f3")

    assert contest.prizes() == {"bob": (50000, "available")}
    contest.is_in_order()


def test_who_was_erased_takes_no_rank(contest: Contest) -> None:
    contest.brings(ALICE, 3)
    contest.brings(BOB, 2)
    contest.brings(CAROL, 1)
    expect(contest.api.delete("/v1/customers/alice"), 200, 204)

    contest.until(END)

    assert {name: amount for name, (amount, _) in contest.prizes().items()} == {"bob": 50000, "carol": 25000}
    contest.is_in_order()


def test_who_does_not_want_to_be_shown_wins_all_the_same(contest: Contest) -> None:
    contest.brings(ALICE, 1)
    a_customer(contest.api, ALICE, leaderboard_opt_in=False)

    contest.until(END)

    assert contest.prizes() == {"alice": (50000, "available")}


def test_a_paused_program_ends_too_and_a_draft_or_an_archived_one_does_not(
    another: Callable[..., Contest], api: Api
) -> None:
    paused, archived = another(), another()
    draft = a_program(api, activate=False, prizes=PRIZES, schedule={"ends_at": format_rfc3339(END)})
    for contest in (paused, archived):
        contest.brings(ALICE, 1)
    expect(api.post(f"/v1/programs/{paused.program['id']}/pause"), 200)
    expect(api.post(f"/v1/programs/{archived.program['id']}/archive"), 200)

    paused.until(END)

    assert paused.read()["status"] == "ended"
    assert archived.read()["status"] == "archived"
    assert expect(api.get(f"/v1/programs/{draft['id']}"), 200)["status"] == "draft"
    assert (len(paused.prizes()), archived.prizes()) == (1, {})


def test_the_newest_version_says_when_it_ends_and_what_is_won(contest: Contest) -> None:
    contest.brings(ALICE, 1)
    terms = {
        "currency": "USD",
        "rewards": [],
        "prizes": [credit(1, 77)],
        "schedule": {"ends_at": format_rfc3339(END + 5 * DAY)},
    }
    expect(contest.api.patch(f"/v1/programs/{contest.program['id']}", {"terms": terms}), 200)
    contest.until(END)
    assert contest.read()["status"] == "active"

    contest.until(END + 5 * DAY)

    assert contest.prizes() == {"alice": (77, "available")}


def test_after_the_end_there_are_no_new_codes_and_open_referrals_live_until_the_sunset(contest: Contest) -> None:
    a_customer(contest.api, ALICE)
    code = a_code(contest.api, contest.program, referrer=ALICE)
    claimed = a_claim(contest.api, code, referee=BOB)
    contest.until(END)

    refused = contest.api.post("/v1/referrals", {"code": code["code"], "referee": CAROL.document()})

    assert refused.json["code"] == "program_not_active"
    assert expect(contest.api.get(f"/v1/referrals/{claimed['id']}"), 200)["state"] == "pending"


def test_a_prize_that_the_budget_does_not_hold_is_recorded_as_capped(another: Callable[..., Contest]) -> None:
    contest = another(budget={"amount_minor": 60000})
    contest.brings(ALICE, 2)
    contest.brings(BOB, 1)
    contest.brings(CAROL, 1)

    contest.until(END)

    found = contest.prizes()
    assert found["alice"] == (50000, "available")
    assert sorted(found[name] for name in ("bob", "carol")) == [(0, "capped"), (10000, "available")]
    contest.is_in_order()


def test_points_quotas_coupons_and_custom_prizes_are_given_too(another: Callable[..., Contest]) -> None:
    gives = [
        {"kind": "points", "quantity": 500},
        {"kind": "quota", "quantity": 50, "unit": "MB"},
        {"kind": "coupon", "percent_off": "50.00", "valid_days": 30},
        {"kind": "custom", "data": {"what": "a T-shirt"}},
    ]
    contest = another(prizes=[{"rank": n, "give": give} for n, give in enumerate(gives, start=1)])
    for person, friends in ((ALICE, 4), (BOB, 3), (CAROL, 2), (DAVE, 1)):
        contest.brings(person, friends)

    contest.until(END)

    found = items(contest.api, "/v1/rewards", program_id=contest.program["id"])
    assert {(it["customer_id"], it["kind"], it["state"]) for it in found} == {
        ("alice", "points", "available"),
        ("bob", "quota", "available"),
        ("carol", "coupon", "available"),
        ("dave", "custom", "available"),
    }
    contest.is_in_order()


def test_two_workers_at_once_give_the_prizes_once(contest: Contest) -> None:
    contest.brings(ALICE, 2)
    contest.brings(BOB, 1)
    contest.clock.advance(END - contest.clock.now())
    start, done = Barrier(4), []

    def work() -> None:
        start.wait()
        now = contest.clock.now()
        done.append(contest.database.transact(lambda session: close_due(session, app_id=contest.app_id, now=now)))

    threads = [Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(done) == [0, 0, 0, 1]
    assert contest.prizes() == {"alice": (50000, "available"), "bob": (25000, "available")}
    contest.is_in_order()


def test_who_is_erased_while_the_contest_closes_makes_room_for_the_next(contest: Contest) -> None:
    contest.brings(ALICE, 2)
    contest.brings(BOB, 1)
    contest.clock.advance(END - contest.clock.now())
    under_way, closing = Event(), Event()

    def erase(session: Session) -> None:
        said = "UPDATE customers SET erased_at = :now, external_id = NULL WHERE external_id = 'alice'"
        session.execute(text(said), {"now": "2026-03-31 12:00:00.000000"})
        under_way.set()
        assert closing.wait(30)
        # Long enough for the other to have read who is first, and to wait for her row.
        sleep(0.3)

    def close() -> None:
        assert under_way.wait(30)
        closing.set()
        contest.database.transact(lambda session: close_due(session, app_id=contest.app_id, now=contest.clock.now()))

    closer = Thread(target=close)
    closer.start()
    contest.database.transact(erase)
    closer.join()

    assert contest.prizes() == {"bob": (50000, "available")}


def test_moving_a_test_apps_clock_closes_its_contest_before_the_answer(
    database: Database, trial_api: Api, trial_tenant: OpenedApp, clock: FixedClock
) -> None:
    contest = Contest(database, trial_api, clock, trial_tenant.tenant.app_id)
    contest.brings(ALICE, 1)

    expect(trial_api.post("/v1/test-clock/advance", {"to": format_rfc3339(END)}), 200)

    assert contest.read()["status"] == "ended"
    assert contest.available(ALICE) == 50000


def test_an_app_ends_its_programs_by_its_own_number(contest: Contest, trial_api: Api, trial_tenant: OpenedApp) -> None:
    theirs = Contest(contest.database, trial_api, contest.clock, trial_tenant.tenant.app_id)
    contest.clock.advance(END - contest.clock.now())

    def close(session: Session) -> int:
        return close_due(session, app_id=contest.app_id, now=contest.clock.now(), limit=10)

    assert contest.database.transact(close) == 1
    assert (contest.read()["status"], theirs.read()["status"]) == ("ended", "active")


def test_winners_are_ranked_among_all_by_what_stood_at_the_end(contest: Contest) -> None:
    for person, friends in ((ALICE, 1), (BOB, 2), (CAROL, 1)):
        contest.brings(person, friends)

    def found(*ranks: int, ends_at: datetime = END) -> list[int]:
        def ranked(session: Session) -> list[int]:
            return [
                winner.rank
                for winner in winners(
                    session,
                    app_id=contest.app_id,
                    program_id=contest.program["id"],
                    prizes=[Prize(rank, Credit(1)) for rank in ranks],
                    ends_at=ends_at,
                )
            ]

        return contest.database.transact(ranked)

    assert found(1, 2, 3) == [1, 2, 2]
    assert found(3) == []
    assert found(2) == [2, 2]
    assert found(1, 2, 3, ends_at=NOON - DAY) == []
