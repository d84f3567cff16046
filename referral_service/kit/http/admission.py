"""Who is let in when more is asked than can be done: so many at work, so many waiting in turn, no others.

Without it requests would pile up behind the server's threads, each answered after its caller has long given up, and
a check of health would wait in the same line. So the server has a thread for everybody who may be at work or wait
here, and a few more (`threads_for`): there is always one to refuse with, and one to say that the process lives.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from itertools import count
from threading import Lock
from typing import TYPE_CHECKING, Any, cast

import orjson
import structlog
from flask import Flask

from referral_service.config import Settings
from referral_service.kit.clock import monotonic_seconds
from referral_service.kit.errors import Overloaded
from referral_service.kit.http import access_log, headers

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

EXTENSION = "admission"
WAITING_MAX = 64
# Shorter than any caller's own patience, so that he hears from us and not from his time-out.
WAIT_SECONDS_MAX = 2.0
# Threads that neither work nor wait.
SPARE_THREADS = 8
# Who is told the same second comes back in the same second.
RETRY_SECONDS_MAX = 3
LOG_EVERY_SECONDS = 1.0

log = structlog.get_logger(__name__)


class Gate:
    """Lets `places` in at once; up to `waiting_max` more wait for a place, in the order in which they came, or have
    stepped aside from theirs.

    `inside`, `waiting` and `refused` (in all) are for whoever wants to know.
    """

    def __init__(
        self, *, places: int, waiting_max: int = WAITING_MAX, wait_seconds_max: float = WAIT_SECONDS_MAX
    ) -> None:
        if places < 1:
            raise ValueError("Nobody could ever enter.")
        # In all: a thread is there for each of them, and for no more.
        self._people_max = places + waiting_max
        self._wait_seconds_max = wait_seconds_max
        self._lock = Lock()
        # Whoever waits sleeps on a lock of his own. While a place is free, nobody waits.
        self._turns: deque[Lock] = deque()
        self._places = self._free = places
        # Those who have had a place: somewhere else for now, and back, to go before anybody new.
        self._aside = 0
        self._returning: deque[Lock] = deque()
        self.refused = 0

    @property
    def inside(self) -> int:
        return self._places - self._free

    @property
    def waiting(self) -> int:
        return len(self._turns) + len(self._returning) + self._aside

    def enter(self) -> bool:
        """Take a place, perhaps after a while; False where there is none to be had in time. Then do not `leave`."""
        with self._lock:
            if self.inside + self.waiting >= self._people_max:
                self.refused += 1
                return False
            if self._free:
                self._free -= 1
                return True
            turn = _taken()
            self._turns.append(turn)
        if turn.acquire(timeout=self._wait_seconds_max):
            return True
        with self._lock:
            if turn not in self._turns:
                # The place was handed over in the moment in which patience ended.
                return True
            self._turns.remove(turn)
            self.refused += 1
            return False

    def leave(self) -> None:
        """Hand the place to whoever has waited longest."""
        with self._lock:
            waiting = self._returning or self._turns
            if waiting:
                waiting.popleft().release()
            else:
                self._free += 1

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Let others have the place for as long as its owner has nothing to do but wait for them.

        Who comes back goes before those who have not begun: what is half done holds up more than what is not.
        """
        with self._lock:
            self._aside += 1
        self.leave()
        try:
            yield
        finally:
            self._come_back()

    def _come_back(self) -> None:
        with self._lock:
            self._aside -= 1
            if self._free:
                self._free -= 1
                return
            turn = _taken()
            self._returning.append(turn)
        turn.acquire()


def _taken() -> Lock:
    """A lock to sleep on, until somebody else releases it."""
    turn = Lock()
    turn.acquire()
    return turn


class Admission:
    """A WSGI application before another, which it keeps from being asked too much. Paths in `passing` never wait."""

    def __init__(
        self, application: WSGIApplication, gate: Gate, refusal: Refusal, *, passing: frozenset[str] = frozenset()
    ) -> None:
        self._application = application
        self._gate = gate
        self._refusal = refusal
        self._passing = passing

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ.get("PATH_INFO") in self._passing:
            return self._application(environ, start_response)
        if not self._gate.enter():
            return self._refusal(environ, start_response)
        try:
            return self._application(environ, start_response)
        finally:
            self._gate.leave()


class Refusal:
    """Answers 503 `overloaded` with Retry-After. Flask is not asked: a refusal must cost next to nothing."""

    def __init__(self, settings: Settings, *, monotonic: Callable[[], float] = monotonic_seconds) -> None:
        common = {**headers.of_every_answer(settings), "Cache-Control": "no-store"}
        self._headers = [("Content-Type", "application/problem+json"), *common.items()]
        self._bodies = [
            orjson.dumps(Overloaded(retry_after_seconds=seconds).to_document(settings.base_url))
            for seconds in range(1, RETRY_SECONDS_MAX + 1)
        ]
        self._numbers = count()
        self._monotonic = monotonic
        self._logged_at = float("-inf")
        self._unsaid = 0

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        nth = next(self._numbers) % RETRY_SECONDS_MAX
        body = self._bodies[nth]
        one = [
            ("Content-Length", str(len(body))),
            ("Retry-After", str(nth + 1)),
            (access_log.REQUEST_ID, access_log.request_id_of(environ.get("HTTP_X_REQUEST_ID", ""))),
        ]
        self._say()
        start_response("503 Service Unavailable", self._headers + one)
        return [body]

    def _say(self) -> None:
        """Log how many were refused, once a second: a line for each would be the next overload."""
        self._unsaid += 1
        now = self._monotonic()
        if now - self._logged_at >= LOG_EVERY_SECONDS:
            self._logged_at, said, self._unsaid = now, self._unsaid, 0
            log.warning("overloaded", refused=said)


def threads_for(places: int) -> int:
    """Return how many threads a server needs so that some are left when all places and turns are taken."""
    return places + WAITING_MAX + SPARE_THREADS


def step_aside(app: Flask) -> AbstractContextManager[None]:
    """Let others have the place of the request at hand, while it waits for them; see `Gate.aside`."""
    return cast(Gate, app.extensions[EXTENSION]).aside()


def install(app: Flask, settings: Settings, *, passing: Iterable[str]) -> None:
    """Let `settings.threads` requests into this application at once; those for the paths in `passing` always."""
    gate = Gate(places=settings.threads)
    app.extensions[EXTENSION] = gate
    inner: Any = app.wsgi_app
    app.wsgi_app = Admission(inner, gate, Refusal(settings), passing=frozenset(passing))  # type: ignore[method-assign]
