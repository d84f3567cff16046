"""The same request under the same key has its effect once, and gets the same answer."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from kit.http.probe import Switches, effects
from sqlalchemy import select

from builders import Api
from referral_service.kit.clock import FixedClock
from referral_service.kit.db.engines import Database
from referral_service.kit.http import idempotency
from referral_service.tenants import kept_answers
from referral_service.tenants.kept_answers import erase_answers, purge_answers
from referral_service.tenants.models import IdempotencyKey
from referral_service.tenants.open_app import OpenedApp


def act(api: Api, key: str = "k-1", body: Any = None) -> Any:
    return api.post("/probe/act", body if body is not None else {"count": 1}, idempotency_key=key)


def test_the_same_request_gets_the_same_answer(api: Api, database: Database) -> None:
    first, second = act(api), act(api)
    assert (first.status_code, first.headers.get("Idempotency-Replayed")) == (201, None)
    assert (second.status_code, second.headers["Idempotency-Replayed"]) == (201, "true")
    assert second.data == first.data
    assert second.content_type == first.content_type
    assert effects(database) == 1


def test_without_a_key_or_under_another_one_it_is_another_request(api: Api, database: Database) -> None:
    act(api, "k-1")
    act(api, "k-2")
    api.post("/probe/act", {"count": 1})
    assert effects(database) == 3


@pytest.mark.parametrize(
    ("path", "body"),
    [("/probe/act", {"count": 2}), ("/probe/act", {"count": 1, "name": "x"}), ("/probe/kept-refusal", {"count": 1})],
)
def test_another_request_under_the_same_key_is_refused(api: Api, database: Database, path: str, body: Any) -> None:
    act(api)
    answer = api.post(path, body, idempotency_key="k-1")
    assert (answer.status_code, answer.json["code"]) == (422, "idempotency_key_reused")
    assert effects(database) == 1


def test_keys_of_different_api_keys_do_not_meet(api: Api, trial_tenant: OpenedApp, database: Database) -> None:
    act(api)
    answer = act(api.with_key(trial_tenant.key.secret))
    assert "Idempotency-Replayed" not in answer.headers
    assert effects(database) == 2


def test_a_refusal_that_is_kept_is_answered_again_as_it_was(api: Api, database: Database) -> None:
    first, second = (api.post("/probe/kept-refusal", idempotency_key="k") for _ in range(2))
    assert (second.status_code, second.data) == (409, first.data)
    assert second.content_type == "application/problem+json"
    assert second.headers["Idempotency-Replayed"] == "true"
    assert effects(database) == 1


def test_what_failed_is_not_remembered(api: Api, switches: Switches, database: Database) -> None:
    switches.fail_first_with = RuntimeError("no")
    assert act(api).status_code == 500
    answer = act(api)
    assert (answer.status_code, answer.headers.get("Idempotency-Replayed")) == (201, None)
    assert effects(database) == 1


@pytest.mark.parametrize("key", ["", "x" * 256, "two words", "naïve"])
def test_a_text_that_is_no_key_is_refused(api: Api, key: str, database: Database) -> None:
    answer = act(api, key)
    assert (answer.status_code, list(answer.json["errors"])) == (422, ["Idempotency-Key"])
    assert effects(database) == 0


def test_views_with_business_keys_pay_it_no_heed(api: Api, database: Database) -> None:
    for _ in range(2):
        answer = api.post("/probe/events", idempotency_key="k")
        assert (answer.status_code, answer.headers.get("Idempotency-Replayed")) == (201, None)
    assert effects(database) == 2


def test_an_answer_is_forgotten_after_a_day(api: Api, clock: FixedClock, database: Database) -> None:
    act(api)
    clock.advance(timedelta(hours=23, minutes=59))
    act(api)
    assert effects(database) == 1
    clock.advance(timedelta(minutes=2))
    assert "Idempotency-Replayed" not in act(api).headers
    assert effects(database) == 2


def test_forgotten_answers_are_swept_away(api: Api, clock: FixedClock, database: Database) -> None:
    act(api, "k-1")
    clock.advance(timedelta(hours=20))
    act(api, "k-2")
    clock.advance(timedelta(hours=5))
    assert database.transact(lambda session: purge_answers(session, now=clock.now())) == 1
    assert database.read(lambda session: session.scalars(select(IdempotencyKey.key)).all()) == ["k-2"]


def test_a_kept_answer_cannot_be_read_in_the_database(api: Api, database: Database) -> None:
    answer = act(api)
    (kept,) = database.read(lambda session: session.scalars(select(IdempotencyKey)).all())
    assert kept.answer_ct is not None
    assert answer.json["id"].encode() not in kept.answer_ct


def test_erasing_a_person_empties_the_answer_but_not_the_effect(
    api: Api, tenant: OpenedApp, database: Database
) -> None:
    act(api)
    app_id = tenant.tenant.app_id
    database.transact(lambda session: erase_answers(session, app_id=app_id, customer_id="cus_alice"))
    assert act(api).status_code == 201
    database.transact(lambda session: erase_answers(session, app_id=app_id, customer_id="cus_bob"))
    answer = act(api)
    assert (answer.status_code, answer.json["code"]) == (409, "idempotency_answer_erased")
    assert effects(database) == 1


def test_many_at_once_have_one_effect_and_one_answer(app: Flask, api: Api, database: Database) -> None:
    barrier = Barrier(6)

    def call(_number: int) -> tuple[int, bytes, str | None]:
        mine = Api(app.test_client(), key=api.key, clock=api.clock)
        barrier.wait()
        answer = act(mine)
        return answer.status_code, answer.data, answer.headers.get("Idempotency-Replayed")

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(call, range(6)))
    assert {status for status, _, _ in answers} == {201}
    assert len({data for _, data, _ in answers}) == 1
    assert sorted(str(replayed) for _, _, replayed in answers) == ["None"] + ["true"] * 5
    assert effects(database) == 1


def test_one_that_is_still_in_flight_is_waited_for_and_then_refused(
    app: Flask, api: Api, database: Database, switches: Switches, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_answers, "WAIT_SECONDS_MAX", 1)
    monkeypatch.setattr(idempotency, "WAIT_SECONDS_MAX", 1)
    switches.go_on.clear()

    def other_client() -> FlaskClient:
        return app.test_client()

    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(lambda: act(Api(other_client(), key=api.key, clock=api.clock)))
        assert switches.entered.wait(10)
        try:
            second = act(api)
        finally:
            switches.go_on.set()
        assert first.result(20).status_code == 201
    assert (second.status_code, second.json["code"]) == (409, "idempotency_in_flight")
    assert second.headers["Retry-After"] == "1"
    assert act(api).headers["Idempotency-Replayed"] == "true"
    assert effects(database) == 1
