"""How `up` stops: what has begun is finished, nothing that was answered is forgotten, and no process stays."""

from __future__ import annotations

import os
import signal
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from cli.processes import Process, eventually, free_port, started
from pytest_httpserver import HTTPServer
from webhooks_out.sending import Inbox
from werkzeug import Request, Response

CLAIM = {"code": "ALICE20", "referee": {"customer_id": "carol"}}


def lives(pid: int) -> bool:
    """Whether the process runs: one that has ended and is not yet buried does not."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


def ended_by_itself(process: Process) -> None:
    """See in the log that nobody had to kill it: its worker said goodbye, and nothing went wrong on the way."""
    log = process.log()
    assert "worker_stopped" in log
    for trouble in ("courier_turn_failed", "courier_died", "Traceback"):
        assert trouble not in log


@contextmanager
def read_only(process: Process) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(f"file:{process.data_dir / 'referral.db'}?mode=ro", uri=True)
    try:
        yield connection
    finally:
        connection.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_by_itself_with_its_worker_and_keeps_the_clicks(tmp_path: Path, number: signal.Signals) -> None:
    process = started(tmp_path, free_port(), "--json")
    try:
        serving = process.serving_pid()
        share_url = process.document()["demo"]["share_url"]
        for _ in range(20):
            assert httpx.get(share_url, trust_env=False).status_code == 302
        assert process.stop(number) == 0
    finally:
        process.kill()
    assert not lives(serving)
    ended_by_itself(process)
    with read_only(process) as database:
        assert database.execute("SELECT count(*) FROM clicks").fetchone() == (20,)


def test_what_receivers_answered_while_it_stopped_is_written_down(tmp_path: Path, httpserver: HTTPServer) -> None:
    process = started(tmp_path, free_port(), "--json", REFERRAL_DEVELOPMENT="true")
    arrived = threading.Event()

    def take_long(_: Request) -> Response:
        arrived.set()
        time.sleep(0.5)
        return Response(status=204)

    inbox = Inbox(httpserver, "/hooks", take_long)
    try:
        with process.http(process.document()["demo"]["api_key"]) as app:
            assert app.post("/v1/webhook-endpoints", json={"url": inbox.url, "events": ["*"]}).status_code == 201
            for number in range(10):
                claim = CLAIM | {"referee": {"customer_id": f"friend-{number}"}}
                assert app.post("/v1/referrals", json=claim).status_code == 201
        assert arrived.wait(60)
        assert process.stop() == 0
    finally:
        process.kill()
    ended_by_itself(process)
    sent = inbox.ids()
    with read_only(process) as database:
        states = dict(database.execute("SELECT notification_id, state FROM deliveries"))
    assert len(sent) == len(set(sent)) > 0
    assert {states[id_] for id_ in sent} == {"done"}
    assert {states[id_] for id_ in states.keys() - set(sent)} <= {"scheduled"}


def test_a_request_that_has_begun_is_finished_before_it_stops(tmp_path: Path) -> None:
    process = started(tmp_path, free_port(), "--json")
    try:
        answers: list[httpx.Response] = []
        # Idle connections, which nobody closes, must not hold it up.
        with process.http(process.document()["demo"]["api_key"]) as app, process.http() as idle:
            idle.get("/healthz")
            blocker = sqlite3.connect(process.data_dir / "referral.db", isolation_level=None)
            blocker.execute("BEGIN IMMEDIATE")
            slow = threading.Thread(target=lambda: answers.append(app.post("/v1/referrals", json=CLAIM)))
            slow.start()
            time.sleep(0.5)
            process.ask_to_stop()
            time.sleep(1)
            assert process.runs()
            assert answers == []
            blocker.execute("ROLLBACK")
            blocker.close()
            slow.join()
            assert answers[0].status_code == 201
            assert process.wait() == 0
    finally:
        process.kill()


def test_who_serves_is_replaced_when_killed_and_ends_when_nobody_watches(tmp_path: Path) -> None:
    process = started(tmp_path, free_port(), "--json")
    try:
        os.kill(process.serving_pid(), signal.SIGKILL)
        eventually(process.answers)
        # What was said at the start is not said again: it would be a second document.
        assert process.document()["url"] == process.url
        orphan = process.serving_pid()
        process.kill_alone()
        eventually(lambda: not lives(orphan))
    finally:
        process.kill()
    assert not process.answers()
    ended_by_itself(process)
