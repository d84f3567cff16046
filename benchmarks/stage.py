"""The stage: the service and the floor, each served by granian with the same settings, and people to play."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import orjson
from sqlalchemy import create_engine, make_url, text

from benchmarks.load import request_bytes
from referral_service import migrations
from referral_service.codes.issue_code import issue_code
from referral_service.codes.signed_code import sign_code
from referral_service.customers.emails import Emails
from referral_service.journeys.claiming.claim import claim
from referral_service.journeys.claiming.see_touches import GivenTouch
from referral_service.journeys.tools import Tools
from referral_service.kit.clock import SystemClock, format_rfc3339
from referral_service.kit.crypto import Sealer
from referral_service.kit.db.engines import Database
from referral_service.programs.activate_program import activate_program
from referral_service.programs.create_program import create_program
from referral_service.share.mint_token import mint_token
from referral_service.share.tokens import LIFETIME_SECONDS
from referral_service.signing.key_ring import KeyRing
from referral_service.signing.rotate import ensure_keys
from referral_service.tenants.open_app import open_app
from referral_service.webhooks_in.add_source import add_source

READY_SECONDS_MAX = 60
CLAIMS_A_TRANSACTION = 200
TERMS = {
    "currency": "USD",
    "rewards": [
        {"key": f"{side}_credit", "side": side, "on": "converted", "give": {"kind": "credit", "amount_minor": 1000}}
        for side in ("referrer", "referee")
    ],
}


@dataclass(frozen=True, slots=True)
class Cast:
    """What the requests are made of. `referees` have been claimed and have bought nothing yet."""

    app_id: int
    api_key: str
    program_id: str
    code: str
    signed_code: str
    share_token: str
    source_id: str
    source_secret: str
    referees: list[str]


def free_port() -> int:
    """A port of the loopback address that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def floor_server(*, workers: int, threads: int) -> Iterator[int]:
    """Serve the bare application; gives its port."""
    port = free_port()
    command = [
        sys.executable, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port),
        "--workers", str(workers), "--blocking-threads", str(threads), "--no-ws", "--log-level", "error",
        "benchmarks.floor:application",
    ]  # fmt: skip
    with _running(command, dict(os.environ), port):
        yield port


@contextmanager
def service_server(environment: dict[str, str]) -> Iterator[int]:
    """Serve the service (`referral-service serve`) in this environment; gives its port."""
    port = free_port()
    command = [sys.executable, "-m", "referral_service", "serve"]
    with _running(command, {**os.environ, **environment, "PORT": str(port)}, port):
        yield port


@contextmanager
def _running(command: list[str], environment: dict[str, str], port: int) -> Iterator[None]:
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    try:
        _wait_until_ready(process, port)
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def _wait_until_ready(process: subprocess.Popen[bytes], port: int) -> None:
    for _ in range(READY_SECONDS_MAX * 20):
        if process.poll() is not None:
            raise SystemExit(f"The server ended with {process.returncode} before it answered.")
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    raise SystemExit("The server did not answer in time.")


def seed(url: str, master_keys: dict[str, str], *, referees: int) -> Cast:
    """Migrate the database and fill it: an app, a program, Alice with a code, and so many people she has referred."""
    database = Database(url)
    migrations.upgrade(database.write_engine)
    clock, sealer = SystemClock(), Sealer(master_keys)
    now = clock.now()
    ensure_keys(database, sealer, now)
    ring = KeyRing(database, sealer, clock)
    tools = Tools(ring, sealer, Emails(ring.email_index_key()))
    opened = database.transact(lambda session: open_app(session, name="Bench", mode="live", actor="cli", now=now))
    app_id = opened.tenant.app_id
    program_id = database.transact(
        lambda session: create_program(
            session, app_id=app_id, name="Bench", landing_url="https://shop.example/welcome", terms=TERMS,
            actor="cli", now=now,
        )["id"]
    )  # fmt: skip
    database.transact(
        lambda session: activate_program(session, app_id=app_id, program_id=program_id, actor="cli", now=now)
    )
    source = database.transact(
        lambda session: add_source(
            session, sealer, app_id=app_id, provider="standard", secret=None, name="Bench", actor="cli", now=now
        )
    )
    made, _ = database.transact(
        lambda session: issue_code(
            session, app_id=app_id, program_id=program_id, customer_external_id="alice", vanity=None, now=now
        )
    )
    token = database.transact(
        lambda session: mint_token(
            session, ring, app_id=app_id, external_id="alice", program_id=program_id,
            lifetime_seconds=LIFETIME_SECONDS, now=now,
        )
    )  # fmt: skip
    people = [f"referee-{number}" for number in range(referees)]
    for begin in range(0, len(people), CLAIMS_A_TRANSACTION):
        _claim_all(database, tools, app_id, made.text, people[begin : begin + CLAIMS_A_TRANSACTION], now)
    database.dispose()
    return Cast(
        app_id=app_id,
        api_key=opened.key.secret,
        program_id=program_id,
        code=made.text,
        signed_code=sign_code(ring, folded=made.folded, app_id=app_id),
        share_token=token.token,
        source_id=source.row.id,
        source_secret=source.secret or "",
        referees=people,
    )


