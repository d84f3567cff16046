"""What waiting messages are found to have meant once what they waited for has come."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text

from builders import Api, a_claim, a_code, a_program, a_purchase, a_refund, expect
from referral_service.kit.db.engines import Database


def a_dispute(api: Api, status: str) -> Any:
    body = {"id": f"d-{status}", "type": "dispute", "order_id": "o-1", "status": status}
    return expect(api.post("/v1/events", {**body, "occurred_at": "2026-03-01T12:00:00Z"}), 201)


def become(database: Database, event_type: str) -> list[tuple[str, str | None]]:
    statement = text("SELECT outcome, reason FROM events WHERE type = :type ORDER BY external_id")
    with database.read_engine.connect() as connection:
        return [(row.outcome, row.reason) for row in connection.execute(statement, {"type": event_type})]


def test_refund_of_nothing_is_not_told_as_a_dispute_won(api: Api, database: Database) -> None:
    code = a_code(api, a_program(api))
    a_purchase(api, order_id="o-1")
    a_refund(api, order_id="o-1", refunded_total_minor=0)
    a_claim(api, code)
    assert become(database, "refund") == [("recorded", "nothing_to_reverse")]


def test_refund_of_nothing_that_came_first_is_answered_too(api: Api, database: Database) -> None:
    a_claim(api, a_code(api, a_program(api)))
    a_refund(api, order_id="o-1", refunded_total_minor=0)
    a_purchase(api, order_id="o-1")
    assert become(database, "refund") == [("recorded", "nothing_to_reverse")]


@pytest.mark.parametrize("said", [["opened", "won"], ["won"]])
def test_dispute_that_was_over_before_its_purchase_reversed_nothing(
    api: Api, database: Database, said: list[str]
) -> None:
    a_claim(api, a_code(api, a_program(api)))
    for status in said:
        a_dispute(api, status)
    assert a_purchase(api, order_id="o-1")["outcome"] == "converted"
    assert become(database, "dispute") == [("recorded", "nothing_to_reverse")] * len(said)
