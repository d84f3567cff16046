from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from functools import partial
from itertools import pairwise
from threading import Event, Thread
from typing import Any, NoReturn, cast

import pytest
import structlog
from cli.processes import eventually
from cli.runner import Cli
from flask import Flask
from pytest_httpserver import HTTPServer
from sqlalchemy import select
from structlog.testing import LogCapture
from webhooks_out.sending import Inbox, Outbox

from builders import Api
from referral_service import worker
from referral_service.audit.models import AuditEntry
from referral_service.kit.clock import FixedClock
from referral_service.kit.db.engines import Database
from referral_service.kit.http import wiring
from referral_service.kit.http.wiring import Service
from referral_service.tenants.kept_answers import purge_answers
from referral_service.tenants.models import IdempotencyKey
from referral_service.tenants.open_app import OpenedApp
from referral_service.webhooks_out.states import DONE
from referral_service.worker import Step, run_worker, work_off


@pytest.fixture
def service(app: Flask) -> Service:
    found: Service = app.extensions[wiring.EXTENSION]
    return found


@pytest.fixture
def logged() -> Iterator[list[Any]]:
    capture = LogCapture()
    structlog.configure(processors=[capture], wrapper_class=structlog.BoundLogger, cache_logger_on_first_use=False)
    return capture.entries  # type: ignore[return-value]


