"""The load generator. A bare protocol on one event loop in a process of its own: whatever it uses of the machine is
taken from the server that it measures.

Closed loop: so many keep-alive connections, each sending its next request when it has its answer. That finds the rate,
and hides waiting: while the server stalls, nobody asks. Open loop: requests are due at a fixed rate whatever the server
does, and each is counted from when it was due, so that whoever would have waited is counted as having waited.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from multiprocessing import get_context
from time import perf_counter
from typing import Any, TypeVar

ANSWER_SECONDS_MAX = 30.0
# How often somebody looks whether an answer is overdue.
LOOK_SECONDS = 1.0

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_NO_BODY = (204, 304)

Connection = TypeVar("Connection")


class LoadFailed(Exception):
    """The server did not answer as it should; what it said is in the message."""


def request_bytes(
    method: str, path: str, *, port: int, body: bytes = b"", headers: dict[str, str] | None = None
) -> bytes:
    """One HTTP/1.1 request as it goes over the wire."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", "User-Agent: Mozilla/5.0 (bench)"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    if body or method == "POST":
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + body


def measure(port: int, requests: Sequence[bytes], *, connections: int, statuses: Sequence[int]) -> float:
    """Closed loop: send every request once, over `connections` at a time; gives requests per second.

    Raises LoadFailed when an answer has another status than one of `statuses`.
    """
    seconds = _in_a_process(_closed_loop, port, list(requests), connections, tuple(statuses))
    return len(requests) / float(seconds)


def at_rate(
    port: int, requests: Sequence[bytes], *, rate: float, connections: int, statuses: Sequence[int]
) -> list[float]:
    """Open loop: send every request once, `rate` of them a second; gives the seconds from when each was due.

    The event loop's timers wake up to half a millisecond late, which counts as latency. Raises LoadFailed.
    """
    return list(_in_a_process(_open_loop, port, list(requests), connections, tuple(statuses), rate))


def _in_a_process(loop: Callable[..., Any], *given: Any) -> Any:
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_run, args=(theirs, loop, given))
    process.start()
    theirs.close()
    try:
        answer = ours.recv()
    except EOFError:
        raise LoadFailed("The load generator died.") from None
    finally:
        process.join(10)
    if isinstance(answer, str):
        raise LoadFailed(answer)
    return answer


def _run(pipe: Any, loop: Callable[..., Any], given: tuple[Any, ...]) -> None:
    try:
        import uvloop

        answer = uvloop.run(loop(*given))
    except (OSError, EOFError, TimeoutError, LoadFailed) as error:
        pipe.send(f"{type(error).__name__}: {error}")
    else:
        pipe.send(answer)


class _Connection(asyncio.Protocol):
    """A keep-alive connection that asks one thing at a time. It may be asked again once it has answered."""

    def __init__(self, statuses: tuple[int, ...]) -> None:
        self._statuses = statuses
        self._unread = b""
        self._answered: asyncio.Future[None] | None = None
        self._overdue_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport
        self._loop = asyncio.get_running_loop()

    def ask(self, request: bytes) -> asyncio.Future[None]:
        """Send a request; done when its answer is there. Raises LoadFailed for another status, or none in time."""
        self._answered = answered = self._loop.create_future()
        self._overdue_at = self._loop.time() + ANSWER_SECONDS_MAX
        self._transport.write(request)
        return answered

    def data_received(self, data: bytes) -> None:
        self._unread = unread = self._unread + data if self._unread else data
        end = unread.find(b"\r\n\r\n") + 4
        if end < 4:
            return None
        status, length = int(unread[9:12]), _LENGTH.search(unread, 0, end)
        if length is None and status not in _NO_BODY:
            return self._fail(f"{status} without a Content-Length, which is all that is understood here")
        size = end + (int(length[1]) if length else 0)
        if len(unread) < size:
            return None
        self._unread = unread[size:]
        if status not in self._statuses:
            return self._fail(f"{status}: {unread[end : end + 300].decode(errors='replace')}")
        if self._answered is not None and not self._answered.done():
            self._answered.set_result(None)
        return None

    def connection_lost(self, error: Exception | None) -> None:
        self._fail(f"The server hung up: {error}")

    def fail_if_overdue(self) -> None:
        """Give up an answer that does not come."""
        if self._loop.time() > self._overdue_at:
            self._fail(f"No answer within {ANSWER_SECONDS_MAX:g} s.")

    def close(self) -> None:
        self._transport.close()

    def _fail(self, why: str) -> None:
        if self._answered is not None and not self._answered.done():
            self._answered.set_exception(LoadFailed(why))


async def _closed_loop(port: int, requests: list[bytes], connections: int, statuses: tuple[int, ...]) -> float:
    waiting = iter(requests)

    async def ask_on(connection: _Connection) -> None:
        for request in waiting:
            await connection.ask(request)

    async with _opened(port, connections, statuses) as opened:
        began = perf_counter()
        await asyncio.gather(*map(ask_on, opened))
        return perf_counter() - began


async def _open_loop(
    port: int, requests: list[bytes], connections: int, statuses: tuple[int, ...], rate: float
) -> list[float]:
    async with _opened(port, connections, statuses) as opened:
        return await paced(requests, rate=rate, connections=opened, ask=_Connection.ask)


@asynccontextmanager
async def _opened(port: int, count: int, statuses: tuple[int, ...]) -> AsyncIterator[list[_Connection]]:
    loop = asyncio.get_running_loop()
    made = [await loop.create_connection(lambda: _Connection(statuses), "127.0.0.1", port) for _ in range(count)]
    opened = [connection for _, connection in made]
    looking = asyncio.create_task(_look_after(opened))
    try:
        yield opened
    finally:
        looking.cancel()
        for connection in opened:
            connection.close()


async def _look_after(opened: Iterable[_Connection]) -> None:
    """One look at all of them now and then: a timer for each answer would cost more than asking."""
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        for connection in opened:
            connection.fail_if_overdue()


async def paced(
    requests: Sequence[bytes],
    *,
    rate: float,
    connections: Sequence[Connection],
    ask: Callable[[Connection, bytes], Awaitable[None]],
    now: Callable[[], float] = perf_counter,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> list[float]:
    """Ask each request when it is due, `rate` a second, on the next free connection; give how long after that it was
    answered. What is due while every connection waits is asked late and counted from when it was due.
    """
    schedule = enumerate(requests)
    seconds: list[float] = []
    began = now()

    async def keep_asking(connection: Connection) -> None:
        for number, request in schedule:
            due = began + number / rate
            # More than once: timers go by whole milliseconds, and may wake up early.
            while (early := due - now()) > 0:
                await sleep(early)
            await ask(connection, request)
            seconds.append(now() - due)

    await asyncio.gather(*map(keep_asking, connections))
    return seconds
