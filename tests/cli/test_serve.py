"""`serve` and `worker` as two processes on one PostgreSQL."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from cli.processes import Process, eventually, free_port, service_environment
from cli.runner import Cli
from local_postgres import create_database
from sqlalchemy.engine import URL

from referral_service.cli.serving import local_url
from referral_service.config import Settings

SECRET = "k1:a-master-key-that-only-tests-use-0123456789"


@pytest.fixture
def postgres(postgres_server: URL) -> str:
    url: str = create_database(postgres_server, "cli_serve").render_as_string(hide_password=False)
    return url


@pytest.fixture
def web(postgres: str, tmp_path: Path) -> Iterator[Process]:
    environment = service_environment(
        tmp_path / "data", free_port(), REFERRAL_DATABASE_URL=postgres, REFERRAL_SECRET_KEYS=SECRET
    )
    Cli(environment).run("db", "upgrade")
    process = Process(["serve", "--json"], environment, tmp_path)
    try:
        process.wait_until_ready()
        yield process
    finally:
        process.kill()


def shop(web: Process) -> Any:
    """Open an app with an active program."""
    made = web.cli.json("apps", "create", "Shop", "--test")
    program = web.cli.json("programs", "create", "--app", made["app_id"], "--recipe", "ride-credit", "--activate")
    return made | {"program_id": program["id"]}


def test_web_and_worker_share_the_work_and_stop_gracefully(web: Process, postgres: str, tmp_path: Path) -> None:
    assert web.document() == {"url": web.url, "workers": 2, "threads": 16, "with_worker": False}
    made = shop(web)
    answers: list[httpx.Response] = []
    with web.http(made["api_key"]) as app:
        path = f"/v1/programs/{made['program_id']}/codes"
        code = app.post(path, json={"customer_id": "alice"}).json()["code"]
        claim = {"code": code, "referee": {"customer_id": "bob"}}
        assert app.post("/v1/referrals", json=claim).status_code == 201
        # Nobody but a worker gives notifications their positions.
        time.sleep(1)
        assert app.get("/v1/notifications").json()["items"] == []
        worker = Process(["worker", "--json"], web.environment, tmp_path)
        try:
            eventually(lambda: app.get("/v1/notifications").json()["items"])
            assert worker.stop() == 0
            assert worker.document()["done"] > 0
        finally:
            worker.kill()
        # A request waits for a lock while the service is told to stop.
        with psycopg.connect(postgres.replace("+psycopg", "")) as blocker:
            blocker.execute("LOCK TABLE customers IN ACCESS EXCLUSIVE MODE")
            claim = {"code": code, "referee": {"customer_id": "carol"}}
            slow = threading.Thread(target=lambda: answers.append(app.post("/v1/referrals", json=claim)))
            slow.start()
            time.sleep(0.5)
            web.ask_to_stop()
            time.sleep(1)
            assert web.runs()
            assert answers == []
        slow.join()
    assert answers[0].status_code == 201
    assert web.wait() == 0


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:9000"),
        ("0.0.0.0", "http://127.0.0.1:9000"),
        ("::", "http://[::1]:9000"),
        ("refer.internal", "http://refer.internal:9000"),
    ],
)
def test_a_service_that_listens_everywhere_is_reached_on_this_machine(host: str, url: str) -> None:
    settings = Settings(database_url="sqlite://", base_url="https://refer.test", master_keys={}, host=host, port=9000)
    assert local_url(settings) == url


def test_several_processes_cannot_share_sqlite(tmp_path: Path) -> None:
    problem = Cli(service_environment(tmp_path / "data", free_port())).json("serve", "--workers", "2", exits=2)
    assert "one writer" in problem["detail"]
