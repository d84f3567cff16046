"""Open referrals of a program that was archived or has ended live on until its sunset, and no longer."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text

from builders import Api, a_claim, a_code, a_program, a_purchase, expect, items
from cast import BOB, CAROL, NOON, Person
from referral_service.doctor.run import examine
from referral_service.journeys.coming_due.expire_due import expire_due
from referral_service.journeys.coming_due.run_due import run_due
from referral_service.kit.clock import FixedClock, format_rfc3339
from referral_service.kit.db.engines import Database
from referral_service.tenants.open_app import OpenedApp

DAY, SECOND = timedelta(days=1), timedelta(seconds=1)


def a_program_with_a_sunset(api: Api, days: int = 10, **terms: Any) -> Any:
    return a_program(api, schedule={"sunset_days": days}, **terms)


def archive(api: Api, program: Any) -> None:
    expect(api.post(f"/v1/programs/{program['id']}/archive"), 200)


def shown(api: Api, referral: Any) -> tuple[str, str | None]:
    found = expect(api.get(f"/v1/referrals/{referral['id']}"), 200)
    return found["state"], found["reason"]


def wrong(database: Database, clock: FixedClock) -> list[str]:
    """What the doctor finds; not I15, which says only that the tests' PostgreSQL is set up to forget."""
    report = database.read(lambda session: examine(session, settings=None, now=clock.now()))
    return [f"{one.object_id} {one.says}" for it in report.checks if it.invariant != "I15" for one in it.violations]


def test_open_referrals_of_an_archived_program_expire_after_its_sunset(
    api: Api, database: Database, clock: FixedClock
) -> None:
    program = a_program_with_a_sunset(api)
    referral = a_claim(api, a_code(api, program))
    clock.advance(DAY)
    archive(api, program)
    clock.advance(10 * DAY)
    # At the very moment it is still open, and nobody is looked after for nothing.
    assert run_due(database, clock=clock) == 0
    assert shown(api, referral) == ("pending", None)
    clock.advance(timedelta(microseconds=1))
    assert run_due(database, clock=clock) == 1
    assert shown(api, referral) == ("expired", "sunset")
    found = expect(api.get(f"/v1/referrals/{referral['id']}"), 200)
    assert found["expires_at"] == format_rfc3339(NOON + 11 * DAY)
    assert run_due(database, clock=clock) == 0
    assert wrong(database, clock) == []


def test_a_deadline_before_the_sunset_is_the_reason_that_is_told(
    api: Api, database: Database, clock: FixedClock
) -> None:
    program = a_program_with_a_sunset(api, qualification={"within_days": 5})
    referral = a_claim(api, a_code(api, program))
    archive(api, program)
    clock.advance(20 * DAY)
    run_due(database, clock=clock)
    assert shown(api, referral) == ("expired", "deadline_passed")


def test_a_sunset_before_the_deadline_is_the_reason_that_is_told_however_late_the_worker_comes(
    api: Api, database: Database, clock: FixedClock
) -> None:
    program = a_program_with_a_sunset(api, qualification={"within_days": 15})
    referral = a_claim(api, a_code(api, program))
    archive(api, program)
    clock.advance(20 * DAY)
    run_due(database, clock=clock)
    assert shown(api, referral) == ("expired", "sunset")


def test_a_program_that_has_ended_has_its_sunset_too(api: Api, database: Database, clock: FixedClock) -> None:
    program = a_program_with_a_sunset(api, days=3)
    referral = a_claim(api, a_code(api, program))
    end = text("UPDATE programs SET status = 'ended', ended_at = archived_at, archived_at = NULL WHERE id = :id")
    archive(api, program)
    database.transact(lambda session: session.execute(end, {"id": program["id"]}))
    clock.advance(3 * DAY)
    assert run_due(database, clock=clock) == 0
    clock.advance(SECOND)
    assert run_due(database, clock=clock) == 1
    assert shown(api, referral) == ("expired", "sunset")


def test_paused_programs_and_others_have_no_sunset(api: Api, database: Database, clock: FixedClock) -> None:
    paused, archived = a_program_with_a_sunset(api, days=0), a_program_with_a_sunset(api, days=0)
    waiting = a_claim(api, a_code(api, paused))
    ended = a_claim(api, a_code(api, archived))
    expect(api.post(f"/v1/programs/{paused['id']}/pause"), 200)
    archive(api, archived)
    clock.advance(DAY)
    assert run_due(database, clock=clock) == 1
    assert (shown(api, waiting), shown(api, ended)) == (("pending", None), ("expired", "sunset"))


