"""Messages that arrive at the same time: what is put into one transaction, and that nobody can tell."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from crowd import Call, all_at_once, found_wrong
from flask import Flask
from sqlalchemy import func, select
from webhooks_in.hooks import Hook, a_standard_source

from builders import Api, a_claim, a_code, a_program, items, purchase_body
from cast import Person
from referral_service.events.given import Answer
from referral_service.kit.clock import FixedClock, format_rfc3339
from referral_service.kit.db.engines import Database
from referral_service.webhooks_in import inbox as inbox_module
from referral_service.webhooks_in import receive as receive_module
from referral_service.webhooks_in import receive_many as receive_many_module
from referral_service.webhooks_in.models import InboundEvent
from referral_service.webhooks_in.views.blueprint import INBOX

PEOPLE = [Person(f"bob-{number}", f"bob-{number}@example.com", "Bob") for number in range(8)]


@pytest.fixture
def gathered(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many messages each batch had that was gathered, and how many of them it left."""
    sizes: list[int] = []
    really = receive_many_module.receive_arrived

    def receive_arrived(*args: Any, **kwargs: Any) -> list[Answer | None]:
        sizes.append(len(kwargs["incoming"]))
        return really(*args, **kwargs)

    monkeypatch.setattr(inbox_module, "receive_arrived", receive_arrived)
    return sizes


def at_once(
    app: Flask, database: Database, hook: Hook, calls: Sequence[Call], *, waiting: int | None = None
) -> list[Any]:
    """Send them while those of this source are held up."""
    return all_at_once(app.extensions[INBOX], database, hook.source["id"], calls, waiting=waiting)


def referred(api: Api, people: Sequence[Person] = PEOPLE) -> Hook:
    """Alice has referred all of them."""
    code = a_code(api, a_program(api))
    for person in people:
        a_claim(api, code, referee=person)
    return a_standard_source(api)


def bought(hook: Hook, person: Person, *, message_id: str | None = None, **more: Any) -> Call:
    body = purchase_body(at=hook.api.now(), customer=person, **more)
    return lambda: hook.send(body, message_id=message_id)


def rewards(api: Api) -> list[tuple[str, str]]:
    return sorted((row["side"], row["state"]) for row in items(api, "/v1/rewards"))


def messages(database: Database) -> dict[str, int]:
    """How many inbound messages are in each state."""
    query = select(InboundEvent.state, func.count()).group_by(InboundEvent.state)
    with database.read_engine.connect() as connection:
        return {row[0]: row[1] for row in connection.execute(query)}


def test_purchases_that_arrive_together_are_each_answered_for_themselves(
    api: Api, app: Flask, database: Database, gathered: list[int]
) -> None:
    hook = referred(api)
    answers = all_at_once(
        app.extensions[INBOX], database, hook.source["id"], [bought(hook, person) for person in PEOPLE]
    )
    assert [answer.status_code for answer in answers] == [200] * len(PEOPLE)
    told = [answer.json for answer in answers]
    assert {answer["outcome"] for answer in told} == {"converted"}
    assert not any(answer["duplicate"] for answer in told)
    assert len({reward for answer in told for reward in answer["reward_ids"]}) == 2 * len(PEOPLE)
    of = {row["id"]: row["referee"]["customer_id"] for row in items(api, "/v1/referrals")}
    assert [of[answer["referral_id"]] for answer in told] == [person.customer_id for person in PEOPLE]
    assert sum(gathered) == len(PEOPLE) - 1
    assert messages(database) == {"processed": len(PEOPLE)}


def test_a_message_that_comes_many_times_at_once_is_recorded_once(
    api: Api, app: Flask, database: Database, gathered: list[int]
) -> None:
    hook = referred(api)
    call = bought(hook, PEOPLE[0], message_id="msg_same")
    told = [answer.json for answer in at_once(app, database, hook, [call] * 6)]
    assert sorted(answer["duplicate"] for answer in told) == [False] + [True] * 5
    assert len({str({**answer, "duplicate": None}) for answer in told}) == 1
    assert gathered
    assert messages(database) == {"processed": 1}
    assert rewards(api) == [("referee", "available"), ("referrer", "available")]


def test_messages_about_one_order_and_one_person_happen_one_after_the_other(
    api: Api, app: Flask, database: Database, gathered: list[int]
) -> None:
    """Bob's purchase, the same under another id, its refund, and another order; behind purchases of two others."""
    hook = referred(api)
    bob = PEOPLE[2]
    order = {"order_id": "bobs-first", "event_id": None}
    refund = {
        "id": "r-1",
        "type": "refund",
        "order_id": "bobs-first",
        "refund_id": "one",
        "amount": {"amount_minor": 5000, "currency": "USD"},
        "occurred_at": format_rfc3339(api.now()),
    }
    calls = [
        bought(hook, PEOPLE[0]),
        bought(hook, PEOPLE[1]),
        bought(hook, bob, **{**order, "event_id": "bobs-event"}),
        bought(hook, bob, **{**order, "event_id": "bobs-other-event"}),
        lambda: hook.send(refund),
        bought(hook, bob, order_id="bobs-second"),
    ]
    told = [answer.json for answer in at_once(app, database, hook, calls)]
    assert [answer["outcome"] for answer in told[2:5]] == ["converted", "converted", "reversed"]
    assert [answer["duplicate"] for answer in told[2:5]] == [False, True, False]
    assert told[3]["id"] == told[2]["id"] or told[3]["referral_id"] == told[2]["referral_id"]
    assert max(gathered) >= 4
    (state,) = {row["state"] for row in items(api, "/v1/referrals") if row["referee"]["customer_id"] == bob.customer_id}
    assert state == "reversed"


