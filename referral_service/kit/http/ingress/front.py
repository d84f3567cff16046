"""In front of Flask, on the server's event loop: what needs no thread is answered here, the rest gets one.

Links that are known and refusals are answered from memory. Whoever waits for a place, or for his own body to arrive,
waits without a thread; so there are only as many as there are requests at work, and a crowd that follows a link never
wakes them. Requests whose work is done together share a thread (joint.py), each a fiber of it. Whatever a WSGI server
would answer by the same parts (admission.py, lean_links.py), this answers alike.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial
from io import BytesIO
from math import inf
from typing import TYPE_CHECKING, Protocol, cast

from flask import Flask
from granian.rsgi import ProtocolClosed  # type: ignore[attr-defined]

from referral_service.kit.concurrency.fibers import Fibers
from referral_service.kit.http.ingress.admission import Admission
from referral_service.kit.http.ingress.environ import Answer, Scope, answer_of, environ_of
from referral_service.kit.http.limits import API_BODY_BYTES_MAX, BODY_SECONDS_MAX, HOOK_BODY_BYTES_MAX, BodyTooSlow

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

# Of all bodies that are on their way. More than that would be a crowd that only wants our memory.
ARRIVING_BYTES_MAX = 64 * 1024 * 1024
# For those who need no place: so that many of them at once keep nobody from working.
PASSING_THREADS = 4
EXTENSION = "front"


class Exchange(Protocol):
    """How an RSGI server is asked for a request's body, and told the answer."""

    async def __call__(self) -> bytes: ...
    def __aiter__(self) -> AsyncIterator[bytes]: ...
    def response_empty(self, status: int, headers: list[tuple[str, str]]) -> None: ...
    def response_bytes(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None: ...


class NoRoom(Exception):
    """More is arriving already than may be held."""


class _Bytes:
    """How much of a bounded memory is taken. For the event loop's own thread."""

    def __init__(self, bytes_max: int) -> None:
        self._left = bytes_max

    @contextmanager
    def room_for(self, size: int) -> Iterator[None]:
        """Hold so much of it; raises NoRoom."""
        if size > self._left:
            raise NoRoom
        self._left -= size
        try:
            yield
        finally:
            self._left += size


class Front:
    """An RSGI application before a WSGI application and its gate; `ahead` is asked first, `is_joint` says who may share
    a thread.
    """

    def __init__(
        self,
        *,
        ahead: Callable[[WSGIEnvironment], Answer | None],
        admission: Admission,
        is_joint: Callable[[WSGIEnvironment], bool],
    ) -> None:
        self._ahead = ahead
        self._admission = admission
        self._is_joint = is_joint
        # What blocks is done in a place of the gate's, so more helpers than places would only wait for them.
        self._sharing = Fibers(helpers=admission.gate.places, place=lambda: admission.gate.place())
        # Who is aside keeps his thread, so there is one for everybody whom the gate lets in.
        self._working = ThreadPoolExecutor(admission.gate.people_max, thread_name_prefix="request")
        self._passing = ThreadPoolExecutor(PASSING_THREADS, thread_name_prefix="passing")
        self._arriving = _Bytes(ARRIVING_BYTES_MAX)

    async def __rsgi__(self, scope: Scope, exchange: Exchange) -> None:
        """Answer one request."""
        environ = environ_of(scope)
        answer = self._ahead(environ)
        if answer is None:
            try:
                answer = await self._answer(environ, exchange)
            except ProtocolClosed:
                # Whoever asked has gone before he had sent all.
                return
        if answer.body:
            exchange.response_bytes(*answer)
        else:
            exchange.response_empty(answer.status, answer.headers)

    def close(self) -> None:
        """End the threads; nothing is asked any more."""
        self._sharing.close()
        self._working.shutdown()
        self._passing.shutdown()

    async def _answer(self, environ: WSGIEnvironment, exchange: Exchange) -> Answer:
        admission = self._admission
        if environ["PATH_INFO"] in admission.passing:
            return await self._in_thread(self._passing, environ)
        # Whoever sends slowly waits for himself, and not in a place.
        if not await self._take_body(environ, exchange):
            return answer_of(admission.refusal, environ)
        if self._is_joint(environ):
            return await self._in_fiber(environ)
        if not await admission.gate.come_in():
            return answer_of(admission.refusal, environ)
        try:
            return await self._in_thread(self._working, environ)
        finally:
            admission.gate.leave()

    async def _in_fiber(self, environ: WSGIEnvironment) -> Answer:
        admission = self._admission
        if not admission.gate.enter_aside():
            return answer_of(admission.refusal, environ)
        try:
            return await self._sharing.run(partial(answer_of, admission.application, environ))
        finally:
            admission.gate.leave_aside()

    async def _take_body(self, environ: WSGIEnvironment, exchange: Exchange) -> bool:
        """Wait for the body, or for as much of it as shows that it is too large; False where there is no room for it.

        What announces that it is too large is not read.
        """
        announced = _announced_bytes(environ)
        if not announced or HOOK_BODY_BYTES_MAX < announced < inf:
            return True
        try:
            async with asyncio.timeout(BODY_SECONDS_MAX):
                if announced <= API_BODY_BYTES_MAX:
                    with self._arriving.room_for(int(announced)):
                        environ["wsgi.input"] = BytesIO(await exchange())
                else:
                    environ["wsgi.input"] = await self._in_pieces(exchange)
        except TimeoutError:
            environ["wsgi.input"] = _Late()
        except NoRoom:
            return False
        return True

    async def _in_pieces(self, exchange: Exchange) -> BytesIO:
        body = BytesIO()
        with ExitStack() as taken:
            async for piece in exchange:
                taken.enter_context(self._arriving.room_for(len(piece)))
                body.write(piece)
                if body.tell() > HOOK_BODY_BYTES_MAX:
                    break
        body.seek(0)
        return body

    async def _in_thread(self, threads: ThreadPoolExecutor, environ: WSGIEnvironment) -> Answer:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(threads, answer_of, self._admission.application, environ)


def front_of(app: Flask) -> Front:
    """Return what an RSGI server is given to serve this application."""
    return cast(Front, app.extensions[EXTENSION])


def _announced_bytes(environ: WSGIEnvironment) -> float:
    """How large the body is, and more than anything where nobody says."""
    if "HTTP_TRANSFER_ENCODING" in environ:
        return inf
    announced = environ.get("CONTENT_LENGTH", "0")
    return int(announced) if announced.isdecimal() else 0


class _Late:
    """A body that has not arrived: whoever needs it says so."""

    def read(self, _size: int = -1) -> bytes:
        raise BodyTooSlow
