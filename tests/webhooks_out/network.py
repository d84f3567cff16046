"""A small internet for the tests: names with scripted addresses, receivers that count, and a log of every connect."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from aiohttp.abc import AbstractResolver, ResolveResult

PUBLIC, ANOTHER_PUBLIC = "93.184.216.34", "8.8.4.4"

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
CLOSING = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"


class Names(AbstractResolver):
    """Answers each look-up with the next of the given lists of addresses, the last one for ever."""

    def __init__(self, *answers: list[str], port: int | None = None, silent_seconds: float = 0.0) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []
        self.closed = False
        self._port = port
        self._silent_seconds = silent_seconds

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        self.asked.append(host)
        await asyncio.sleep(self._silent_seconds)
        answer = self.answers[0] if len(self.answers) == 1 else self.answers.pop(0)
        return [
            ResolveResult(
                hostname=host, host=each, port=self._port or port, family=family or socket.AF_INET, proto=0, flags=0
            )
            for each in answer
        ]

    async def close(self) -> None:
        self.closed = True


class Receiver:
    """A server on loopback that answers each request with the same bytes; it counts connections and keeps requests."""

    def __init__(self, answer: bytes = OK, *, silent: bool = False) -> None:
        self.answer = answer
        self.silent = silent
        self.connections = 0
        self.requests: list[bytes] = []
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = next(
                    (int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0
                )
                self.requests.append(head + await reader.readexactly(length))
                writer.write(self.answer)
                await writer.drain()
                if b"connection: close" in self.answer.lower():
                    break
                if self.silent:
                    await reader.read()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def listening(receiver: Receiver, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[Receiver]:
    """Let the receiver listen on a free port of 127.0.0.1."""
    served: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        served[asyncio.create_task(receiver.serve(reader, writer))] = writer

    server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=tls)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()
        # What is on its way through the kernel is counted, too.
        await asyncio.sleep(0.01)
        for task, writer in served.items():
            writer.transport.abort()
            task.cancel()
        await asyncio.gather(*served, return_exceptions=True)
        await asyncio.sleep(0)


@contextmanager
def watched(receiver: Receiver | None = None) -> Iterator[list[tuple[str, int]]]:
    """Log address and port of every connect that the running loop is asked for, and lead it to the receiver."""
    loop: Any = asyncio.get_running_loop()
    real = loop.sock_connect
    log: list[tuple[str, int]] = []

    async def sock_connect(sock: socket.socket, address: tuple[Any, ...]) -> None:
        log.append((address[0], address[1]))
        if receiver is None or sock.family != socket.AF_INET:
            raise ConnectionRefusedError("Nobody listens here.")
        await real(sock, ("127.0.0.1", receiver.port))

    loop.sock_connect = sock_connect
    try:
        yield log
    finally:
        del loop.sock_connect
