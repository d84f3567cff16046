"""Requests to an RSGI application (kit/http/ingress/front.py), as granian makes them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from granian.rsgi import ProtocolClosed  # type: ignore[attr-defined]

from referral_service.kit.http.ingress.environ import Answer
from referral_service.kit.http.ingress.front import Front


class SentHeaders(list[tuple[str, str]]):
    def items(self) -> list[tuple[str, str]]:
        return self


@dataclass
class Sent:
    """A request, and whoever hears the answer. Its body comes in `pieces`; `None` is a moment in which nothing comes,
    and what is not `whole` ends because the caller has gone."""

    path: str = "/"
    method: str = "GET"
    query_string: str = ""
    headers: SentHeaders = field(default_factory=SentHeaders)
    pieces: Sequence[bytes | None] = ()
    whole: bool = True
    http_version: str = "1.1"
    scheme: str = "http"
    authority: str | None = None
    server: str = "127.0.0.1:8080"
    client: str = "203.0.113.9:4711"
    answer: Answer | None = None
    taken: int = 0

    async def __call__(self) -> bytes:
        return b"".join([piece async for piece in self])

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self.pieces:
            if piece is None:
                await asyncio.sleep(0.05)
                continue
            self.taken += len(piece)
            yield piece
        if not self.whole:
            raise ProtocolClosed

    def response_empty(self, status: int, headers: list[tuple[str, str]]) -> None:
        self.response_bytes(status, headers, b"")

    def response_bytes(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        assert self.answer is None, "An answer is given once."
        self.answer = Answer(status, headers, body)


def a_request(method: str, url: str, *, body: bytes | None = None, chunked: bool = False, **more: Any) -> Sent:
    """Return a request; `headers` as a mapping, names in small letters as granian gives them."""
    path, _, query = url.partition("?")
    headers = SentHeaders([("host", "refer.test"), *more.pop("headers", {}).items()])
    if chunked:
        headers.append(("transfer-encoding", "chunked"))
    elif body is not None:
        headers.append(("content-length", str(len(body))))
    more.setdefault("pieces", [body] if body else [])
    return Sent(unquote(path), method, query, headers, **more)


async def answered(front: Front, sent: Sent) -> Answer:
    """Send a request, and return its answer."""
    await front.__rsgi__(sent, sent)
    assert sent.answer is not None
    return sent.answer


def ask(front: Front, method: str, url: str, **more: Any) -> Answer:
    """The same, for a request that is alone."""
    return asyncio.run(answered(front, a_request(method, url, **more)))
