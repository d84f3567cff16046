"""A closed-loop load generator: so many keep-alive connections, each sending its next request when it has its answer.

Raw sockets on one event loop in a process of its own, so that it costs the machine little beside the server.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence
from multiprocessing import get_context
from time import perf_counter
from typing import Any

ANSWER_SECONDS_MAX = 30.0


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
    """Send every request once, over `connections` at a time; gives requests per second.

    Raises LoadFailed when an answer has another status than one of `statuses`.
    """
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_run, args=(theirs, port, list(requests), connections, tuple(statuses)))
    process.start()
    try:
        answer = ours.recv()
    finally:
        process.join(10)
    if isinstance(answer, str):
        raise LoadFailed(answer)
    return len(requests) / float(answer)


def _run(pipe: Any, port: int, requests: list[bytes], connections: int, statuses: tuple[int, ...]) -> None:
    try:
        import uvloop

        seconds = uvloop.run(_drive(port, requests, connections, statuses))
    except (OSError, EOFError, TimeoutError, LoadFailed) as error:
        pipe.send(f"{type(error).__name__}: {error}")
    else:
        pipe.send(seconds)


async def _drive(port: int, requests: list[bytes], connections: int, statuses: tuple[int, ...]) -> float:
    streams = [await asyncio.open_connection("127.0.0.1", port) for _ in range(connections)]
    waiting = iter(requests)
    began = perf_counter()
    await asyncio.gather(*(_connection(reader, writer, waiting, statuses) for reader, writer in streams))
    seconds = perf_counter() - began
    for _, writer in streams:
        writer.close()
    return seconds


async def _connection(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, waiting: Any, statuses: tuple[int, ...]
) -> None:
    for request in waiting:
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


def report(document: Any) -> None:
    """Print a JSON document."""
    json.dump(document, sys.stdout, indent=2)
    print()