@pytest.fixture
def seconds(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What the worker's stopwatch shows: the first element, to be moved by hand."""
    shown = [0.0]
    monkeypatch.setattr(worker, "monotonic_seconds", lambda: shown[0])
    return shown


def failing() -> NoReturn:
    raise RuntimeError("alice@example.com is not unique")


def unsealed(database: Database) -> int:
    rows = database.read(lambda session: session.scalars(select(AuditEntry.id).where(AuditEntry.seq.is_(None))).all())
    return len(rows)


@pytest.mark.usefixtures("tenant")
def test_what_is_due_is_done_until_nothing_is(service: Service, database: Database) -> None:
    assert unsealed(database) > 0
    done, failed = work_off(service, stop=Event())
    assert (done > 0, failed) == (True, [])
    assert unsealed(database) == 0
    assert work_off(service, stop=Event()) == (0, [])


def test_old_answers_are_swept_away_in_batches(
    service: Service, api: Api, clock: FixedClock, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        body = {"name": f"Key {number}", "scopes": ["read"]}
        assert api.post("/v1/keys", body, idempotency_key=f"k-{number}").status_code == 201
    clock.advance(timedelta(hours=25))
    kept = select(IdempotencyKey.key)
    assert len(database.read(lambda session: session.scalars(kept).all())) == 5
    sweep = purge_answers
    batches: list[int] = []

    def two_at_once(session: Any, **said: Any) -> int:
        batches.append(sweep(session, **said, limit=2))
        return batches[-1]

    monkeypatch.setattr(worker, "purge_answers", two_at_once)
    work_off(service, stop=Event())
    assert batches == [2, 2, 1, 0]
    assert database.read(lambda session: session.scalars(kept).all()) == []


def test_the_worker_waits_for_work_and_stops_when_told(service: Service, api: Api, database: Database) -> None:
    stop, done = Event(), list[int]()
    thread = Thread(target=lambda: done.append(run_worker(service, stop=stop, idle_seconds=0.01)))
    thread.start()
    try:
        eventually(lambda: unsealed(database) == 0)
        api.post("/v1/keys", {"name": "Later", "scopes": ["read"]})
        eventually(lambda: unsealed(database) == 0)
    finally:
        stop.set()
        thread.join(timeout=30)
    assert not thread.is_alive()
    assert done[0] > 1


def test_what_is_announced_is_placed_and_sent_by_itself(
    service: Service, tenant: OpenedApp, httpserver: HTTPServer
) -> None:
    here = replace(service, settings=replace(service.settings, development=True))
    outbox = Outbox(here.database, here.sealer, cast(FixedClock, here.clock), tenant.tenant.app_id)
    inbox = Inbox(httpserver, "/hooks")
    endpoint = outbox.add(inbox.url)
    stop = Event()
    thread = Thread(target=run_worker, args=(here,), kwargs={"stop": stop})
    thread.start()
    try:
        for _ in range(3):
            outbox.announce("balance.changed", place=False)
            sent = len(inbox.requests) + 1
            eventually(lambda sent=sent: len(inbox.requests) == sent)  # type: ignore[misc]
    finally:
        stop.set()
        thread.join(timeout=30)
    assert not thread.is_alive()
    assert outbox.states(endpoint) == [DONE] * 3


def test_a_worker_that_works_off_sends_what_is_due(service: Service, tenant: OpenedApp, httpserver: HTTPServer) -> None:
    here = replace(service, settings=replace(service.settings, development=True))
    outbox = Outbox(here.database, here.sealer, cast(FixedClock, here.clock), tenant.tenant.app_id)
    inbox = Inbox(httpserver, "/hooks")
    outbox.add(inbox.url)
    outbox.announce("balance.changed", "balance.changed", place=False)
    assert work_off(here, stop=Event())[1] == []
    assert len(inbox.requests) == 2


def test_the_step_at_hand_is_finished_and_no_other_begun(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    stop, ran = Event(), list[str]()

    def ran_as(name: str) -> int:
        stop.set()
        ran.append(name)
        return 1

    steps = [Step(name, partial(ran_as, name)) for name in ("first", "second")]
    monkeypatch.setattr(worker, "lanes_of", lambda _service, **_: [steps])
    assert run_worker(service, stop=stop) == 1
    assert ran == ["first"]


def test_a_step_that_fails_rests_longer_each_time_up_to_30_seconds(seconds: list[float]) -> None:
    attempts: list[float] = []

    def work() -> int:
        attempts.append(seconds[0])
        failing()

    step = Step("due", work)
    for _ in range(1200):
        assert step.take_turn() == 0
        seconds[0] += 0.1
    gaps = [round(after - before) for before, after in pairwise(attempts)]
    assert gaps == [1, 2, 4, 8, 16, 30, 30]


def test_after_a_success_the_rests_begin_anew(seconds: list[float]) -> None:
    fails, attempts = [True], [0]

    def work() -> int:
        attempts[0] += 1
        return failing() if fails[0] else 0

    step = Step("due", work)
    for rest in (1, 2):
        step.take_turn()
        assert step.rests
        seconds[0] += rest
    fails[0] = False
    step.take_turn()
    assert not step.rests
    fails[0] = True
    step.take_turn()
    assert attempts == [4]
    for moved, seen in ((0.9, 4), (0.2, 5)):
        seconds[0] += moved
        step.take_turn()
        assert attempts == [seen]


@pytest.mark.usefixtures("tenant")
def test_one_step_that_fails_keeps_no_other_from_going_on(
    service: Service, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "run_due", lambda *_, **__: failing())
    assert work_off(service, stop=Event())[1] == ["due"]
    assert unsealed(database) == 0


def test_what_failed_is_logged_by_kind_and_place_but_not_by_its_text(logged: list[Any]) -> None:
    Step("due", failing).take_turn()
    (entry,) = logged
    assert (entry["event"], entry["step"], entry["error"]) == ("worker_step_failed", "due", ["builtins.RuntimeError"])
    assert "failing" in entry["traceback"][-1]
    assert "alice" not in str(entry)


def test_a_chore_waits_for_its_interval_once_it_is_done(seconds: list[float]) -> None:
    left, turns = [3], [0]

    def work() -> int:
        turns[0] += 1
        done = min(left[0], 2)
        left[0] -= done
        return done

    step = Step("sweep", work, every_seconds=60)
    assert [step.take_turn() for _ in range(5)] == [2, 1, 0, 0, 0]
    assert turns == [3]
    seconds[0] += 61
    step.take_turn()
    assert turns == [4]


def test_the_command_does_what_is_due_once(cli: Cli, database: Database) -> None:
    cli.json("apps", "create", "Shop")
    assert cli.json("worker", "--once")["done"] > 0
    assert unsealed(database) == 0
    assert "0 done." in cli.run("worker", "--once").stdout


def test_the_command_exits_with_1_where_a_step_failed(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "run_due", lambda *_, **__: failing())
    result = cli.run("worker", "--once", exits=1)
    assert "failed: due" in result.stdout
    assert "alice" not in result.stdout + result.stderr
    assert cli.json("worker", "--once", exits=1)["failed"] == ["due"]
