"""The wallet and the rewards it came from: spent ones are redeemed, lots lapse, balances are corrected by hand."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from threading import Barrier
from typing import Any

import pytest
from flask import Flask
from journeys.granted import CREDIT, ORDER, balance, days_pass, granted, path_of, read, standing
from ledger.invariants import violations
from sqlalchemy import select

from builders import Api, a_claim, a_code, a_customer, a_program, a_purchase, a_refund, credit, expect, items
from cast import NOON, Person
from referral_service.audit.models import AuditEntry
from referral_service.journeys.coming_due.end_due import expire_lots_due
from referral_service.journeys.spending import spend_balance
from referral_service.kit.clock import FixedClock, format_rfc3339
from referral_service.kit.db.engines import Database
from referral_service.ledger.lots import would_empty
from referral_service.tenants.create_key import create_key
from referral_service.tenants.open_app import OpenedApp
from referral_service.tenants.scopes import Scope

THREADS = 8


def spend(api: Api, amount: int, status: int = 201, *, customer_id: str = "alice") -> Any:
    body = {"unit": "USD", "amount": amount, "reference": "order o-9"}
    return expect(api.post(f"/v1/customers/{customer_id}/redemptions", body), status)


def adjust(api: Api, amount: int, status: int = 201, **more: Any) -> Any:
    body = {"unit": "USD", "amount": amount, "reason": "Ours was the mistake.", **more}
    return expect(api.post("/v1/customers/alice/adjustments", body), status)


def friends_who_buy(api: Api, number: int, **more: Any) -> list[str]:
    """Let friends of Alice buy, each for 10.00 to her; gives the rewards, the oldest first."""
    program = a_program(api, rewards=[credit(key="gift", side="referrer", amount_minor=1000, **more)])
    code = a_code(api, program)
    ids = []
    for n in range(number):
        friend = Person(f"friend-{n}", f"friend-{n}@example.com", "Friend")
        a_claim(api, code, referee=friend)
        ids += a_purchase(api, customer=friend, order_id=f"o-{n}")["reward_ids"]
    return ids


def states(api: Api, ids: list[str]) -> list[str]:
    return [read(api, reward_id)["state"] for reward_id in ids]


# --- spent ----------------------------------------------------------------------------------------------------------


def test_a_reward_is_redeemed_once_its_lot_is_empty(api: Api, database: Database) -> None:
    reward = granted(api, CREDIT)
    spend(api, 400)
    assert standing(api) == ("available", "hold_ended")
    spend(api, 600)
    assert standing(api) == ("redeemed", "spent")
    assert path_of(database, reward["id"])[-1] == ("redeemed", "spent")


def test_one_redemption_empties_several_lots_and_begins_another(api: Api) -> None:
    ids = friends_who_buy(api, 4)
    spend(api, 2500)
    assert states(api, ids) == ["redeemed", "redeemed", "available", "available"]
    spend(api, 500)
    assert states(api, ids) == ["redeemed", "redeemed", "redeemed", "available"]


def test_a_spent_reward_is_clawed_back_into_debt_and_restored(api: Api, database: Database) -> None:
    reward = granted(api, CREDIT)
    spend(api, 1000)
    dispute = {"type": "dispute", "order_id": ORDER, "occurred_at": format_rfc3339(NOON)}
    expect(api.post("/v1/events", {"id": "d-1", "status": "opened", **dispute}), 201)
    assert (standing(api), balance(api)) == (("clawed_back", "dispute_opened"), (-1000, 0))
    expect(api.post("/v1/events", {"id": "d-2", "status": "won", **dispute}), 201)
    # What is given back pays the debt: the lot stays empty.
    assert (standing(api), balance(api)) == (("redeemed", "spent"), (0, 0))
    assert [what for what, _ in path_of(database, reward["id"])][2:] == [
        "redeemed", "clawed_back", "restored", "redeemed",
    ]  # fmt: skip


def test_redemptions_of_one_wallet_at_once_spend_each_lot_once(
    app: Flask, api: Api, database: Database, tenant: OpenedApp
) -> None:
    ids = friends_who_buy(api, THREADS)
    together = Barrier(THREADS)

    def attempt(_: int) -> int:
        together.wait()
        mine = Api(app.test_client(), key=api.key, clock=api.clock)
        body = {"unit": "USD", "amount": 1500, "reference": "r"}
        return int(mine.post("/v1/customers/alice/redemptions", body).status_code)

    with ThreadPoolExecutor(THREADS) as pool:
        statuses = sorted(pool.map(attempt, range(THREADS)))
    # 80.00 are there; five take 15.00, and 5.00 are left in the last lot.
    assert statuses == [201] * 5 + [409] * 3
    assert balance(api) == (500, 0)
    assert states(api, ids) == ["redeemed"] * 7 + ["available"]
    assert database.read(lambda session: violations(session, tenant.tenant.app_id)) == []


@pytest.mark.parametrize("wrong_times", [1, 99])
def test_a_redemption_that_empties_other_lots_than_foreseen_turns_the_right_rewards(
    api: Api, monkeypatch: pytest.MonkeyPatch, wrong_times: int
) -> None:
    """As when a claw-back comes between the look and the lock, once or again and again."""
    ids = friends_who_buy(api, 3)
    looks: list[int] = []

    def foresee(*args: Any, **asked: Any) -> list[str]:
        looks.append(1)
        return [ids[2]] if len(looks) <= wrong_times else would_empty(*args, **asked)

    monkeypatch.setattr(spend_balance, "would_empty", foresee)
    spend(api, 1500)
    assert len(looks) == min(wrong_times + 1, spend_balance.ATTEMPTS_MAX)
    assert states(api, ids) == ["redeemed", "available", "available"]
    assert balance(api) == (1500, 0)


def test_redemptions_and_claw_backs_at_once_keep_rewards_and_books_in_step(
    app: Flask, api: Api, database: Database, tenant: OpenedApp
) -> None:
    ids = friends_who_buy(api, 4)
    together = Barrier(8)

    def mine() -> Api:
        return Api(app.test_client(), key=api.key, clock=api.clock)

    def take(_: int) -> int:
        together.wait()
        body = {"unit": "USD", "amount": 1000, "reference": "r"}
        return int(mine().post("/v1/customers/alice/redemptions", body).status_code)

    def refund(n: int) -> None:
        together.wait()
        a_refund(mine(), order_id=f"o-{n}", refunded_total_minor=5000 if n % 2 else 2500)

    with ThreadPoolExecutor(8) as pool:
        taking, refunding = pool.map(take, range(4)), pool.map(refund, range(4))
        statuses, _ = list(taking), list(refunding)
    assert set(statuses) <= {201, 409}
    # 40.00 were granted, 10.00 + 10.00 + 5.00 + 5.00 taken back.
    assert balance(api) == (1000 - 1000 * statuses.count(201), 0)
    query = "SELECT r.id, r.state, l.rest FROM rewards r JOIN lots l ON l.app_id = r.app_id AND l.origin = r.id"
    rows = database.read(lambda session: session.connection().exec_driver_sql(query).all())
    for reward_id, state, rest in rows:
        assert state == "clawed_back" if ids.index(reward_id) % 2 else state == ("available" if rest else "redeemed")
        path_of(database, reward_id)
    assert database.read(lambda session: violations(session, tenant.tenant.app_id)) == []


# --- lapsed ---------------------------------------------------------------------------------------------------------


def test_what_is_left_in_a_lot_lapses_and_its_reward_expires(trial_api: Api, database: Database) -> None:
    reward = granted(trial_api, CREDIT, expires_days=30)
    assert reward["expires_at"] == format_rfc3339(NOON + timedelta(days=30))
    spend(trial_api, 400)
    days_pass(trial_api, 30, seconds=-1)
    assert (standing(trial_api)[0], balance(trial_api)) == ("available", (600, 0))
    days_pass(trial_api, 0, seconds=1)
    assert (standing(trial_api), balance(trial_api)) == (("expired", "lapsed"), (0, 0))
    assert path_of(database, reward["id"])[-1] == ("expired", "lapsed")


def test_a_spent_lot_does_not_lapse(trial_api: Api) -> None:
    granted(trial_api, CREDIT, expires_days=30)
    spend(trial_api, 1000)
    days_pass(trial_api, 31)
    assert standing(trial_api) == ("redeemed", "spent")


def test_the_time_to_spend_begins_with_the_release(trial_api: Api) -> None:
    reward = granted(trial_api, CREDIT, hold_days=10, expires_days=30, accept_within_days=9)
    days_pass(trial_api, 10)
    assert read(trial_api, reward["id"])["expires_at"] is None
    days_pass(trial_api, 5)
    accepted = expect(trial_api.post(f"/v1/rewards/{reward['id']}/accept"), 200)
    assert accepted["expires_at"] == format_rfc3339(NOON + timedelta(days=45))


def test_an_expired_reward_is_clawed_back_and_nobody_is_charged(trial_api: Api) -> None:
    granted(trial_api, CREDIT, expires_days=30)
    days_pass(trial_api, 30)
    a_refund(trial_api, order_id=ORDER)
    assert (standing(trial_api), balance(trial_api)) == (("clawed_back", "refunded"), (0, 0))


def test_lots_lapse_in_bounded_steps_and_one_that_is_being_changed_waits(
    api: Api, database: Database, tenant: OpenedApp, clock: FixedClock
) -> None:
    ids = friends_who_buy(api, 5, expires_days=1)
    clock.advance(timedelta(days=1))
    step = partial(expire_lots_due, app_id=tenant.tenant.app_id, now=clock.now(), limit=2)
    assert [database.transact(step) for _ in range(4)] == [2, 2, 1, 0]
    assert set(states(api, ids)) == {"expired"}


# --- corrected by hand ----------------------------------------------------------------------------------------------


def test_a_balance_is_given_to_and_taken_from_by_hand(api: Api, database: Database) -> None:
    customer = a_customer(api)
    answer = adjust(api, 500)
    assert answer.pop("id").startswith("adj_")
    assert answer == {
        "customer_id": "alice",
        "unit": "USD",
        "amount": 500,
        "reason": "Ours was the mistake.",
        "expires_at": None,
        "recorded_at": "2026-03-01T12:00:00Z",
    }
    assert balance(api) == (500, 0)
    taken = adjust(api, -200)
    assert balance(api) == (300, 0)
    query = select(AuditEntry).where(AuditEntry.action == "balance.adjusted").order_by(AuditEntry.id)
    given_entry, taken_entry = database.read(lambda session: list(session.scalars(query)))
    assert given_entry.actor.startswith("key_")
    assert (taken_entry.object_id, taken_entry.details) == (
        taken["id"],
        {"customer_id": customer["id"], "unit": "USD", "amount": -200, "reason": "Ours was the mistake."},
    )


def test_what_is_taken_by_hand_is_never_more_than_there_is(api: Api) -> None:
    reward = granted(api, CREDIT)
    assert adjust(api, -1001, 409)["code"] == "insufficient_balance"
    adjust(api, -1000)
    assert (balance(api), read(api, reward["id"])["state"]) == ((0, 0), "redeemed")


def test_what_is_given_by_hand_can_have_an_end(trial_api: Api) -> None:
    a_customer(trial_api)
    adjust(trial_api, 500, expires_at=format_rfc3339(NOON + timedelta(days=10)))
    adjust(trial_api, 300)
    days_pass(trial_api, 10)
    assert balance(trial_api) == (300, 0)
    assert adjust(trial_api, 1, 422, expires_at=format_rfc3339(NOON + timedelta(days=10)))["errors"].keys() == {
        "expires_at"
    }
    assert adjust(trial_api, -1, 422, expires_at="2030-01-01T00:00:00Z")["errors"].keys() == {"expires_at"}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"amount": 0}, "amount"),
        ({"amount": 1.5}, "amount"),
        ({"amount": 10**12 + 1}, "amount"),
        ({"amount": -(10**12) - 1}, "amount"),
        ({"unit": "U S"}, "unit"),
        ({"reason": ""}, "reason"),
        ({"reason": None}, "reason"),
        ({"reason": "r" * 501}, "reason"),
        ({"expires_at": "tomorrow"}, "expires_at"),
        ({"reference": "o-9"}, "reference"),
    ],
)
def test_what_is_no_adjustment_is_refused(api: Api, change: dict[str, Any], field: str) -> None:
    a_customer(api)
    body = {"unit": "USD", "amount": 1, "reason": "r", **change}
    assert field in expect(api.post("/v1/customers/alice/adjustments", body), 422)["errors"]
    assert balance(api) == (0, 0)


def test_an_adjustment_needs_an_admins_key_and_a_customer(api: Api, database: Database, tenant: OpenedApp) -> None:
    adjust(api, 500, 404)
    a_customer(api)
    made = database.transact(
        lambda session: create_key(
            session, tenant=tenant.tenant, name="Shop", scopes=[Scope.WRITE], actor="cli", now=NOON
        )
    )
    adjust(api.with_key(made.secret), 500, 403)
    assert balance(api) == (0, 0)


def test_the_same_idempotency_key_adjusts_once(api: Api) -> None:
    a_customer(api)
    body = {"unit": "points", "amount": 5, "reason": "A birthday."}
    first = expect(api.post("/v1/customers/alice/adjustments", body, idempotency_key="once"), 201)
    assert expect(api.post("/v1/customers/alice/adjustments", body, idempotency_key="once"), 201) == first
    assert balance(api, unit="points") == (5, 0)
    assert items(api, "/v1/rewards") == []
