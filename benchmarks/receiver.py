"""A receiver of webhooks that costs next to nothing: it answers whatever is posted with 204, on kept connections."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from typing import Any

ANSWER = b"HTTP/1.1 204 No Content\r\n\r\n"
READY_SECONDS_MAX = 30
# All connections may be asked for at once.
BACKLOG = 1024


class _Answers(asyncio.Protocol):
    """Finds the ends of requests by their Content-Length."""

    def __init__(self) -> None:
        self._unread = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport

    def data_received(self, data: bytes) -> None:
        self._unread += data
        while (end := self._unread.find(b"\r\n\r\n")) >= 0:
            length = int(self._unread[:end].lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
            if len(self._unread) < end + 4 + length:
                return
            self._unread = self._unread[end + 4 + length :]
            self._transport.write(ANSWER)


@contextmanager
def receiver() -> Iterator[int]:
    """Run the receiver in a process of its own, on a port of loopback; gives the port."""
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs,), daemon=True)
    process.start()
    if not ours.poll(READY_SECONDS_MAX):
        raise SystemExit("The receiver did not start in time.")
    try:
        yield int(ours.recv())
    finally:
        process.terminate()
        process.join()


def _serve(pipe: Any) -> None:
    import uvloop

    async def answer() -> None:
        server = await asyncio.get_running_loop().create_server(_Answers, "127.0.0.1", 0, backlog=BACKLOG)
        pipe.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    uvloop.run(answer())
