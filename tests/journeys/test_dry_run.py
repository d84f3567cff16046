"""A dry run answers what would happen, by the verb that makes it happen, and keeps nothing."""

from __future__ import annotations

from threading import Thread
from typing import Any

from sqlalchemy import func, select, text

from builders import Api, a_claim, a_code, a_program, a_purchase, credit, expect, items, purchase_body
from cast import BOB, CAROL
from referral_service.all_models import metadata
from referral_service.kit.db.engines import Database


def counts(database: Database) -> dict[str, int]:
    """How many rows each table has."""
    return database.read(
        lambda session: {
            table.name: session.execute(select(func.count()).select_from(table)).scalar_one()
            for table in metadata.sorted_tables
        }
    )


def dry(api: Api, body: Any) -> Any:
    return expect(api.post("/v1/events", body, dry_run="true"), 200)


def test_it_tells_what_would_be_granted_and_keeps_nothing(api: Api, database: Database) -> None:
    a_claim(api, a_code(api, a_program(api)))
    before = counts(database)
    body = purchase_body(at=api.now(), order_id="o-1")
    answer = dry(api, body)
    assert (answer["outcome"], answer["dry_run"], answer["estimate"]) == ("converted", True, True)
    told = [(it["key"], it["state"], it["customer_id"], it["amount"]["amount_minor"]) for it in answer["rewards"]]
    assert told == [("referrer_credit", "available", "alice", 1000), ("referee_credit", "available", "bob", 500)]
    assert counts(database) == before
    assert items(api, "/v1/rewards") == []
    # The very same event is then taken as if it had never been sent.
    assert expect(api.post("/v1/events", body), 201)["duplicate"] is False
    assert len(items(api, "/v1/rewards")) == 2


def test_it_tells_of_caps_as_they_stand(api: Api) -> None:
    code = a_code(api, a_program(api, rewards=[credit(key="thanks", side="referrer", cap={"count": 1})]))
    a_claim(api, code)
    a_claim(api, code, referee=CAROL)
    a_purchase(api, order_id="o-1")
    (reward,) = dry(api, purchase_body(at=api.now(), customer=CAROL, order_id="o-2"))["rewards"]
    assert (reward["state"], reward["reason"], reward["ordinal"]) == ("capped", "cap_reached", 2)


def test_it_tells_what_a_refund_would_take_back(api: Api) -> None:
    a_claim(api, a_code(api, a_program(api)))
    a_purchase(api, order_id="o-1", amount_minor=5000)
    body = {
        "id": "r-1", "type": "refund", "order_id": "o-1", "occurred_at": "2026-03-01T12:00:00Z",
        "refunded_total": {"amount_minor": 2500, "currency": "USD"},
    }  # fmt: skip
    answer = dry(api, body)
    assert answer["outcome"] == "reversed"
    assert [it["reversed"]["amount_minor"] for it in answer["rewards"]] == [500, 250]
    assert [it["reversed"]["amount_minor"] for it in items(api, "/v1/rewards")] == [0, 0]


def test_a_batch_is_answered_item_by_item(api: Api) -> None:
    a_claim(api, a_code(api, a_program(api)))
    batch = {"events": [purchase_body(at=api.now(), order_id="o-1"), {"id": "bad"}]}
    good, bad = dry(api, batch)["results"]
    assert (good["outcome"], good["dry_run"], bad["outcome"]) == ("converted", True, "invalid")


def test_only_true_and_false_are_understood(api: Api) -> None:
    answer = api.post("/v1/events", purchase_body(at=api.now()), dry_run="yes")
    assert (answer.status_code, answer.json["code"]) == (422, "invalid_request")
    assert items(api, "/v1/rewards") == []


def test_it_waits_for_no_anchor_that_somebody_else_holds(api: Api, database: Database) -> None:
    """On SQLite there is one writer, so this says something on PostgreSQL alone."""
    if database.is_sqlite:
        return
    code = a_code(api, a_program(api, rewards=[credit(key="thanks", side="referrer", cap={"count": 5})]))
    a_claim(api, code)
    a_claim(api, code, referee=CAROL)
    a_purchase(api, customer=CAROL)
    answers: list[Any] = []

    def ask() -> None:
        answers.append(dry(api, purchase_body(at=api.now(), customer=BOB)))

    with database.write_engine.connect() as other, other.begin():
        other.execute(text("SELECT * FROM reward_anchors FOR UPDATE"))
        asking = Thread(target=ask)
        asking.start()
        asking.join(10)
        assert not asking.is_alive()
    assert answers[0]["outcome"] == "converted"
