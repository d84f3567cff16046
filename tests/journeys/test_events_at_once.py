"""Single events of an app's own that come at the same time: put into one transaction, and nobody can tell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from crowd import Call, all_at_once, found_wrong
from flask import Flask

from builders import Api, a_claim, a_code, a_program, items, purchase_body
from cast import Person
from referral_service.events.given import Answer
from referral_service.journeys.recording import intake as intake_module
from referral_service.journeys.recording.record_events import record_events
from referral_service.journeys.views.wiring import INTAKE
from referral_service.kit.clock import FixedClock, format_rfc3339
from referral_service.kit.db.engines import Database
from referral_service.tenants.open_app import OpenedApp, api_source_id

PEOPLE = [Person(f"bob-{number}", f"bob-{number}@example.com", "Bob") for number in range(8)]


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many events each transaction was given."""
    sizes: list[int] = []

    def counted(*args: Any, **kwargs: Any) -> list[Answer]:
        sizes.append(len(kwargs["given"]))
        return record_events(*args, **kwargs)

    monkeypatch.setattr(intake_module, "record_events", counted)
    return sizes


@pytest.fixture(autouse=True)
def referred(api: Api) -> None:
    """Alice has referred all of them."""
    code = a_code(api, a_program(api))
    for person in PEOPLE:
        a_claim(api, code, referee=person)


def posted(api: Api, body: dict[str, Any]) -> Call:
    own = Api(api.client.application.test_client(), key=api.key, clock=api.clock)
    return lambda: own.post("/v1/events", body)


def bought(api: Api, person: Person, **more: Any) -> Call:
    return posted(api, purchase_body(at=api.now(), customer=person, **more))


def at_once(app: Flask, database: Database, tenant: OpenedApp, calls: Sequence[Call]) -> list[Any]:
    """Send them while the first is held up: the others wait for it."""
    return all_at_once(app.extensions[INTAKE], database, api_source_id(tenant.tenant.app_id), calls)


def test_purchases_that_come_together_are_each_answered_for_themselves(
    api: Api, app: Flask, database: Database, tenant: OpenedApp, clock: FixedClock, recorded: list[int]
) -> None:
    answers = at_once(app, database, tenant, [bought(api, person) for person in PEOPLE])
    assert [answer.status_code for answer in answers] == [201] * len(PEOPLE)
    assert {answer.json["outcome"] for answer in answers} == {"converted"}
    of = {row["id"]: row["referee"]["customer_id"] for row in items(api, "/v1/referrals")}
    assert [of[answer.json["referral_id"]] for answer in answers] == [person.customer_id for person in PEOPLE]
    assert len({reward for answer in answers for reward in answer.json["reward_ids"]}) == 2 * len(PEOPLE)
    assert recorded == [1, len(PEOPLE) - 1]
    assert found_wrong(app, clock) == []


def test_what_is_sent_many_times_at_once_happens_once_and_is_answered_alike(
    api: Api, app: Flask, database: Database, tenant: OpenedApp, clock: FixedClock, recorded: list[int]
) -> None:
    same = {"event_id": "same", "order_id": "same-order"}
    again = {"event_id": "another", "order_id": "same-order"}
    calls = [bought(api, PEOPLE[0], **said) for said in (same, same, again, same, again)]
    answers = at_once(app, database, tenant, calls)
    assert sorted(answer.status_code for answer in answers) == [200, 200, 200, 200, 201]
    assert sorted(answer.json["duplicate"] for answer in answers) == [False, True, True, True, True]
    assert len({str(answer.json["reward_ids"]) for answer in answers}) == 1
    assert len(items(api, "/v1/rewards")) == 2
    assert recorded == [1, 4]
    assert found_wrong(app, clock) == []


def test_a_purchase_and_its_refund_may_share_a_transaction(
    api: Api, app: Flask, database: Database, tenant: OpenedApp, clock: FixedClock, recorded: list[int]
) -> None:
    refund = {
        "id": "r-1",
        "type": "refund",
        "order_id": "bobs",
        "refund_id": "one",
        "amount": {"amount_minor": 5000, "currency": "USD"},
        "occurred_at": format_rfc3339(api.now()),
    }
    calls = [bought(api, PEOPLE[0]), bought(api, PEOPLE[1], event_id="e-bobs", order_id="bobs"), posted(api, refund)]
    told = [answer.json["outcome"] for answer in at_once(app, database, tenant, calls)]
    assert told == ["converted", "converted", "reversed"]
    assert recorded == [1, 2]
    assert found_wrong(app, clock) == []


def test_what_is_not_a_plain_event_of_the_app_is_recorded_apart(
    api: Api, tenant: OpenedApp, recorded: list[int]
) -> None:
    body = purchase_body(at=api.now(), customer=PEOPLE[0])
    assert api.post("/v1/events?dry_run=true", body).json["dry_run"]
    assert api.post("/v1/events", {"events": [body]}).json["results"][0]["outcome"] == "converted"
    elsewhere = purchase_body(at=api.now(), customer=PEOPLE[1], event_id="e-x", order_id="x")
    named = elsewhere | {"source_id": api_source_id(tenant.tenant.app_id)}
    assert api.post("/v1/events", named).json["outcome"] == "converted"
    assert api.post("/v1/events", named | {"source_id": "src_1_00000000000000000000000000"}).status_code in (404, 422)
    assert recorded == []


def test_one_that_cannot_be_recorded_spoils_no_other(
    api: Api, app: Flask, database: Database, tenant: OpenedApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    def poisoned(*args: Any, **kwargs: Any) -> list[Answer]:
        if any(event.external_id == "poison" for event in kwargs["given"]):
            raise RuntimeError
        return record_events(*args, **kwargs)

    monkeypatch.setattr(intake_module, "record_events", poisoned)
    app.config["PROPAGATE_EXCEPTIONS"] = False
    calls = [bought(api, person) for person in PEOPLE]
    calls[5] = bought(api, PEOPLE[5], event_id="poison")
    answers = at_once(app, database, tenant, calls)
    assert [answer.status_code for answer in answers] == [201] * 5 + [500] + [201] * 2
    assert len(items(api, "/v1/rewards")) == 2 * 7
