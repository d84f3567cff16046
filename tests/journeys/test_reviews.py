"""What a person decides about a referral: told once, done once, written down; and what cannot be decided any more."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from journeys.under_review import put_under_review
from sqlalchemy import text

from builders import Api, a_claim, a_code, a_program, a_purchase, a_refund, credit, expect, items
from cast import BOB, CAROL
from referral_service.doctor.run import examine
from referral_service.journeys.coming_due.run_due import run_due
from referral_service.kit.clock import FixedClock
from referral_service.kit.db.engines import Database
from referral_service.tenants.open_app import OpenedApp

WELCOME = {"key": "welcome", "side": "referee", "on": "claimed", "give": {"kind": "credit", "amount_minor": 300}}
Review = Callable[[Any], None]


@pytest.fixture
def review(database: Database, api: Api, tenant: OpenedApp) -> Review:
    """Put a referral under review."""
    return lambda referral: put_under_review(database, api, referral, app_id=tenant.tenant.app_id)


def decide(api: Api, decision: str, referral: Any, **body: Any) -> Any:
    return api.post(f"/v1/referrals/{referral['id']}/{decision}", body or None)


def history(database: Database, referral: Any) -> list[tuple[str, str | None, str, str | None]]:
    query = text(
        "SELECT type, previous_state, state, reason FROM notifications WHERE object_id = :id ORDER BY sequence"
    )
    return [tuple(row) for row in database.read(lambda session: session.execute(query, {"id": referral["id"]}).all())]


def audited(database: Database, referral: Any) -> list[str]:
    query = text("SELECT action FROM audit_log WHERE object_id = :id ORDER BY id")
    return list(database.read(lambda session: session.execute(query, {"id": referral["id"]}).scalars()))


def wrong(database: Database, clock: FixedClock) -> list[str]:
    """What the doctor finds; not I15, which says only that the tests' PostgreSQL is set up to forget."""
    report = database.read(lambda session: examine(session, settings=None, now=clock.now()))
    return [f"{one.object_id} {one.says}" for it in report.checks if it.invariant != "I15" for one in it.violations]


def test_an_approved_referral_waits_again_and_converts(api: Api, database: Database, review: Review) -> None:
    referral = a_claim(api, a_code(api, a_program(api)))
    review(referral)
    approved = expect(decide(api, "approve", referral, reason="They are two people."), 200)
    assert (approved["state"], approved["reason"]) == ("pending", "approved")
    assert a_purchase(api)["outcome"] == "converted"
    assert history(database, referral) == [
        ("referral.created", None, "pending", None),
        ("referral.under_review", "pending", "under_review", "velocity"),
        ("referral.approved", "under_review", "pending", "approved"),
        ("referral.converted", "pending", "converted", None),
    ]


def test_a_purchase_made_during_the_review_counts_once_it_is_approved(
    api: Api, database: Database, review: Review, clock: FixedClock
) -> None:
    referral = a_claim(api, a_code(api, a_program(api)))
    review(referral)
    assert a_purchase(api)["outcome"] != "converted"
    assert items(api, "/v1/rewards") == []
    approved = expect(decide(api, "approve", referral), 200)
    assert approved["state"] == "converted"
    assert {row["state"] for row in items(api, "/v1/rewards")} == {"available"}
    assert wrong(database, clock) == []


@pytest.mark.parametrize("decision", ["approve", "reject"])
def test_the_same_decision_again_changes_nothing(api: Api, database: Database, review: Review, decision: str) -> None:
    referral = a_claim(api, a_code(api, a_program(api)))
    review(referral)
    first = expect(decide(api, decision, referral), 200)
    before = history(database, referral), audited(database, referral)
    assert expect(decide(api, decision, referral, reason="Once more."), 200) == first
    assert (history(database, referral), audited(database, referral)) == before
    assert audited(database, referral) == [f"referral.{decision}{'d' if decision == 'approve' else 'ed'}"]


def test_an_approval_repeated_after_the_conversion_still_answers(api: Api, review: Review) -> None:
    referral = a_claim(api, a_code(api, a_program(api)))
    review(referral)
    a_purchase(api)
    expect(decide(api, "approve", referral), 200)
    assert expect(decide(api, "approve", referral), 200)["state"] == "converted"


@pytest.mark.parametrize("under_review", [True, False])
def test_a_rejected_referral_converts_never(
    api: Api, database: Database, review: Review, clock: FixedClock, under_review: bool
) -> None:
    referral = a_claim(api, a_code(api, a_program(api)))
    if under_review:
        review(referral)
    rejected = expect(decide(api, "reject", referral, reason="Seen three times."), 200)
    assert (rejected["state"], rejected["reason"]) == ("rejected", "review")
    assert history(database, referral)[-1][0] == "referral.rejected"
    assert a_purchase(api)["outcome"] == "parked"
    assert items(api, "/v1/rewards") == []
    assert wrong(database, clock) == []


