"""What connections may do to a service that is on its own in the open: nothing to the others."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import orjson
import pytest
from cli.processes import Process, free_port, started

# More than there are threads and turns, and than a server would have open by itself.
CROWD = 1500
PLACES = 2


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Process]:
    process = started(tmp_path, free_port(), "--json", REFERRAL_THREADS=str(PLACES))
    try:
        yield process
    finally:
        process.kill()


def dialled(process: Process, stack: ExitStack) -> socket.socket:
    host, _, port = process.url.removeprefix("http://").partition(":")
    return stack.enter_context(socket.create_connection((host, int(port)), timeout=20))


def said_to(connection: socket.socket, *lines: str, body: bytes = b"") -> None:
    connection.sendall("\r\n".join([*lines, "Host: refer.test", "", ""]).encode() + body)


def heard(connection: socket.socket) -> tuple[int, Any]:
    """The status and the document of an answer."""
    received = b""
    while b"\r\n\r\n" not in received:
        received += connection.recv(65_536)
    head, _, body = received.partition(b"\r\n\r\n")
    lines = head.decode().lower().split("\r\n")
    (length,) = [int(line.partition(":")[2]) for line in lines if line.startswith("content-length:")]
    while len(body) < length:
        body += connection.recv(65_536)
    return int(lines[0].split()[1]), orjson.loads(body)


def test_a_crowd_that_keeps_its_connections_locks_nobody_out(shop: Process) -> None:
    with ExitStack() as stack:
        crowd = [dialled(shop, stack) for _ in range(CROWD)]
        for each in crowd[:100]:
            said_to(each, "GET /healthz HTTP/1.1")
        assert {heard(each)[0] for each in crowd[:100]} == {200}
        with shop.http(shop.document()["demo"]["api_key"]) as app:
            assert app.get("/healthz", timeout=5).status_code == 200
            assert app.get("/v1/programs", timeout=5).status_code == 200


@pytest.mark.parametrize("length", ["Content-Length: 1000", "Content-Length: 900000", "Transfer-Encoding: chunked"])
def test_bodies_that_come_slowly_wait_for_themselves_and_hold_no_place(shop: Process, length: str) -> None:
    key = shop.document()["demo"]["api_key"]
    with ExitStack() as stack:
        slow = [dialled(shop, stack) for _ in range(5 * PLACES)]
        for each in slow:
            said_to(each, "POST /v1/events HTTP/1.1", f"Authorization: Bearer {key}", length, body=b"1\r\n{")
        with shop.http(key) as app:
            assert app.get("/v1/programs", timeout=5).status_code == 200
            metrics = app.get("/metrics").text
    assert "referral_http_requests_inside 0.0" in metrics


def test_a_body_that_is_not_sent_to_its_end_changes_nothing_and_leaves_no_trouble(shop: Process) -> None:
    demo = shop.document()["demo"]
    path, body = f"/v1/programs/{demo['program_id']}/codes", orjson.dumps({"customer_id": "mallory"})
    headers = [f"Authorization: Bearer {demo['api_key']}", "Content-Type: application/json"]
    with ExitStack() as stack:
        for cut in range(0, len(body), 4):
            hasty = dialled(shop, stack)
            said_to(hasty, f"POST {path} HTTP/1.1", *headers, f"Content-Length: {len(body)}", body=body[:cut])
            hasty.close()
    with shop.http(demo["api_key"]) as app:
        assert app.get("/v1/customers/mallory").status_code == 404
    assert shop.stop() == 0
    assert "Traceback" not in shop.log()


def test_headers_without_an_end_are_cut_off(shop: Process) -> None:
    with ExitStack() as stack:
        endless = dialled(shop, stack)
        endless.sendall(b"GET /healthz HTTP/1.1\r\nX-Padding: ")
        with pytest.raises(ConnectionError):
            endless.sendall(b"x" * 64 * 1024 * 1024)
        assert shop.answers()


@pytest.mark.parametrize("path", ["/v1/hooks/src_x", "/v1/events", "/r/%FF%00", "/%2e%2e/%D1%8F?%FF", "*"])
def test_odd_requests_are_answered_by_problems(shop: Process, path: str) -> None:
    with ExitStack() as stack:
        for method in ("GET", "POST", "BREW"):
            odd = dialled(shop, stack)
            said_to(odd, f"{method} {path} HTTP/1.1", "X-Odd: \xe9", "X_Under: 1", "Content-Length: 0")
            status, document = heard(odd)
            assert 400 <= status < 500, (method, status)
            assert document["code"]
    assert '"unexpected_error"' not in shop.log()
