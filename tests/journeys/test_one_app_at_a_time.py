"""Whatever is asked over the API names its one app in every statement: on a cluster it is one node's business."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from asked import statements

from builders import Api, a_claim, a_code, a_customer, a_program, a_purchase, a_refund, expect
from cast import ALICE, BOB
from referral_service.all_models import metadata
from referral_service.kit.db.citus import spread
from referral_service.kit.db.engines import Database

TABLES = "|".join(str(table.name) for table in spread(metadata).distributed)
TOUCHES_AN_APP = re.compile(rf"\b(?:FROM|JOIN|UPDATE)\s+(?:{TABLES})\b")
# A parameter, and not another table's column.
NAMES_ITS_APP = re.compile(r"\bapp_id = (?:\?|%\()")


@pytest.fixture(name="statements")
def all_statements(database: Database) -> Iterator[list[str]]:
    """What is said to the database."""
    with statements(database) as said:
        yield said


def across_apps(asked: list[str]) -> list[str]:
    return [said for said in asked if TOUCHES_AN_APP.search(said) and not NAMES_ITS_APP.search(said)]


def test_every_statement_of_a_journey_names_its_app(api: Api, statements: list[str]) -> None:
    program = a_program(api)
    a_customer(api, ALICE)
    code = a_code(api, program)
    a_claim(api, code)
    a_purchase(api, order_id="o-1")
    redemption = {"unit": "USD", "amount": 100, "reference": "o-2"}
    expect(api.post(f"/v1/customers/{ALICE.customer_id}/redemptions", redemption, idempotency_key="k-1"), 201)
    a_refund(api, order_id="o-1")
    paths = (
        "/v1/referrals",
        "/v1/rewards",
        f"/v1/programs/{program['id']}/stats",
        f"/v1/programs/{program['id']}/leaderboard",
        f"/v1/programs/{program['id']}/liability",
        f"/v1/customers/{BOB.customer_id}/balances",
        "/v1/notifications",
    )
    for path in paths:
        expect(api.get(path), 200)
    assert len([said for said in statements if TOUCHES_AN_APP.search(said)]) > 40
    assert across_apps(statements) == []


def test_a_statement_across_apps_is_seen() -> None:
    told = [
        "SELECT id FROM rewards WHERE app_id = ? AND id = ?",
        "SELECT id FROM rewards WHERE state = 'pending' FOR UPDATE SKIP LOCKED",
        "SELECT a.id FROM apps a JOIN rewards ON rewards.app_id = a.id",
    ]
    assert across_apps(told) == told[1:]