def _claim_all(database: Database, tools: Tools, app_id: int, code: str, people: list[str], now: datetime) -> None:
    def work(session):  # type: ignore[no-untyped-def]
        for person in people:
            claim(
                session, tools=tools, app_id=app_id, touches=[GivenTouch(code=code)], referee_external_id=person,
                referee_email=None, occurred_at=now, now=now,
            )  # fmt: skip

    database.transact(work)


def redirects(cast: Cast, port: int, count: int) -> list[bytes]:
    """Visits of Alice's share link."""
    return [request_bytes("GET", f"/r/{cast.signed_code}", port=port)] * count


def invitations(cast: Cast, port: int, count: int) -> list[bytes]:
    """Friends who open the invite page."""
    return [request_bytes("GET", f"/i/{cast.signed_code}", port=port)] * count


def share_pages(cast: Cast, port: int, count: int) -> list[bytes]:
    """Alice looks at her share page, again and again."""
    return [request_bytes("GET", f"/me/{cast.share_token}", port=port)] * count


def purchases(cast: Cast, port: int, referees: list[str]) -> list[bytes]:
    """The first purchase of each referee, as a signed Standard Webhook."""
    key = base64.b64decode(cast.source_secret.removeprefix("whsec_"))
    now = SystemClock().now()
    requests = []
    for referee in referees:
        message = f"msg_{secrets.token_hex(12)}"
        body = orjson.dumps(
            {
                "type": "purchase", "customer_id": referee, "order_id": f"order-{referee}",
                "amount": {"amount_minor": 5000, "currency": "USD"}, "occurred_at": format_rfc3339(now),
            }
        )  # fmt: skip
        moment = str(int(now.timestamp()))
        signed = b".".join((message.encode(), moment.encode(), body))
        signature = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        headers = {"webhook-id": message, "webhook-timestamp": moment, "webhook-signature": f"v1,{signature}"}
        requests.append(request_bytes("POST", f"/v1/hooks/{cast.source_id}", port=port, body=body, headers=headers))
    return requests


def claims(cast: Cast, port: int, count: int) -> list[bytes]:
    """Claims of people nobody has heard of before."""
    return [
        _post(cast, port, "/v1/referrals", {"code": cast.code, "referee": {"customer_id": secrets.token_hex(8)}})
        for _ in range(count)
    ]


def code_issues(cast: Cast, port: int, count: int) -> list[bytes]:
    """Codes for customers nobody has heard of before."""
    path = f"/v1/programs/{cast.program_id}/codes"
    return [_post(cast, port, path, {"customer_id": secrets.token_hex(8)}) for _ in range(count)]


def empty_posts(port: int, count: int) -> list[bytes]:
    """Posts to the floor, with a body of the usual size."""
    body = orjson.dumps({"code": "K7QM3XTS", "referee": {"customer_id": "0123456789abcdef"}})
    return [request_bytes("POST", "/empty", port=port, body=body)] * count


def _post(cast: Cast, port: int, path: str, document: dict[str, object]) -> bytes:
    headers = {"Authorization": f"Bearer {cast.api_key}"}
    return request_bytes("POST", path, port=port, body=orjson.dumps(document), headers=headers)


def sqlite_environment(folder: Path, master: str) -> tuple[str, dict[str, str]]:
    """A database file in `folder`: its address, and the environment the service is served in."""
    url = f"sqlite:///{folder / 'referral.db'}"
    return url, _environment(url, master)


def postgresql_environment(url: str, master: str) -> dict[str, str]:
    """The environment in which the service is served on this PostgreSQL."""
    return _environment(url, master)


def another_database(url: str, name: str) -> str:
    """Make another database on the same PostgreSQL server; gives its address."""
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f'CREATE DATABASE "{name}"'))
    engine.dispose()
    return make_url(url).set(database=name).render_as_string(hide_password=False)


def _environment(url: str, master: str) -> dict[str, str]:
    return {
        "REFERRAL_DATABASE_URL": url,
        "REFERRAL_SECRET_KEYS": f"bench:{master}",
        "REFERRAL_RATE_LIMITS": "false",
        "REFERRAL_LOG_LEVEL": "WARNING",
    }
