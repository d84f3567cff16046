"""The one exception to frozen terms: open referrals of which nothing was granted are moved, when somebody says so."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from builders import Api, a_claim, a_code, a_customer, a_program, a_purchase, credit, expect, items
from cast import ALICE, BOB, CAROL, MALLORY, Person
from referral_service.doctor.run import examine
from referral_service.journeys.claiming import migrate_referrals as verb
from referral_service.journeys.coming_due.run_due import run_due
from referral_service.kit.clock import FixedClock, format_rfc3339
from referral_service.kit.db.engines import Database

DAY = timedelta(days=1)
WELCOME = {"key": "welcome", "side": "referee", "on": "claimed", "give": {"kind": "credit", "amount_minor": 300}}
AT_LEAST_100 = {"steps": [{"key": "first", "min_amount_minor": 10_000}]}


def change(api: Api, program: Any, **sections: Any) -> int:
    """Make a new version of the program's terms; gives its number."""
    now = expect(api.get(f"/v1/programs/{program['id']}"), 200)["terms"]
    changed = expect(api.patch(f"/v1/programs/{program['id']}", {"terms": {**now, **sections}}), 200)
    return int(changed["version"])


def ask(api: Api, program: Any, to_version: int, *, dry_run: bool = False) -> Any:
    body = {"to_version": to_version, "dry_run": dry_run, "reason": "Friends asked for more time."}
    return api.post(f"/v1/programs/{program['id']}/migrations", body)


def migrate(api: Api, program: Any, to_version: int, *, dry_run: bool = False) -> Any:
    return expect(ask(api, program, to_version, dry_run=dry_run), 200)


def shown(api: Api, referral: Any) -> Any:
    return expect(api.get(f"/v1/referrals/{referral['id']}"), 200)


def audited(database: Database) -> list[Any]:
    query = text("SELECT details FROM audit_log WHERE action = 'program.referrals_migrated' ORDER BY id")
    return list(database.read(lambda session: session.execute(query).scalars()))


def rows(database: Database) -> list[Any]:
    """Everything that a move could change."""
    found = []
    for table in ("referrals", "rewards", "notifications", "audit_log", "budgets", "referee_anchors"):
        query = text(f"SELECT * FROM {table} ORDER BY 1, 2")
        found.append([tuple(row) for row in database.read(lambda session, query=query: session.execute(query).all())])  # type: ignore[misc]
    return found


def wrong(database: Database, clock: FixedClock) -> list[str]:
    """What the doctor finds; not I15, which says only that the tests' PostgreSQL is set up to forget."""
    report = database.read(lambda session: examine(session, settings=None, now=clock.now()))
    return [f"{one.object_id} {one.says}" for it in report.checks if it.invariant != "I15" for one in it.violations]


def test_open_referrals_move_to_the_newer_terms_and_are_reckoned_from_their_claim(
    api: Api, database: Database, clock: FixedClock
) -> None:
    program = a_program(api, qualification={"within_days": 10})
    referral = a_claim(api, a_code(api, program))
    claimed_at = api.now()
    clock.advance(3 * DAY)
    version = change(api, program, qualification={"within_days": 60}, rewards=[credit(key="new", side="referee")])
    told = migrate(api, program, version)
    assert (told["moved"], told["remaining"], told["states"]) == (1, 0, {"pending": 1})
    assert told["items"] == [
        {
            "referral_id": referral["id"],
            "from_version": 1,
            "expires_at_before": format_rfc3339(claimed_at + 10 * DAY),
            "expires_at": format_rfc3339(claimed_at + 60 * DAY),
            "state": "pending",
            "reason": None,
        }
    ]
    moved = shown(api, referral)
    assert (moved["program_version"], moved["expires_at"]) == (version, format_rfc3339(claimed_at + 60 * DAY))
    clock.advance(30 * DAY)
    assert a_purchase(api)["outcome"] == "converted"
    assert [row["key"] for row in items(api, "/v1/rewards")] == ["new"]
    assert wrong(database, clock) == []


def test_without_a_move_a_referral_keeps_the_terms_of_its_claim(api: Api) -> None:
    program = a_program(api)
    referral = a_claim(api, a_code(api, program))
    change(api, program, qualification=AT_LEAST_100)
    assert shown(api, referral)["program_version"] == 1
    assert a_purchase(api, amount_minor=5000)["outcome"] == "converted"


