"""When a program takes codes and claims: from the start to the end of its newest schedule, both included."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from builders import Api, a_claim, a_code, a_program, a_purchase, both_sides, expect, items, purchase_body
from cast import BOB, NOON
from referral_service.kit.clock import FixedClock, format_rfc3339
from referral_service.kit.db.engines import Database

DAY = timedelta(days=1)


def schedule(**times: datetime) -> dict[str, Any]:
    return {"schedule": {name: format_rfc3339(at) for name, at in times.items()}}


def reschedule(api: Api, program: Any, **times: datetime) -> None:
    terms = {**program["terms"], **schedule(**times)}
    expect(api.patch(f"/v1/programs/{program['id']}", {"terms": terms}), 200)


def ask_for_a_code(api: Api, program: Any, customer_id: str = "alice") -> Any:
    return api.post(f"/v1/programs/{program['id']}/codes", {"customer_id": customer_id})


def claim(api: Api, code: Any, **more: Any) -> Any:
    return api.post("/v1/referrals", {"code": code["code"], "referee": BOB.document(), **more})


def test_no_code_before_the_start_and_one_from_its_very_moment_on(api: Api, clock: FixedClock) -> None:
    program = a_program(api, **schedule(starts_at=NOON + DAY))
    problem = expect(ask_for_a_code(api, program), 409)
    assert (problem["code"], problem["starts_at"]) == ("program_not_started", "2026-03-02T12:00:00Z")
    assert items(api, "/v1/referrals") == []
    clock.advance(DAY)
    expect(ask_for_a_code(api, program), 201)


def test_no_claim_before_the_start_and_nothing_of_it_is_kept(api: Api, clock: FixedClock) -> None:
    program = a_program(api)
    code = a_code(api, program)
    reschedule(api, program, starts_at=NOON + DAY)
    assert expect(claim(api, code), 409)["code"] == "program_not_started"
    assert items(api, "/v1/referrals") == []
    clock.advance(DAY)
    # It is the time of the claim that counts, not of its message.
    earlier = format_rfc3339(NOON + DAY - timedelta(seconds=1))
    assert expect(claim(api, code, occurred_at=earlier), 409)["code"] == "program_not_started"
    expect(claim(api, code, occurred_at=format_rfc3339(NOON + DAY)), 201)


def test_a_purchase_with_a_code_before_the_start_is_parked_and_claims_nothing(api: Api) -> None:
    program = a_program(api)
    code = a_code(api, program)
    reschedule(api, program, starts_at=NOON + DAY)
    answer = expect(api.post("/v1/events", purchase_body(at=api.now(), code=code["code"])), 201)
    assert (answer["outcome"], answer["reason"]) == ("parked", "program_not_started")
    assert items(api, "/v1/referrals") == []


def test_no_code_and_no_claim_after_the_end(api: Api, clock: FixedClock) -> None:
    program = a_program(api, **schedule(ends_at=NOON + DAY))
    code = a_code(api, program)
    clock.advance(DAY)
    expect(ask_for_a_code(api, program, "carol"), 201)
    clock.advance(timedelta(microseconds=1))
    assert ask_for_a_code(api, program, "dave").json["code"] == "program_not_active"
    assert claim(api, code).json["code"] == "program_not_active"
    # Neither one that was made in time: so it is as well once the program has been ended.
    assert claim(api, code, occurred_at=format_rfc3339(NOON)).json["code"] == "program_not_active"
    assert items(api, "/v1/referrals") == []


def test_a_code_says_whether_its_program_takes_claims_now(api: Api, clock: FixedClock) -> None:
    program = a_program(api)
    code = a_code(api, program)
    reschedule(api, program, starts_at=NOON + DAY, ends_at=NOON + 2 * DAY)

    def checked() -> tuple[bool, str | None]:
        found = expect(api.get(f"/v1/codes/{code['code']}"), 200)
        return found["valid"], found["reason"]

    assert checked() == (False, "program_not_started")
    clock.advance(DAY)
    assert checked() == (True, None)
    clock.advance(DAY)
    assert checked() == (True, None)
    clock.advance(timedelta(seconds=1))
    assert checked() == (False, "program_not_active")


def test_a_purchase_after_the_end_still_converts_an_open_referral(api: Api, clock: FixedClock) -> None:
    a_claim(api, a_code(api, a_program(api, **schedule(ends_at=NOON + DAY))))
    clock.advance(2 * DAY)
    assert a_purchase(api)["outcome"] == "converted"


def test_the_newest_schedule_counts_also_for_codes_from_before(api: Api, clock: FixedClock) -> None:
    program = a_program(api, **schedule(ends_at=NOON + DAY))
    code = a_code(api, program)
    reschedule(api, program, ends_at=NOON + 3 * DAY)
    clock.advance(2 * DAY)
    a_claim(api, code)


def looked_for(database: Database, program: Any) -> tuple[str | None, bool]:
    query = text("SELECT ends_at IS NULL, rewards_self FROM programs WHERE id = :id")
    no_end, rewards_self = database.read(lambda session: session.execute(query, {"id": program["id"]}).one())
    return ("never" if no_end else "some day"), bool(rewards_self)


OWN = {"key": "own", "side": "self", "on": "every_purchase", "give": {"kind": "points", "quantity": 1}}


@pytest.mark.parametrize("activate", [True, False])
def test_end_and_own_rewards_stand_where_they_are_looked_for(api: Api, database: Database, activate: bool) -> None:
    program = a_program(api, activate=activate, rewards=[*both_sides(), OWN], **schedule(ends_at=NOON + DAY))
    assert looked_for(database, program) == ("some day", True)
    plain = {**program["terms"], "rewards": both_sides(), "schedule": {}}
    expect(api.patch(f"/v1/programs/{program['id']}", {"terms": plain}), 200)
    # Versions differ, and what one of them promised for a time gone by may still come to be known.
    assert looked_for(database, program) == ("never", True)
    other = a_program(api, activate=activate)
    assert looked_for(database, other) == ("never", False)
