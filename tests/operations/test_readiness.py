"""Whoever asks whether the service is ready is not kept waiting by a database that hangs."""

from __future__ import annotations

import time
from threading import Event, Thread

from flask import Flask
from sqlalchemy import text
from structlog.testing import capture_logs

from builders import Api
from referral_service.kit.db.engines import Database
from referral_service.operations.readiness import ANSWER_SECONDS_MAX, Readiness
from referral_service.operations.views import READINESS

PATIENCE_SECONDS = 30


def test_a_question_that_is_not_answered_means_no_at_once_until_it_is() -> None:
    asked, go_on = [], Event()

    def ask() -> bool:
        asked.append(1)
        return go_on.wait(PATIENCE_SECONDS)

    readiness = Readiness(ask, answer_seconds_max=0.05)
    with capture_logs() as lines:
        assert not readiness.is_ready()
        began = time.monotonic()
        assert not any(readiness.is_ready() for _ in range(1000))
        assert time.monotonic() - began < PATIENCE_SECONDS
    [line] = lines
    assert (line["event"], line["unanswered_seconds"] >= 0.05) == ("not_ready", True)
    # However many want to know, the database is asked by one.
    assert len(asked) == 1
    go_on.set()
    readiness._probe.ended.wait(PATIENCE_SECONDS)  # type: ignore[union-attr]
    assert readiness.is_ready()
    assert len(asked) == 2


def test_who_comes_while_it_is_being_asked_hears_the_same_answer() -> None:
    asked, go_on = [], Event()

    def ask() -> bool:
        asked.append(1)
        return go_on.wait(PATIENCE_SECONDS)

    readiness = Readiness(ask, answer_seconds_max=PATIENCE_SECONDS)
    answers: list[bool] = []
    threads = [Thread(target=lambda: answers.append(readiness.is_ready())) for _ in range(5)]
    for thread in threads:
        thread.start()
    go_on.set()
    for thread in threads:
        thread.join()
    assert answers == [True] * 5
    assert len(asked) <= 5


def test_a_question_that_fails_means_no_and_the_log_says_why() -> None:
    def ask() -> bool:
        raise RuntimeError("of a person")

    with capture_logs() as lines:
        assert not Readiness(ask).is_ready()
    [line] = lines
    assert (line["event"], line["error"]) == ("not_ready", ["builtins.RuntimeError"])
    assert "of a person" not in str(line)


def test_a_database_that_hangs_is_not_waited_for(api: Api, app: Flask, database: Database) -> None:
    if database.is_sqlite:
        # Readers of SQLite wait for nobody: somebody has to hold all of their connections.
        held = [database.read_engine.connect() for _ in range(database.read_engine.pool.size())]  # type: ignore[attr-defined]
    else:
        held = [database.write_engine.connect()]
        held[0].execute(text("LOCK TABLE alembic_version IN ACCESS EXCLUSIVE MODE"))
    app.extensions[READINESS].answer_seconds_max = ANSWER_SECONDS_MAX
    try:
        began = time.monotonic()
        answer = api.with_key(None).get("/readyz")
        assert (answer.status_code, answer.json["code"]) == (503, "not_ready")
        assert answer.headers["Retry-After"] == "1"
        # The database's own time-outs are five times as long.
        assert time.monotonic() - began < 4 * ANSWER_SECONDS_MAX
        assert api.with_key(None).get("/healthz").status_code == 200
    finally:
        for connection in held:
            connection.close()
    app.extensions[READINESS]._probe.ended.wait(PATIENCE_SECONDS)
    assert api.with_key(None).get("/readyz").status_code == 200