def test_a_preview_tells_what_the_move_then_does_and_keeps_nothing(
    api: Api, database: Database, clock: FixedClock
) -> None:
    program = a_program(api, qualification=AT_LEAST_100, eligibility={"referee_is_new": False})
    code = a_code(api, program)
    a_claim(api, code, referee=BOB)
    a_claim(api, code, referee=CAROL)
    a_claim(api, code, referee=MALLORY)
    a_purchase(api, customer=CAROL, at=api.now() - 20 * DAY)
    clock.advance(5 * DAY)
    a_purchase(api, customer=BOB, amount_minor=5000)
    version = change(api, program, qualification={"within_days": 30}, eligibility={})
    before = rows(database)
    preview = migrate(api, program, version, dry_run=True)
    assert rows(database) == before
    assert (preview["dry_run"], preview["moved"], preview["remaining"]) == (True, 0, 3)
    assert preview["states"] == {"converted": 1, "rejected": 1, "pending": 1}
    assert {item["reason"] for item in preview["items"]} == {None, "not_new"}
    done = migrate(api, program, version)
    assert (done["items"], done["states"]) == (preview["items"], preview["states"])
    assert (done["moved"], done["remaining"]) == (3, 0)
    assert len(items(api, "/v1/rewards")) == 2
    assert wrong(database, clock) == []


def test_a_move_is_written_down_and_safe_to_repeat(api: Api, database: Database) -> None:
    program = a_program(api)
    referral = a_claim(api, a_code(api, program))
    version = change(api, program, qualification={"within_days": 60})
    migrate(api, program, version)
    again = migrate(api, program, version)
    assert (again["moved"], again["remaining"], again["items"], again["states"]) == (0, 0, [], {})
    query = text("SELECT actor, object_id FROM audit_log WHERE action = 'program.referrals_migrated'")
    ((actor, object_id),) = database.read(lambda session: session.execute(query).all())
    assert (actor.startswith("key_"), object_id) == (True, program["id"])
    assert len(audited(database)) == 1
    assert referral["id"] in str(audited(database)[0])
    assert "Friends asked for more time." in str(audited(database)[0])


def test_nothing_moves_that_was_rewarded_converted_or_is_over(api: Api, database: Database, clock: FixedClock) -> None:
    program = a_program(api, qualification={"within_days": 10}, rewards=[WELCOME, credit(key="c", side="referrer")])
    code = a_code(api, program)
    rewarded = a_claim(api, code, referee=BOB)
    plain = a_program(api, name="Plain")
    plain_code = a_code(api, plain)
    converted, rejected, expired, other = (
        a_claim(api, plain_code, referee=Person(name, f"{name}@example.com", name))
        for name in ("converted", "rejected", "expired", "other")
    )
    a_purchase(api, customer=Person("converted", "converted@example.com", ""))
    expect(api.post(f"/v1/referrals/{rejected['id']}/reject"), 200)
    run = text("UPDATE referrals SET state = 'expired', reason = 'deadline_passed' WHERE id = :id")
    database.transact(lambda session: session.execute(run, {"id": expired["id"]}))
    newer = change(api, program, qualification={"within_days": 20})
    assert (migrate(api, program, newer)["moved"], shown(api, rewarded)["program_version"]) == (0, 1)
    done = migrate(api, plain, change(api, plain, qualification={"within_days": 20}))
    assert [item["referral_id"] for item in done["items"]] == [other["id"]]
    assert [shown(api, one)["program_version"] for one in (converted, rejected, expired)] == [1, 1, 1]
    assert clock.now() == api.now()


def test_a_reward_that_was_taken_back_is_a_reward_all_the_same(api: Api, database: Database) -> None:
    program = a_program(api, rewards=[{**WELCOME, "hold_days": 7}, credit(key="c", side="referrer")])
    a_claim(api, a_code(api, program))
    voided = text("UPDATE rewards SET state = 'voided', reversed = granted, reason = 'by_hand'")
    database.transact(lambda session: session.execute(voided))
    assert migrate(api, program, change(api, program, qualification={"within_days": 20}))["moved"] == 0


