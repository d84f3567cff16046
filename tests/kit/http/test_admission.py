"""Who is let in: so many at once, so many waiting in turn, the rest refused; health is answered whatever happens."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from threading import Event, Thread
from typing import Any

import orjson
import pytest
from flask import Flask
from flask.testing import FlaskClient
from kit.http.probe import Switches
from structlog.testing import capture_logs

from builders import Api
from referral_service.clicks.lean_links import LeanLinks
from referral_service.config import Settings
from referral_service.kit.http import admission
from referral_service.kit.http.admission import Admission, Gate, Refusal, threads_for
from referral_service.operations.views import WITHOUT_WAITING

PATIENCE_SECONDS = 30


def in_thread(work: Callable[[], Any]) -> Thread:
    thread = Thread(target=work, daemon=True)
    thread.start()
    return thread


def until(what: Callable[[], bool]) -> None:
    pause = Event()
    for _ in range(PATIENCE_SECONDS * 200):
        if what():
            return
        pause.wait(0.005)
    raise AssertionError("never")


def test_so_many_are_inside_at_once_and_the_next_ones_wait_in_turn() -> None:
    gate = Gate(places=2, waiting_max=3, wait_seconds_max=PATIENCE_SECONDS)
    assert gate.enter()
    assert gate.enter()
    entered: list[int] = []

    def come(number: int) -> None:
        assert gate.enter()
        entered.append(number)

    threads = []
    for number in range(3):
        threads.append(in_thread(partial(come, number)))
        until(partial(lambda number: gate.waiting == number + 1, number))
    assert (gate.inside, gate.waiting, entered) == (2, 3, [])
    for number in range(3):
        gate.leave()
        until(partial(lambda number: len(entered) == number + 1, number))
        assert gate.inside == 2
    assert entered == [0, 1, 2]
    for _ in range(2):
        gate.leave()
    assert (gate.inside, gate.waiting, gate.refused) == (0, 0, 0)


def test_who_finds_all_turns_taken_is_refused_at_once() -> None:
    gate = Gate(places=1, waiting_max=1, wait_seconds_max=PATIENCE_SECONDS)
    assert gate.enter()
    waiting = in_thread(gate.enter)
    until(lambda: gate.waiting == 1)
    assert not gate.enter()
    assert gate.refused == 1
    gate.leave()
    waiting.join(PATIENCE_SECONDS)
    gate.leave()
    assert (gate.inside, gate.enter()) == (0, True)


def test_who_has_waited_long_enough_is_refused_and_takes_no_place() -> None:
    gate = Gate(places=1, waiting_max=1, wait_seconds_max=0.01)
    assert gate.enter()
    assert not gate.enter()
    assert (gate.inside, gate.waiting, gate.refused) == (1, 0, 1)
    gate.leave()
    assert gate.inside == 0
    assert gate.enter()


def test_no_place_is_lost_or_made_when_many_come_go_and_give_up_at_once() -> None:
    gate = Gate(places=3, waiting_max=4, wait_seconds_max=0.001)
    most: list[int] = []

    def come_and_go() -> None:
        for _ in range(300):
            if gate.enter():
                most.append(gate.inside)
                gate.leave()

    threads = [in_thread(come_and_go) for _ in range(12)]
    for thread in threads:
        thread.join(PATIENCE_SECONDS)
    assert max(most) <= 3
    assert (gate.inside, gate.waiting) == (0, 0)
    assert all(gate.enter() for _ in range(3))
    assert not gate.enter()


def test_while_one_is_aside_another_has_the_place_and_who_comes_back_goes_before_the_next() -> None:
    gate = Gate(places=1, waiting_max=3, wait_seconds_max=PATIENCE_SECONDS)
    called, entered = Event(), list[str]()

    def step_aside() -> None:
        assert gate.enter()
        with gate.aside():
            called.wait(PATIENCE_SECONDS)
        entered.append("back")
        gate.leave()

    def come() -> None:
        assert gate.enter()
        entered.append("new")
        gate.leave()

    stepping = in_thread(step_aside)
    until(lambda: gate.waiting == 1)
    assert gate.enter()
    assert (gate.inside, gate.waiting) == (1, 1)
    coming = in_thread(come)
    until(lambda: gate.waiting == 2)
    called.set()
    # Nobody is ahead of time: both wait until the place is free.
    stepping.join(0.05)
    assert (entered, gate.waiting) == ([], 2)
    gate.leave()
    stepping.join(PATIENCE_SECONDS)
    coming.join(PATIENCE_SECONDS)
    assert entered == ["back", "new"]
    assert (gate.inside, gate.waiting, gate.refused) == (0, 0, 0)


def test_who_is_aside_counts_among_those_who_wait() -> None:
    gate = Gate(places=1, waiting_max=1)
    assert gate.enter()
    with gate.aside():
        assert gate.enter()
        with gate.aside():
            # There are places, but threads for two only.
            assert not gate.enter()
            assert (gate.inside, gate.waiting, gate.refused) == (0, 2, 1)
        gate.leave()
    assert (gate.inside, gate.waiting) == (1, 0)


def test_no_place_is_lost_or_made_when_many_step_aside_at_once() -> None:
    gate = Gate(places=2, waiting_max=9, wait_seconds_max=0.001)
    most: list[int] = []

    def come_and_go() -> None:
        for _ in range(200):
            if gate.enter():
                with gate.aside():
                    pass
                most.append(gate.inside)
                gate.leave()

    threads = [in_thread(come_and_go) for _ in range(12)]
    for thread in threads:
        thread.join(PATIENCE_SECONDS)
    assert max(most) <= 2
    assert (gate.inside, gate.waiting) == (0, 0)
    assert all(gate.enter() for _ in range(2))


def test_a_gate_without_a_place_is_refused() -> None:
    with pytest.raises(ValueError, match="Nobody"):
        Gate(places=0)


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
    assert isinstance(app.wsgi_app, LeanLinks)
    taken = app.wsgi_app._behind
    assert isinstance(taken, Admission)
    taken._gate = app.extensions[admission.EXTENSION] = gate
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


def test_the_server_has_a_thread_for_all_who_work_or_wait_and_some_more() -> None:
    assert threads_for(8) > 8 + admission.WAITING_MAX