def test_what_the_claim_gave_is_taken_back(api: Api, database: Database, clock: FixedClock) -> None:
    held = {**WELCOME, "key": "held", "hold_days": 7}
    referral = a_claim(api, a_code(api, a_program(api, rewards=[WELCOME, held, credit(key="thanks", side="referrer")])))
    assert {row["key"]: row["state"] for row in items(api, "/v1/rewards")} == {
        "welcome": "available",
        "held": "pending",
    }
    expect(decide(api, "reject", referral), 200)
    taken = {row["key"]: (row["state"], row["reason"]) for row in items(api, "/v1/rewards")}
    assert taken == {"welcome": ("clawed_back", "review"), "held": ("voided", "review")}
    balance = expect(api.get("/v1/customers/bob/balances"), 200)["items"]
    assert [(row["available"], row["pending"]) for row in balance] == [(0, 0)]
    assert wrong(database, clock) == []


def test_a_reward_of_the_claim_is_given_once_the_review_is_over(api: Api, review: Review) -> None:
    """Given already at the claim, it stays; the approval gives no second one."""
    referral = a_claim(api, a_code(api, a_program(api, rewards=[WELCOME])))
    review(referral)
    expect(decide(api, "approve", referral), 200)
    assert [row["state"] for row in items(api, "/v1/rewards")] == ["available"]


def test_what_was_set_aside_of_the_budget_is_free_again(api: Api, database: Database, clock: FixedClock) -> None:
    budget = {"amount_minor": 1500, "reserve": "claimed"}
    program = a_program(api, rewards=[credit(key="thanks", side="referrer", amount_minor=1500)], budget=budget)
    code = a_code(api, program)
    referral = a_claim(api, code)
    assert used(database) == 1500
    expect(decide(api, "reject", referral), 200)
    assert used(database) == 0
    a_claim(api, code, referee=CAROL)
    assert used(database) == 1500
    clock.advance(timedelta(days=91))
    run_due(database, clock=clock)
    assert [row["state"] for row in items(api, "/v1/referrals", referee="carol")] == ["expired"]
    assert used(database) == 0
    assert wrong(database, clock) == []


def used(database: Database) -> int:
    query = text("SELECT SUM(used_minor) FROM budgets")
    return int(database.read(lambda session: session.execute(query).scalar_one()))


def test_a_rejected_referee_may_be_claimed_by_another(api: Api) -> None:
    program = a_program(api)
    first = a_claim(api, a_code(api, program))
    expect(decide(api, "reject", first), 200)
    second = a_claim(api, a_code(api, program, referrer=CAROL))
    assert second["id"] != first["id"]
    assert a_purchase(api)["referral_id"] == second["id"]


def conflict(api: Api, decision: str, referral: Any) -> str:
    problem = expect(decide(api, decision, referral), 409)
    assert problem["code"] == "review_not_possible"
    assert len(problem["detail"]) > 20
    return str(problem["referral_state"])


def test_what_cannot_be_decided_any_more_says_what_to_do(api: Api, database: Database, clock: FixedClock) -> None:
    code = a_code(api, a_program(api))
    referral = a_claim(api, code)
    assert conflict(api, "approve", referral) == "pending"
    a_purchase(api, order_id="o-1")
    assert [conflict(api, act, referral) for act in ("approve", "reject")] == ["converted"] * 2
    assert "void its rewards" in decide(api, "reject", referral).json["detail"]
    a_refund(api, order_id="o-1")
    assert [conflict(api, act, referral) for act in ("approve", "reject")] == ["reversed"] * 2
    late = a_claim(api, code, referee=CAROL)
    clock.advance(timedelta(days=91))
    run_due(database, clock=clock)
    assert [conflict(api, act, late) for act in ("approve", "reject")] == ["expired"] * 2


def test_a_rejection_is_not_approved_away_and_a_refused_claim_is_no_matter_of_review(api: Api, review: Review) -> None:
    program = a_program(api)
    referral = a_claim(api, a_code(api, program))
    other = a_code(api, program, referrer=CAROL)
    refused = expect(api.post("/v1/referrals", {"code": other["code"], "referee": BOB.document()}), 409)
    assert conflict(api, "reject", {"id": refused["referral_id"]}) == "rejected"
    review(referral)
    expect(decide(api, "reject", referral), 200)
    assert conflict(api, "approve", referral) == "rejected"


def test_a_referral_approved_after_the_sunset_counts_nothing_that_came_later(
    api: Api, database: Database, review: Review, clock: FixedClock
) -> None:
    program = a_program(api, schedule={"sunset_days": 5})
    referral = a_claim(api, a_code(api, program))
    review(referral)
    expect(api.post(f"/v1/programs/{program['id']}/archive"), 200)
    clock.advance(timedelta(days=6))
    a_purchase(api)
    assert expect(decide(api, "approve", referral), 200)["state"] == "pending"
    run_due(database, clock=clock)
    found = expect(api.get(f"/v1/referrals/{referral['id']}"), 200)
    assert (found["state"], found["reason"]) == ("expired", "sunset")
    assert wrong(database, clock) == []


def test_a_decision_needs_an_admins_key_and_a_referral_that_is_there(api: Api) -> None:
    key = expect(api.post("/v1/keys", {"name": "Checkout", "scopes": ["write"]}), 201)
    referral = a_claim(api, a_code(api, a_program(api)))
    assert decide(api.with_key(key["api_key"]), "reject", referral).status_code == 403
    assert expect(decide(api, "reject", {"id": "ref_nobody"}), 404)["code"] == "referral_not_found"
