"""Endpoints that behave as they are told: one server on loopback, a path for each, in a thread of its own."""

from __future__ import annotations

import asyncio
import random
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import NamedTuple

from standardwebhooks import Webhook, WebhookVerificationError

from referral_service.kit.clock import SystemClock


class Deed(Enum):
    """What is done to one request. All but the first two are failures; the courier must see each as one."""

    TAKE = "204"
    # Once the status has come, the message has arrived: a second copy would be one too many.
    BREAK_OFF = "200, and a reset in the middle of the body"
    ERROR = "500"
    AWAY = "503"
    REDIRECT = "307 to a place that would take it"
    THROTTLE = "429 with Retry-After"
    GONE = "410"
    STALL = "silence"
    RESET = "a reset before anything"
    CUT_HEAD = "a reset in the middle of the status line"
    GARBAGE = "no HTTP"


ANSWERS = {
    Deed.TAKE: b"HTTP/1.1 204 No Content\r\n\r\n",
    Deed.BREAK_OFF: b"HTTP/1.1 200 OK\r\nContent-Length: 400\r\n\r\nIt has ",
    Deed.ERROR: b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 5\r\n\r\nsorry",
    Deed.AWAY: b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
    Deed.REDIRECT: b"HTTP/1.1 307 Temporary Redirect\r\nLocation: /healthy\r\nContent-Length: 0\r\n\r\n",
    Deed.THROTTLE: b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n",
    Deed.GONE: b"HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n",
    Deed.CUT_HEAD: b"HTTP/1.1 2",
    Deed.GARBAGE: b"\x16\x03\x01\x02\x00 hello?\r\n\r\n",
}
TAKEN = frozenset({Deed.TAKE, Deed.BREAK_OFF})
HANGS_UP = frozenset({Deed.BREAK_OFF, Deed.AWAY, Deed.RESET, Deed.CUT_HEAD, Deed.GARBAGE})
FAILURES = tuple(deed for deed in Deed if deed not in TAKEN and deed is not Deed.GONE)


class Arrival(NamedTuple):
    """A message that came, and what was done to it."""

    id: str
    at: datetime
    deed: Deed


@dataclass
class Receiver:
    """One endpoint. `behave` is asked for each message; `seconds` is how long it takes to think about each.

    `most_at_once` is the largest number of requests whose answer it had not yet given, nor been spared.
    """

    path: str
    behave: Callable[[], Deed]
    wants: Sequence[str] = ("*",)
    seconds: float = 0.0
    secret: str = ""
    arrivals: list[Arrival] = field(default_factory=list)
    forged: list[str] = field(default_factory=list)
    most_at_once: int = 0
    at_once: int = 0

    @property
    def taken(self) -> set[str]:
        """The ids of what it has answered with a 2xx."""
        return {arrival.id for arrival in self.arrivals if arrival.deed in TAKEN}

    def taken_again(self) -> set[str]:
        """The ids that came again after a 2xx."""
        seen: set[str] = set()
        again: set[str] = set()
        for arrival in self.arrivals:
            if arrival.id in seen:
                again.add(arrival.id)
            if arrival.deed in TAKEN:
                seen.add(arrival.id)
        return again

    def note(self, headers: dict[str, str], body: bytes, deed: Deed, *, now: datetime) -> None:
        name = headers.get("webhook-id", "?")
        self.arrivals.append(Arrival(name, now, deed))
        try:
            Webhook(self.secret).verify(body.decode(), headers)
        except WebhookVerificationError as error:
            self.forged.append(f"{name}: {error}")


def failing_at_random(chance: random.Random, share: float) -> Callable[[], Deed]:
    """Fail that share of all messages, in every way there is in turn by lot; some that are taken break off."""

    def behave() -> Deed:
        if chance.random() < share:
            return chance.choice(FAILURES)
        return Deed.BREAK_OFF if chance.random() < 0.05 else Deed.TAKE

    return behave


class Street:
    """The receivers' server. Who stands at `nobodys_port` does not listen until `open_up`."""

    def __init__(self, receivers: Sequence[Receiver]) -> None:
        self._receivers = {receiver.path: receiver for receiver in receivers}
        self._clock = SystemClock()
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._servers: list[asyncio.Server] = []
        self._ready = threading.Event()
        self._open, self._nobody = socket.socket(), socket.socket()
        for each in (self._open, self._nobody):
            each.bind(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._run, name="receivers")

    @property
    def port(self) -> int:
        return int(self._open.getsockname()[1])

    @property
    def nobodys_port(self) -> int:
        return int(self._nobody.getsockname()[1])

    def open_up(self) -> None:
        """Let somebody listen where nobody did."""
        asyncio.run_coroutine_threadsafe(self._listen(self._nobody), self._loop).result(30)

    def start(self) -> None:
        self._thread.start()
        assert self._ready.wait(30)

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(30)
        for each in (self._open, self._nobody):
            each.close()

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._stay())

    async def _stay(self) -> None:
        await self._listen(self._open)
        self._ready.set()
        await self._stop.wait()
        for server in self._servers:
            server.close()

    async def _listen(self, where: socket.socket) -> None:
        self._servers.append(await asyncio.start_server(self._serve, sock=where))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await self._answer(reader, writer):
                pass
        # Whoever was killed leaves in the middle of a word.
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.transport.abort()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Answer one request; False where the connection is not to be used again."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        body = await reader.readexactly(int(headers["content-length"]))
        receiver = self._receivers[first.split(" ")[1]]
        with under_way(receiver):
            deed = receiver.behave()
            receiver.note(headers, body, deed, now=self._clock.now())
            if deed is Deed.STALL or receiver.seconds:
                try:
                    async with asyncio.timeout(None if deed is Deed.STALL else receiver.seconds):
                        # It ends when the other side hangs up.
                        await reader.read(1)
                    return False
                except TimeoutError:
                    pass
        # From here on it cannot know whether the other side counts it as under way any more.
        if deed in ANSWERS:
            writer.write(ANSWERS[deed])
            await writer.drain()
        return deed not in HANGS_UP


@contextmanager
def under_way(receiver: Receiver) -> Iterator[None]:
    receiver.at_once += 1
    receiver.most_at_once = max(receiver.most_at_once, receiver.at_once)
    try:
        yield
    finally:
        receiver.at_once -= 1