def test_referrals_move_forwards_only_and_to_any_version_between(api: Api) -> None:
    program = a_program(api)
    first = a_claim(api, a_code(api, program), referee=BOB)
    second_version = change(api, program, qualification={"within_days": 20})
    third_version = change(api, program, qualification={"within_days": 30})
    second = a_claim(api, a_code(api, program), referee=CAROL)
    assert migrate(api, program, second_version)["moved"] == 1
    assert [shown(api, one)["program_version"] for one in (first, second)] == [second_version, third_version]
    assert migrate(api, program, 1)["moved"] == 0
    assert migrate(api, program, third_version)["moved"] == 1


def test_the_window_begins_at_the_claims_first_click_as_far_as_the_new_terms_reach(api: Api, clock: FixedClock) -> None:
    program = a_program(api, attribution={"late_claim_days": 0}, eligibility={"referee_is_new": False})
    a_claim(api, a_code(api, program))
    early = a_purchase(api, at=api.now() - 2 * DAY)
    assert early["outcome"] != "converted"
    clock.advance(DAY)
    done = migrate(api, program, change(api, program, attribution={"late_claim_days": 3}))
    # Its purchase lies inside the window now.
    assert done["states"] == {"converted": 1}


def test_a_shorter_deadline_that_has_passed_lets_it_expire(api: Api, database: Database, clock: FixedClock) -> None:
    program = a_program(api)
    referral = a_claim(api, a_code(api, program))
    clock.advance(10 * DAY)
    version = change(api, program, qualification={"within_days": 5})
    assert migrate(api, program, version, dry_run=True)["states"] == {"expired": 1}
    assert migrate(api, program, version)["states"] == {"expired": 1}
    run_due(database, clock=clock)
    assert (shown(api, referral)["state"], shown(api, referral)["reason"]) == ("expired", "deadline_passed")


def test_eligibility_was_judged_at_the_claim_and_is_not_judged_again(api: Api) -> None:
    program = a_program(api)
    code = a_code(api, program)
    for referee in (BOB, CAROL):
        a_claim(api, code, referee=referee)
    version = change(api, program, eligibility={"referee_audience": {"plan": "plus"}, "max_referees_per_referrer": 1})
    assert migrate(api, program, version)["states"] == {"pending": 2}


def test_moved_to_terms_that_want_to_be_the_only_ones_a_referral_holds_that_place(api: Api) -> None:
    program = a_program(api)
    referral = a_claim(api, a_code(api, program))
    other = a_code(api, a_program(api, name="Other", eligibility={"one_program_per_referee": True}))
    migrate(api, program, change(api, program, eligibility={"one_program_per_referee": True}))
    body = {"code": other["code"], "referee": BOB.document()}
    assert expect(api.post("/v1/referrals", body), 409)["code"] == "already_referred"
    migrate(api, program, change(api, program, eligibility={"one_program_per_referee": False}))
    assert shown(api, referral)["state"] == "pending"
    expect(api.post("/v1/referrals", body), 201)


def test_a_large_program_moves_in_bounded_batches(
    api: Api, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verb, "BATCH_MAX", 2)
    monkeypatch.setattr(verb, "SAMPLE_MAX", 1)
    program = a_program(api)
    code = a_code(api, program)
    for n in range(5):
        a_claim(api, code, referee=Person(f"bob-{n}", f"bob-{n}@example.com", "Bob"))
    version = change(api, program, qualification={"within_days": 60})
    preview = migrate(api, program, version, dry_run=True)
    assert (preview["remaining"], len(preview["items"])) == (5, 1)
    told = [migrate(api, program, version) for _ in range(4)]
    assert [(one["moved"], one["remaining"]) for one in told] == [(2, 3), (2, 1), (1, 0), (0, 0)]
    assert len(audited(database)) == 3


def test_what_cannot_be_asked_for_is_refused_by_name(api: Api) -> None:
    program = a_program(api)
    a_customer(api, ALICE)
    assert expect(ask(api, program, 2), 422)["errors"] == {"to_version": ["The program has no such version."]}
    assert list(expect(ask(api, program, 0), 422)["errors"]) == ["to_version"]
    path = f"/v1/programs/{program['id']}/migrations"
    assert list(expect(api.post(path, {"to_version": 1}), 422)["errors"]) == ["reason"]
    assert expect(ask(api, {"id": "prg_nothing"}, 1), 404)["code"] == "not_found"
    expect(api.post(f"/v1/programs/{program['id']}/archive"), 200)
    assert expect(ask(api, program, 1), 409)["code"] == "program_status_conflict"
