"""The wallet over HTTP."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from ledger.people import Given, do
from sqlalchemy import text

from builders import Api, a_customer, expect
from cast import BOB, NOON
from referral_service.kit.db.engines import Database
from referral_service.tenants.create_key import create_key
from referral_service.tenants.open_app import OpenedApp
from referral_service.tenants.scopes import Scope

BALANCES = "/v1/customers/alice/balances"
REDEMPTIONS = "/v1/customers/alice/redemptions"


@pytest.fixture
def alice(api: Api, database: Database, tenant: OpenedApp) -> Given:
    """Alice, who holds 10.00 USD and has 3.00 pending."""
    given = Given(recipient_id=a_customer(api)["id"])
    moves = (given.grant(1300), given.release(1000, expires_at=NOON + timedelta(days=30)))
    database.transact(lambda session: do(session, tenant.tenant.app_id, *moves, now=NOON))
    return given


def redemption(amount: Any = 400, **more: Any) -> dict[str, Any]:
    return {"unit": "USD", "amount": amount, "reference": "order o-9", **more}


def test_balances_are_told_in_every_unit(api: Api, database: Database, tenant: OpenedApp, alice: Given) -> None:
    points = Given(alice.recipient_id, unit="points")
    database.transact(lambda session: do(session, tenant.tenant.app_id, points.grant(5), points.release(5), now=NOON))
    assert expect(api.get(BALANCES), 200) == {
        "items": [
            {"unit": "USD", "available": 1000, "pending": 300},
            {"unit": "points", "available": 5, "pending": 0},
        ]
    }


def test_a_customer_who_never_got_anything_has_no_balances(api: Api) -> None:
    a_customer(api, BOB)
    assert expect(api.get("/v1/customers/bob/balances"), 200) == {"items": []}


@pytest.mark.usefixtures("alice")
def test_a_balance_is_spent_in_part_and_then_whole(api: Api) -> None:
    answer = expect(api.post(REDEMPTIONS, redemption()), 201)
    assert answer.pop("id").startswith("rdm_")
    assert answer == {
        "customer_id": "alice",
        "unit": "USD",
        "amount": 400,
        "reference": "order o-9",
        "recorded_at": "2026-03-01T12:00:00Z",
    }
    expect(api.post(REDEMPTIONS, redemption(600)), 201)
    assert expect(api.get(BALANCES), 200)["items"] == [{"unit": "USD", "available": 0, "pending": 300}]


@pytest.mark.usefixtures("alice")
def test_more_than_is_available_is_a_conflict_that_changes_nothing(api: Api) -> None:
    problem = expect(api.post(REDEMPTIONS, redemption(1001)), 409)
    assert problem["code"] == "insufficient_balance"
    assert "10.00 USD" in problem["detail"]
    expect(api.post(REDEMPTIONS, redemption(unit="EUR")), 409)
    assert expect(api.get(BALANCES), 200)["items"] == [{"unit": "USD", "available": 1000, "pending": 300}]


@pytest.mark.usefixtures("alice")
def test_the_same_idempotency_key_spends_once(api: Api) -> None:
    first = expect(api.post(REDEMPTIONS, redemption(), idempotency_key="once"), 201)
    assert expect(api.post(REDEMPTIONS, redemption(), idempotency_key="once"), 201) == first
    assert expect(api.get(BALANCES), 200)["items"][0]["available"] == 600


@pytest.mark.usefixtures("alice")
@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"amount": 0}, "amount"),
        ({"amount": -1}, "amount"),
        ({"amount": 1.0}, "amount"),
        ({"amount": "1"}, "amount"),
        ({"amount": 10**12 + 1}, "amount"),
        ({"unit": ""}, "unit"),
        ({"unit": "U" * 17}, "unit"),
        ({"unit": "U S"}, "unit"),
        ({"reference": ""}, "reference"),
        ({"reference": "r" * 256}, "reference"),
        ({"customer_id": "bob"}, "customer_id"),
    ],
)
def test_what_is_no_amount_of_a_unit_is_refused(api: Api, change: dict[str, Any], field: str) -> None:
    problem = expect(api.post(REDEMPTIONS, redemption() | change), 422)
    assert field in problem["errors"]
    assert expect(api.get(BALANCES), 200)["items"][0]["available"] == 1000


@pytest.mark.parametrize("name", ["nobody", "a%00b", "%E2%80%AE", "x" * 300])
def test_nobody_by_that_name_is_not_found(api: Api, name: str) -> None:
    assert api.get(f"/v1/customers/{name}/balances").status_code == 404
    assert api.post(f"/v1/customers/{name}/redemptions", redemption()).status_code == 404


@pytest.mark.usefixtures("alice")
def test_an_erased_customer_is_not_found_and_the_totals_stay(api: Api, database: Database) -> None:
    erase = text("UPDATE customers SET external_id = NULL")
    database.transact(lambda session: session.execute(erase))
    assert api.get(BALANCES).status_code == 404
    total = text("SELECT sum(balance) FROM ledger_accounts")
    assert database.read(lambda session: session.execute(total).scalar_one()) == 1300


@pytest.mark.usefixtures("alice")
def test_another_apps_key_does_not_find_the_customer(api: Api, trial_tenant: OpenedApp) -> None:
    stranger = api.with_key(trial_tenant.key.secret)
    assert stranger.get(BALANCES).status_code == 404
    assert stranger.post(REDEMPTIONS, redemption()).status_code == 404


@pytest.mark.usefixtures("alice")
def test_a_reading_key_may_look_and_not_spend(api: Api, database: Database, tenant: OpenedApp) -> None:
    made = database.transact(
        lambda session: create_key(
            session, tenant=tenant.tenant, name="Reader", scopes=[Scope.READ], actor="cli", now=NOON
        )
    )
    reader = api.with_key(made.secret)
    assert reader.get(BALANCES).status_code == 200
    assert reader.post(REDEMPTIONS, redemption()).status_code == 403
