"""What every request and every answer of Flask has, whatever they are about: an id, headers, a log line, a count.

It goes around Flask and works on what WSGI passes, lists and dictionaries: hooks of Flask's that did the same through
its proxies took longer than most views (docs/decisions/0032).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Protocol

from flask import Flask, request
from structlog.contextvars import bind_contextvars, reset_contextvars

from referral_service.config import Settings
from referral_service.kit.clock import monotonic_seconds
from referral_service.kit.http import access_log
from referral_service.kit.http.caller import find_caller
from referral_service.kit.http.headers import of_every_answer

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


class Count(Protocol):
    """Counts an answered request; its route is None where none took it."""

    def __call__(self, *, method: str, route: str | None, status: int, seconds: float) -> None: ...


class Envelope:
    """A WSGI application around Flask's."""

    def __init__(self, application: WSGIApplication, settings: Settings, count: Count) -> None:
        self._application = application
        self._common = [(name.lower(), (name, value)) for name, value in of_every_answer(settings).items()]
        self._count = count

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        began = monotonic_seconds()
        request_id = access_log.request_id_of(environ.get("HTTP_X_REQUEST_ID", ""))

        def start(status: str, headers: list[tuple[str, str]], *error: Any) -> Any:
            # Flask still knows the request: it hands over its answer before it forgets who asked.
            self._complete(headers, request_id)
            self._tell(int(status[:3]), monotonic_seconds() - began)
            return start_response(status, headers, *error)

        noted = bind_contextvars(request_id=request_id)
        try:
            return self._application(environ, start)
        finally:
            reset_contextvars(**noted)

    def _complete(self, headers: list[tuple[str, str]], request_id: str) -> None:
        """Add what the view has not said itself; what only a caller with a key may see is stored nowhere."""
        if find_caller() is not None:
            headers[:] = [header for header in headers if header[0].lower() != "cache-control"]
            headers.append(("Cache-Control", "no-store"))
        said = {name.lower() for name, _ in headers}
        headers += [header for name, header in self._common if name not in said]
        headers.append((access_log.REQUEST_ID, request_id))

    def _tell(self, status: int, seconds: float) -> None:
        rule = request.url_rule
        method, route = request.method, rule.rule if rule is not None else None
        self._count(method=method, route=route, status=status, seconds=seconds)
        access_log.write_line(method=method, route=route, status=status, seconds=seconds, caller=find_caller())


def install(app: Flask, settings: Settings, count: Count) -> None:
    """Put the application's Flask into its envelope."""
    app.wsgi_app = Envelope(app.wsgi_app, settings, count)  # type: ignore[method-assign]
