"""A line for each request, without personal data: the rule of the route instead of the path, no query, no address."""

from __future__ import annotations

import logging
import re
import sys
from typing import Any

import orjson
import structlog
from flask import Flask, Response, g, request

from referral_service.kit.clock import monotonic_seconds
from referral_service.kit.http.caller import find_caller
from referral_service.kit.ids import new_id

REQUEST_ID = "X-Request-Id"
_REQUEST_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")
log = structlog.get_logger("referral_service.access")


def configure_logging(level: str) -> None:
    """Write logs as JSON lines to standard error: standard output belongs to commands that answer there."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(serializer=_to_json),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping().get(level, logging.INFO)),
        logger_factory=structlog.BytesLoggerFactory(sys.stderr.buffer),
        cache_logger_on_first_use=True,
    )


def request_id() -> str:
    """Return the id of the current request: the caller's own, where it is one, so that logs can be joined."""
    if "request_id" not in g:
        g.request_id = request_id_of(request.headers.get(REQUEST_ID, ""))
    found: str = g.request_id
    return found


def request_id_of(sent: str) -> str:
    """Return what was sent as the request's id, where it is one, and a new id otherwise."""
    return sent if _REQUEST_ID.fullmatch(sent) else new_id("req")


def install(app: Flask) -> None:
    """Log each request once it is answered, and say its id in the answer."""

    @app.before_request
    def begin() -> None:
        g.began = monotonic_seconds()
        structlog.contextvars.bind_contextvars(request_id=request_id())

    @app.after_request
    def end(response: Response) -> Response:
        response.headers[REQUEST_ID] = request_id()
        caller = find_caller()
        log.info(
            "request",
            method=request.method,
            route=str(request.url_rule) if request.url_rule else None,
            status=response.status_code,
            milliseconds=round((monotonic_seconds() - g.get("began", monotonic_seconds())) * 1000, 1),
            app=caller.app_id if caller else None,
            key=caller.key_id if caller else None,
        )
        return response

    @app.teardown_request
    def forget(_error: BaseException | None) -> None:
        structlog.contextvars.unbind_contextvars("request_id")


def _to_json(event: Any, **_: Any) -> bytes:
    return orjson.dumps(event, default=str)
