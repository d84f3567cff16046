"""What people and apps do to rewards: accept an offer, fulfil a custom reward, approve and void."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from threading import Barrier
from typing import Any

import pytest
from flask import Flask
from journeys.granted import (
    COUPON,
    CREDIT,
    CUSTOM,
    ORDER,
    balance,
    days_pass,
    granted,
    path_of,
    read,
    standing,
    told_of,
)
from sqlalchemy import select, text

from builders import Api, a_claim, a_code, a_program, a_purchase, a_refund, expect, items
from cast import BOB, CAROL, NOON
from referral_service.audit.models import AuditEntry
from referral_service.journeys.coming_due.end_due import decline_due
from referral_service.kit.clock import FixedClock, format_rfc3339
from referral_service.kit.db.engines import Database
from referral_service.tenants.create_key import create_key
from referral_service.tenants.open_app import OpenedApp
from referral_service.tenants.scopes import Scope

REASON = {"reason": "Looked into."}


def act(api: Api, reward: Any, what: str, body: dict[str, Any] | None = None, status: int = 200) -> Any:
    return expect(api.post(f"/v1/rewards/{reward['id']}/{what}", body), status)


def audited(database: Database, action: str) -> list[AuditEntry]:
    query = select(AuditEntry).where(AuditEntry.action == action)
    return database.read(lambda session: list(session.scalars(query)))


def put_under_review(database: Database) -> None:
    """As a rule against fraud would have it."""
    statement = text("UPDATE rewards SET state = 'under_review' WHERE state = 'pending'")
    database.transact(lambda session: session.execute(statement))
    database.transact(lambda session: session.execute(text("UPDATE notifications SET state = 'under_review'")))


# --- accept ---------------------------------------------------------------------------------------------------------


def test_an_offer_is_held_until_it_is_accepted(trial_api: Api, database: Database) -> None:
    reward = granted(trial_api, CREDIT, accept_within_days=7, hold_days=2)
    assert reward["accept_by"] is None
    days_pass(trial_api, 2)
    offered = read(trial_api, reward["id"])
    assert (offered["state"], offered["accept_by"]) == ("offered", format_rfc3339(NOON + timedelta(days=9)))
    assert balance(trial_api) == (0, 1000)
    accepted = act(trial_api, reward, "accept")
    assert (accepted["state"], accepted["reason"]) == ("available", "accepted")
    assert balance(trial_api) == (1000, 0)
    assert act(trial_api, reward, "accept") == accepted
    assert path_of(database, reward["id"]) == [("created", None), ("offered", "hold_ended"), ("available", "accepted")]


def test_an_offer_can_be_accepted_up_to_its_far_edge(api: Api, clock: FixedClock) -> None:
    reward = granted(api, CREDIT, accept_within_days=7)
    clock.advance(timedelta(days=7))
    assert act(api, reward, "accept")["state"] == "available"


def test_an_offer_is_over_after_its_far_edge_also_before_the_worker_has_come(api: Api, clock: FixedClock) -> None:
    reward = granted(api, CREDIT, accept_within_days=7)
    clock.advance(timedelta(days=7, microseconds=1))
    assert act(api, reward, "accept", status=409)["code"] == "offer_over"
    assert read(api, reward["id"])["state"] == "offered"


def test_an_offer_that_nobody_accepts_expires_and_what_it_held_goes_back(trial_api: Api, database: Database) -> None:
    reward = granted(trial_api, CREDIT, accept_within_days=7)
    days_pass(trial_api, 7)
    assert standing(trial_api)[0] == "offered"
    days_pass(trial_api, 0, seconds=1)
    assert standing(trial_api) == ("expired", "not_accepted")
    assert balance(trial_api) == (0, 0)
    assert act(trial_api, reward, "accept", status=409)["code"] == "offer_over"
    assert path_of(database, reward["id"])[-1] == ("expired", "not_accepted")


def test_accepted_once_is_accepted_whatever_came_later(api: Api) -> None:
    reward = granted(api, CREDIT, accept_within_days=7)
    act(api, reward, "accept")
    a_refund(api, order_id=ORDER)
    assert act(api, reward, "accept")["state"] == "clawed_back"


@pytest.mark.parametrize("hold_days", [0, 3])
def test_what_is_not_offered_is_not_accepted(api: Api, hold_days: int) -> None:
    reward = granted(api, CREDIT, hold_days=hold_days)
    problem = act(api, reward, "accept", status=409)
    assert (problem["code"], problem["reward_state"]) == ("reward_state_conflict", reward["state"])
    assert reward["state"] in problem["detail"]


def test_acceptance_and_expiry_at_once_are_one_of_the_two(
    app: Flask, api: Api, database: Database, clock: FixedClock, tenant: OpenedApp
) -> None:
    reward = granted(api, CREDIT, accept_within_days=7)
    clock.advance(timedelta(days=7))
    app_id, later = tenant.tenant.app_id, clock.now() + timedelta(seconds=1)
    together = Barrier(3)

    def accept() -> int:
        together.wait()
        mine = Api(app.test_client(), key=api.key, clock=api.clock)
        return int(mine.post(f"/v1/rewards/{reward['id']}/accept").status_code)

    def decline() -> int:
        together.wait()
        return database.transact(partial(decline_due, app_id=app_id, now=later))

    with ThreadPoolExecutor(3) as pool:
        accepting, *declining = pool.submit(accept), pool.submit(decline), pool.submit(decline)
        declined = sum(one.result() for one in declining)
    if accepting.result() == 200:
        assert (declined, standing(api), balance(api)) == (0, ("available", "accepted"), (1000, 0))
    else:
        assert (declined, standing(api), balance(api)) == (1, ("expired", "not_accepted"), (0, 0))
    assert len(told_of(database, reward["id"])) == 3


# --- fulfil ---------------------------------------------------------------------------------------------------------


def test_a_custom_reward_is_fulfilled_by_the_app(api: Api, database: Database) -> None:
    reward = granted(api, CUSTOM)
    assert (reward["kind"], reward["state"]) == ("custom", "available")
    fulfilled = act(api, reward, "fulfil", {"reference": "parcel 17"})
    assert (fulfilled["state"], fulfilled["reason"]) == ("redeemed", "fulfilled")
    assert act(api, reward, "fulfil") == fulfilled
    assert path_of(database, reward["id"])[-1] == ("redeemed", "fulfilled")
    (entry,) = audited(database, "reward.fulfilled")
    assert (entry.object_id, entry.details) == (reward["id"], {"reference": "parcel 17"})


def test_a_fulfilment_needs_no_reference(api: Api) -> None:
    assert act(api, granted(api, CUSTOM), "fulfil")["state"] == "redeemed"


@pytest.mark.parametrize("give", [CREDIT, COUPON])
def test_only_a_custom_reward_is_fulfilled(api: Api, give: dict[str, Any]) -> None:
    problem = act(api, granted(api, give), "fulfil", status=409)
    assert (problem["code"], give["kind"] in problem["detail"]) == ("reward_state_conflict", True)
    assert standing(api)[0] == "available"


def test_only_an_available_reward_is_fulfilled(api: Api, clock: FixedClock) -> None:
    reward = granted(api, CUSTOM, hold_days=3, expires_days=5)
    assert act(api, reward, "fulfil", status=409)["reward_state"] == "pending"
    a_refund(api, order_id=ORDER)
    assert act(api, reward, "fulfil", status=409)["reward_state"] == "voided"
    clock.advance(timedelta(days=3))


def test_a_custom_reward_that_nobody_fulfils_expires(trial_api: Api, clock: FixedClock) -> None:
    reward = granted(trial_api, CUSTOM, expires_days=5)
    assert reward["expires_at"] == format_rfc3339(NOON + timedelta(days=5))
    clock.advance(timedelta(days=5))
    assert "past its end" in act(trial_api, reward, "fulfil", status=409)["detail"]
    days_pass(trial_api, 0, seconds=1)
    assert standing(trial_api) == ("expired", "lapsed")
    assert act(trial_api, reward, "fulfil", status=409)["reward_state"] == "expired"


def test_a_fulfilled_reward_is_taken_back_by_a_refund(api: Api) -> None:
    reward = granted(api, CUSTOM)
    act(api, reward, "fulfil")
    a_refund(api, order_id=ORDER)
    assert standing(api) == ("clawed_back", "refunded")
    assert act(api, reward, "fulfil", status=409)["reward_state"] == "clawed_back"


# --- approve --------------------------------------------------------------------------------------------------------


def test_a_reward_under_review_is_approved_and_goes_on(trial_api: Api, database: Database) -> None:
    reward = granted(trial_api, CREDIT, hold_days=3)
    put_under_review(database)
    days_pass(trial_api, 2)
    approved = act(trial_api, reward, "approve", REASON)
    assert (approved["state"], approved["reason"]) == ("pending", "approved")
    assert act(trial_api, reward, "approve", REASON) == approved
    days_pass(trial_api, 1)
    assert act(trial_api, reward, "approve", REASON)["state"] == "available"
    assert balance(trial_api) == (1000, 0)
    (entry,) = audited(database, "reward.approved")
    assert entry.details == {"reason": "Looked into.", "from": "under_review"}
    assert entry.actor.startswith("key_")


def test_a_reward_approved_after_its_hold_is_released_at_once(trial_api: Api, database: Database) -> None:
    reward = granted(trial_api, CREDIT, hold_days=3)
    put_under_review(database)
    days_pass(trial_api, 5)
    assert standing(trial_api)[0] == "under_review"
    assert act(trial_api, reward, "approve", REASON)["state"] == "available"
    assert [what for what, _ in path_of(database, reward["id"])] == ["created", "approved", "available"]


def test_what_was_taken_back_is_not_approved(api: Api) -> None:
    reward = granted(api, CREDIT, hold_days=3)
    a_refund(api, order_id=ORDER)
    problem = act(api, reward, "approve", REASON, 409)
    assert (problem["code"], problem["reward_state"]) == ("reward_state_conflict", "voided")


# --- void -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["pending", "under_review", "offered"])
def test_an_unreleased_reward_is_voided_for_good(api: Api, database: Database, clock: FixedClock, state: str) -> None:
    more: dict[str, Any] = {"accept_within_days": 7} if state == "offered" else {"hold_days": 7}
    reward = granted(api, CREDIT, **more)
    if state == "under_review":
        put_under_review(database)
    assert read(api, reward["id"])["state"] == state
    voided = act(api, reward, "void", REASON)
    assert (voided["state"], voided["reason"], voided["reversed"]["amount_minor"]) == ("voided", "voided_by_hand", 1000)
    assert balance(api) == (0, 0)
    assert act(api, reward, "void", REASON) == voided
    clock.advance(timedelta(days=30))
    # Whatever is told later of what it was granted for.
    a_purchase(api, customer=BOB, order_id="o-earlier", at=NOON - timedelta(hours=1))
    assert read(api, reward["id"])["state"] == "voided"
    (entry,) = audited(database, "reward.voided")
    assert entry.details == {"reason": "Looked into.", "from": state}


def test_a_void_by_hand_outlives_a_dispute_that_is_won(api: Api) -> None:
    reward = granted(api, CREDIT, hold_days=7)
    dispute = {"type": "dispute", "order_id": ORDER, "occurred_at": format_rfc3339(NOON)}
    expect(api.post("/v1/events", {"id": "d-1", "status": "opened", **dispute}), 201)
    assert standing(api) == ("voided", "dispute_opened")
    assert act(api, reward, "void", REASON)["reason"] == "voided_by_hand"
    expect(api.post("/v1/events", {"id": "d-2", "status": "won", **dispute}), 201)
    assert standing(api) == ("voided", "voided_by_hand")


@pytest.mark.parametrize("is_spent", [False, True])
def test_a_released_reward_is_not_voided_and_the_answer_says_what_to_do(api: Api, is_spent: bool) -> None:
    reward = granted(api, CUSTOM)
    if is_spent:
        act(api, reward, "fulfil")
    problem = act(api, reward, "void", REASON, 409)
    assert problem["code"] == "reward_state_conflict"
    assert "adjustments" in problem["detail"]
    assert read(api, reward["id"])["state"] == ("redeemed" if is_spent else "available")


def test_a_voided_reward_frees_its_slot(api: Api) -> None:
    reward = {
        "key": "gift", "side": "referrer", "on": "converted", "give": CREDIT, "hold_days": 7, "cap": {"count": 1},
    }  # fmt: skip
    program = a_program(api, rewards=[reward], budget={"count": 1})
    code = a_code(api, program)
    a_claim(api, code)
    (first,) = a_purchase(api)["reward_ids"]
    act(api, {"id": first}, "void", REASON)
    a_claim(api, code, referee=CAROL)
    a_purchase(api, customer=CAROL)
    assert sorted(it["state"] for it in items(api, "/v1/rewards")) == ["pending", "voided"]


# --- who may --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["accept", "fulfil", "approve", "void"])
def test_an_unknown_reward_is_not_found(api: Api, trial_api: Api, what: str) -> None:
    reward = granted(api, CREDIT, hold_days=3)
    body = REASON if what in ("approve", "void") else None
    assert act(api, {"id": "rwd_nobody"}, what, body, 404)["code"] == "reward_not_found"
    assert act(trial_api, reward, what, body, 404)["code"] == "reward_not_found"


@pytest.mark.parametrize("what", ["approve", "void"])
def test_a_decision_needs_an_admins_key_and_a_reason(
    api: Api, database: Database, tenant: OpenedApp, what: str
) -> None:
    reward = granted(api, CREDIT, hold_days=3)
    made = database.transact(
        lambda session: create_key(
            session, tenant=tenant.tenant, name="Shop", scopes=[Scope.WRITE], actor="cli", now=NOON
        )
    )
    act(api.with_key(made.secret), reward, what, REASON, 403)
    assert list(act(api, reward, what, {}, 422)["errors"]) == ["reason"]
    assert list(act(api, reward, what, {"reason": ""}, 422)["errors"]) == ["reason"]
    assert read(api, reward["id"]) == reward
