"""Who is let in when more is asked than can be done: so many at work, so many waiting in turn, no others (gate.py).

Without it requests would pile up behind the server's threads, each answered after its caller has long given up, and
a check of health would wait in the same line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from itertools import count
from typing import TYPE_CHECKING, Any, cast

import orjson
import structlog
from flask import Flask

from referral_service.config import Settings
from referral_service.kit.clock import monotonic_seconds
from referral_service.kit.concurrency.fibers import in_fiber
from referral_service.kit.errors import Overloaded
from referral_service.kit.http import access_log, headers
from referral_service.kit.http.ingress.gate import Gate

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

EXTENSION = "admission"
# Who is told the same second comes back in the same second.
RETRY_SECONDS_MAX = 3
LOG_EVERY_SECONDS = 1.0

log = structlog.get_logger(__name__)


class Admission:
    """A WSGI application before another, which it keeps from being asked too much. Paths in `passing` never wait."""

    def __init__(
        self, application: WSGIApplication, gate: Gate, refusal: Refusal, *, passing: frozenset[str] = frozenset()
    ) -> None:
        self.application = application
        self.gate = gate
        self.refusal = refusal
        self.passing = passing

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ.get("PATH_INFO") in self.passing:
            return self.application(environ, start_response)
        if not self.gate.enter():
            return self.refusal(environ, start_response)
        try:
            return self.application(environ, start_response)
        finally:
            self.gate.leave()


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


def step_aside(app: Flask) -> AbstractContextManager[None]:
    """Let others have the place of the request at hand, while it waits for them; see `Gate.aside`.

    One that shares its thread has none to give.
    """
    return nullcontext() if in_fiber() else cast(Admission, app.extensions[EXTENSION]).gate.aside()


def install(app: Flask, settings: Settings, *, passing: Iterable[str]) -> Admission:
    """Let `settings.threads` requests into this application at once; those for the paths in `passing` always."""
    inner: Any = app.wsgi_app
    admission = Admission(inner, Gate(places=settings.threads), Refusal(settings), passing=frozenset(passing))
    app.extensions[EXTENSION] = app.wsgi_app = admission  # type: ignore[method-assign]
    return admission
