"""Who is let in: so many at once, so many waiting in turn, the rest refused; health is answered whatever happens."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from flask import Flask
from flask.testing import FlaskClient
from kit.http.probe import Switches
from kit.http.threads import PATIENCE_SECONDS, in_thread
from structlog.testing import capture_logs

from builders import Api
from referral_service.config import Settings
from referral_service.kit.http.ingress import admission
from referral_service.kit.http.ingress.admission import Admission, Refusal
from referral_service.kit.http.ingress.gate import Gate
from referral_service.operations.views import WITHOUT_WAITING


def test_a_place_is_given_back_when_the_application_fails(settings: Settings) -> None:
    gate = Gate(places=1)

    def broken(_environ: Any, _start: Any) -> list[bytes]:
        assert gate.inside == 1
        raise RuntimeError

    with pytest.raises(RuntimeError):
        Admission(broken, gate, Refusal(settings))({"PATH_INFO": "/"}, lambda *_: None)  # type: ignore[arg-type]
    assert gate.inside == 0


@pytest.fixture
def full_house(app: Flask, api: Api, switches: Switches) -> Iterator[Gate]:
    """The service with its only place taken by a request that goes on at the end, and no turn left."""
    gate = Gate(places=1, waiting_max=0)
    app.extensions[admission.EXTENSION].gate = gate
    switches.go_on.clear()
    other = Api(app.test_client(), key=api.key, clock=api.clock)
    answers: list[Any] = []
    busy = in_thread(lambda: answers.append(other.post("/probe/act", {"name": "Alice"})))
    assert switches.entered.wait(PATIENCE_SECONDS)
    assert gate.inside == 1
    yield gate
    switches.go_on.set()
    busy.join(PATIENCE_SECONDS)
    assert answers[0].status_code == 201
    assert gate.inside == 0


def test_a_refusal_is_a_problem_that_says_when_to_come_again(
    client: FlaskClient, full_house: Gate, settings: Settings
) -> None:
    with capture_logs() as logs:
        answers = [client.post("/v1/events", data=b"x" * 10_000, headers={"X-Request-Id": "mine-12345"}) for _ in "123"]
    for answer in answers:
        assert answer.status_code == 503
        assert answer.content_type == "application/problem+json"
        document = orjson.loads(answer.data)
        assert document["code"] == "overloaded"
        assert document["type"] == f"{settings.base_url}/docs/errors#overloaded"
        assert answer.headers["Retry-After"] == str(document["retry_after_seconds"])
        assert answer.headers["X-Request-Id"] == "mine-12345"
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Strict-Transport-Security"]
    # They do not all come back in the same second.
    assert {answer.headers["Retry-After"] for answer in answers} == {"1", "2", "3"}
    # A line for each would be the next overload.
    assert [it["refused"] for it in logs if it["event"] == "overloaded"] == [1]
    assert full_house.refused == 3


def test_health_readiness_and_metrics_are_answered_though_the_house_is_full(
    client: FlaskClient, full_house: Gate
) -> None:
    assert client.get("/v1/programs").status_code == 503
    for path in WITHOUT_WAITING:
        assert client.get(path).status_code == 200, path
    told = client.get("/metrics").text
    assert "referral_http_requests_inside 1.0" in told
    assert "referral_http_requests_waiting 0.0" in told
    assert "referral_http_requests_refused_total 1.0" in told
    assert full_house.refused == 1