def test_the_newest_version_says_how_long_the_sunset_is(api: Api, database: Database, clock: FixedClock) -> None:
    program = a_program_with_a_sunset(api, days=10)
    referral = a_claim(api, a_code(api, program))
    terms = {**program["terms"], "schedule": {"sunset_days": 2}}
    expect(api.patch(f"/v1/programs/{program['id']}", {"terms": terms}), 200)
    archive(api, program)
    clock.advance(2 * DAY + SECOND)
    run_due(database, clock=clock)
    assert shown(api, referral) == ("expired", "sunset")


def expired_by_its_sunset(api: Api, database: Database, clock: FixedClock) -> tuple[Any, datetime]:
    """A referral that its program's sunset has just ended, long before its deadline; and that moment."""
    program = a_program_with_a_sunset(api)
    referral = a_claim(api, a_code(api, program))
    archive(api, program)
    clock.advance(10 * DAY + SECOND)
    assert run_due(database, clock=clock) == 1
    return referral, NOON + 10 * DAY


def test_a_purchase_before_the_sunset_that_is_told_within_seven_days_converts(
    api: Api, database: Database, clock: FixedClock
) -> None:
    referral, sunset_at = expired_by_its_sunset(api, database, clock)
    clock.advance(7 * DAY - SECOND)
    assert a_purchase(api, at=sunset_at)["outcome"] == "converted"
    assert shown(api, referral) == ("converted", None)
    assert wrong(database, clock) == []


def test_a_purchase_before_the_sunset_that_is_told_later_converts_nothing(
    api: Api, database: Database, clock: FixedClock
) -> None:
    referral, sunset_at = expired_by_its_sunset(api, database, clock)
    clock.advance(7 * DAY)
    assert a_purchase(api, at=sunset_at)["outcome"] != "converted"
    assert shown(api, referral) == ("expired", "sunset")


def test_a_purchase_after_the_sunset_converts_nothing_though_the_deadline_lay_beyond(
    api: Api, database: Database, clock: FixedClock
) -> None:
    referral, sunset_at = expired_by_its_sunset(api, database, clock)
    clock.advance(SECOND)
    assert a_purchase(api, at=sunset_at + SECOND)["outcome"] != "converted"
    assert shown(api, referral) == ("expired", "sunset")


def test_a_sunset_of_no_days_ends_a_claim_of_the_same_moment(api: Api, database: Database, clock: FixedClock) -> None:
    program = a_program_with_a_sunset(api, days=0)
    # The app's clock is a little ahead of ours.
    referral = a_claim(api, a_code(api, program), occurred_at=format_rfc3339(api.now() + 30 * SECOND))
    archive(api, program)
    clock.advance(SECOND)
    assert run_due(database, clock=clock) == 1
    assert shown(api, referral) == ("expired", "sunset")
    assert wrong(database, clock) == []


def test_many_referrals_are_expired_a_bounded_number_at_a_time(
    api: Api, tenant: OpenedApp, database: Database, clock: FixedClock
) -> None:
    program = a_program_with_a_sunset(api, days=1)
    code = a_code(api, program)
    for n in range(5):
        a_claim(api, code, referee=Person(f"bob-{n}", f"bob-{n}@example.com", "Bob"))
    archive(api, program)
    clock.advance(2 * DAY)

    def step() -> int:
        app_id = tenant.tenant.app_id
        return database.transact(lambda session: expire_due(session, app_id=app_id, now=clock.now(), limit=2))

    assert [step() for _ in range(4)] == [2, 2, 1, 0]
    assert {row["reason"] for row in items(api, "/v1/referrals")} == {"sunset"}


def test_advancing_a_test_apps_clock_brings_the_sunset_about(trial_api: Api) -> None:
    api = trial_api
    program = a_program_with_a_sunset(api, days=2)
    code = a_code(api, program)
    for referee in (BOB, CAROL):
        a_claim(api, code, referee=referee)
    archive(api, program)
    expect(api.post("/v1/test-clock/advance", {"seconds": 3 * 86400}), 200)
    assert [(row["state"], row["reason"]) for row in items(api, "/v1/referrals")] == [("expired", "sunset")] * 2
