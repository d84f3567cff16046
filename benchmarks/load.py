"""The load generator. Raw sockets on one event loop in a process of its own, so that it costs the machine little
beside the server.

Closed loop: so many keep-alive connections, each sending its next request when it has its answer. That finds the rate,
and hides waiting: while the server stalls, nobody asks. Open loop: requests are due at a fixed rate whatever the server
does, and each is counted from when it was due, so that whoever would have waited is counted as having waited.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from multiprocessing import get_context
from time import perf_counter
from typing import Any, TypeVar

ANSWER_SECONDS_MAX = 30.0

Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]
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


async def _closed_loop(port: int, requests: list[bytes], connections: int, statuses: tuple[int, ...]) -> float:
    streams = await _open(port, connections)
    waiting = iter(requests)

    async def ask(stream: Stream) -> None:
        for request in waiting:
            await _ask(statuses, stream, request)

    began = perf_counter()
    await asyncio.gather(*map(ask, streams))
    seconds = perf_counter() - began
    _close(streams)
    return seconds


async def _open_loop(
    port: int, requests: list[bytes], connections: int, statuses: tuple[int, ...], rate: float
) -> list[float]:
    streams = await _open(port, connections)
    seconds = await paced(requests, rate=rate, connections=streams, ask=partial(_ask, statuses))
    _close(streams)
    return seconds


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


async def _open(port: int, connections: int) -> list[Stream]:
    return [await asyncio.open_connection("127.0.0.1", port) for _ in range(connections)]


def _close(streams: list[Stream]) -> None:
    for _, writer in streams:
        writer.close()


async def _ask(statuses: tuple[int, ...], stream: Stream, request: bytes) -> None:
    reader, writer = stream
    writer.write(request)
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), ANSWER_SECONDS_MAX)
    status = int(head[9:12])
    length = _content_length(head)
    body = await reader.readexactly(length) if length else b""
    if status not in statuses:
        raise LoadFailed(f"{status}: {body[:300].decode(errors='replace')}")


def _content_length(head: bytes) -> int:
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0
