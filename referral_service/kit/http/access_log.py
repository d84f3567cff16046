"""A line for each request, without personal data: the rule of the route instead of the path, no query, no address."""

from __future__ import annotations

import logging
import re
import sys
from typing import Any

import orjson
import structlog

from referral_service.kit.http.caller import Caller
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


def request_id_of(sent: str) -> str:
    """Return what was sent as the request's id, where it is one, and a new id otherwise."""
    return sent if _REQUEST_ID.fullmatch(sent) else new_id("req")


def write_line(
    *, method: str, route: str | None, status: int, seconds: float, caller: Caller | None = None, **more: str
) -> None:
    """Log an answered request."""
    if not log.is_enabled_for(logging.INFO):
        return
    log.info(
        "request",
        method=method,
        route=route,
        status=status,
        milliseconds=round(seconds * 1000, 1),
        app=caller.app_id if caller else None,
        key=caller.key_id if caller else None,
        **more,
    )


def _to_json(event: Any, **_: Any) -> bytes:
    return orjson.dumps(event, default=str)
