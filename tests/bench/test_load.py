"""The load generator: everything is sent once, wrong answers are noticed, and waiting is counted as waiting."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Thread

import pytest

from benchmarks.figures import percentile
from benchmarks.load import LoadFailed, at_rate, measure, paced, request_bytes
from benchmarks.receiver import receiver

RATE, ANSWER_SECONDS, STALL_SECONDS = 100, 0.001, 1.0


class Server:
    """Answers within a millisecond, but for one request, and the clock that it all happens by."""

    def __init__(self, stalls_at: int | None = None) -> None:
        self.time = 0.0
        self.stalls_at = stalls_at
        self.sent: list[float] = []

    def now(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.time += seconds

    async def ask(self, _connection: int, _request: bytes) -> None:
        self.sent.append(self.time)
        self.time += STALL_SECONDS if len(self.sent) - 1 == self.stalls_at else ANSWER_SECONDS


def latencies(server: Server, count: int) -> list[float]:
    asked = paced([b""] * count, rate=RATE, connections=[1], ask=server.ask, now=server.now, sleep=server.sleep)
    return asyncio.run(asked)


def test_at_a_fixed_rate_requests_are_sent_when_they_are_due() -> None:
    server = Server()
    assert latencies(server, 50) == pytest.approx([ANSWER_SECONDS] * 50)
    assert server.sent == pytest.approx([n / RATE for n in range(50)])


def test_who_would_have_waited_behind_a_stall_is_counted_as_having_waited() -> None:
    seconds = latencies(Server(stalls_at=100), 1000)
    # A closed loop would have sent nothing meanwhile and told of a single slow request in a thousand.
    waited = [each for each in seconds if each > 2 * ANSWER_SECONDS]
    assert len(waited) > 100
    assert max(seconds) == pytest.approx(STALL_SECONDS)
    assert percentile(seconds, 0.99) > 0.9
    assert percentile(seconds, 0.5) == pytest.approx(ANSWER_SECONDS)


def test_what_waited_is_made_up_for_and_then_the_schedule_holds_again() -> None:
    seconds = latencies(Server(stalls_at=0), 300)
    # While 1 s is made up for, others become due every 10 ms and take 1 ms each.
    assert seconds[:150] == sorted(seconds[:150], reverse=True)
    assert seconds[150:] == pytest.approx([ANSWER_SECONDS] * 150)


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """A server that answers everything with 204."""
    with receiver() as port:
        yield port


def test_every_request_is_sent_once_and_its_seconds_are_told(port: int) -> None:
    asked = [request_bytes("POST", "/", port=port, body=b"{}")] * 40
    assert measure(port, asked, connections=4, statuses=[204]) > 0
    seconds = at_rate(port, asked, rate=400, connections=4, statuses=[204])
    assert len(seconds) == 40
    assert min(seconds) > 0


def test_a_wrong_status_fails_the_run(port: int) -> None:
    asked = [request_bytes("POST", "/", port=port, body=b"{}")]
    with pytest.raises(LoadFailed, match="204"):
        measure(port, asked, connections=1, statuses=[200])
    with pytest.raises(LoadFailed, match="204"):
        at_rate(port, asked, rate=10, connections=1, statuses=[200])


@contextmanager
def answering(*answers: Sequence[bytes]) -> Iterator[int]:
    """Serve one connection that answers the nth request with the nth answer, piece by piece, and then hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        # Whatever goes wrong, nobody waits for ever.
        listening.settimeout(20)

        def serve() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                for pieces in answers:
                    connection.recv(10_000)
                    for piece in pieces:
                        connection.sendall(piece)

        thread = Thread(target=serve)
        thread.start()
        yield listening.getsockname()[1]
        thread.join()


def asked_of(port: int, count: int) -> float:
    return measure(port, [request_bytes("GET", "/", port=port)] * count, connections=1, statuses=[200])


def test_an_answer_may_come_in_pieces() -> None:
    in_pieces = [b"HTTP/1.1 200 OK\r\ncontent-le", b"ngth: 4\r\n\r\nab", b"cd"]
    with answering(in_pieces, in_pieces) as port:
        assert asked_of(port, 2) > 0


def test_a_server_that_hangs_up_fails_the_run() -> None:
    with (
        answering([b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"]) as port,
        pytest.raises(LoadFailed, match="hung up"),
    ):
        asked_of(port, 2)


def test_an_answer_whose_end_nobody_can_tell_fails_the_run() -> None:
    endless = [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"]
    with answering(endless) as port, pytest.raises(LoadFailed, match="Content-Length"):
        asked_of(port, 1)