def test_what_is_parked_or_ignored_is_answered_in_company_as_it_is_alone(
    api: Api, app: Flask, database: Database, gathered: list[int]
) -> None:
    hook = referred(api)
    later = {**purchase_body(at=api.now(), customer=PEOPLE[0]), "occurred_at": "2099-01-01T00:00:00Z"}
    bodies: list[Any] = [b"[]", later, {"type": "purchase"}]
    alone = [{**hook.told(body, message_id=f"alone-{n}"), "id": ""} for n, body in enumerate(bodies)]
    calls = [bought(hook, PEOPLE[1]), bought(hook, PEOPLE[2]), bought(hook, PEOPLE[3])]
    calls += [lambda n=n, body=body: hook.send(body, message_id=f"msg-{n}") for n, body in enumerate(bodies)]  # type: ignore[misc]
    told = [answer.json for answer in at_once(app, database, hook, calls)]
    assert [{**answer, "id": ""} for answer in told[3:]] == alone
    assert {answer["outcome"] for answer in told[:3]} == {"converted"}
    assert max(gathered) >= 4


def test_messages_of_other_sources_and_apps_are_not_put_together(
    api: Api, trial_api: Api, app: Flask, database: Database, gathered: list[int]
) -> None:
    hook, theirs = referred(api), referred(trial_api)
    second = a_standard_source(api)
    calls = [bought(hook, PEOPLE[0]), bought(hook, PEOPLE[1])]
    calls += [bought(which, person) for person in PEOPLE[2:5] for which in (hook, theirs)]
    calls.append(bought(second, PEOPLE[5]))
    # SQLite has one writer for all; on PostgreSQL those of one source are kept waiting, and nobody else.
    answers = all_at_once(
        app.extensions[INBOX], database, hook.source["id"], calls, waiting=4 + 2 if database.is_sqlite else 4
    )
    assert [answer.json["outcome"] for answer in answers] == ["converted"] * len(calls)
    assert len(items(trial_api, "/v1/rewards")) == 2 * 3
    assert len(items(api, "/v1/rewards")) == 2 * 6
    assert max(gathered) <= 4
    with database.read_engine.connect() as connection:
        per_app = connection.execute(select(InboundEvent.app_id, func.count()).group_by(InboundEvent.app_id)).all()
    assert sorted(number for _, number in per_app) == [3, 6]


def test_a_message_that_cannot_be_carried_out_fails_alone(
    api: Api, app: Flask, database: Database, clock: FixedClock, gathered: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    hook = referred(api)
    for module in (receive_module, receive_many_module):
        really = module.record_events

        def record_events(*args: Any, really: Any = really, **kwargs: Any) -> Any:
            answers = really(*args, **kwargs)
            if any(event.external_id == "poison" for event in kwargs["given"]):
                raise RuntimeError("after everything has been written")
            return answers

        monkeypatch.setattr(module, "record_events", record_events)
    calls = [bought(hook, person) for person in PEOPLE]
    calls[5] = bought(hook, PEOPLE[5], event_id="poison", message_id="poison")
    answers = at_once(app, database, hook, calls)
    assert [answer.status_code for answer in answers] == [200] * 5 + [500] + [200] * 2
    assert {answer.json["outcome"] for answer in answers if answer.status_code == 200} == {"converted"}
    assert max(gathered) >= 6
    assert messages(database) == {"processed": len(PEOPLE) - 1}
    assert len(items(api, "/v1/rewards")) == 2 * (len(PEOPLE) - 1)
    monkeypatch.undo()
    # And goes through once what was wrong with it is mended.
    assert calls[5]().json["outcome"] == "converted"
    assert found_wrong(app, clock) == []


def test_in_a_crowd_of_posters_every_purchase_counts_once(
    api: Api, app: Flask, database: Database, clock: FixedClock
) -> None:
    """Each message twice, from many threads, without any order."""
    hook = referred(api)
    other = a_standard_source(api)
    calls = [
        bought(which, person, message_id=f"msg-{person.customer_id}", order_id=f"o-{person.customer_id}")
        for person in PEOPLE
        for which in (hook, hook, other)
    ]
    with ThreadPoolExecutor(len(calls)) as threads:
        answers = list(threads.map(lambda call: call(), calls))
    assert [answer.status_code for answer in answers] == [200] * len(calls)
    assert len(items(api, "/v1/rewards")) == 2 * len(PEOPLE)
    assert messages(database) == {"processed": 2 * len(PEOPLE)}
    assert found_wrong(app, clock) == []
