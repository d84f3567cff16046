"""Logs go to standard error: standard output belongs to what commands answer. No line names a person."""

from __future__ import annotations

import logging
import sys
from typing import Any, TextIO

import structlog

from referral_service.kit.http.access_log import configure_logging


def configure_logs(level: str) -> None:
    """For what runs for long: JSON lines, or readable ones where a person watches."""
    if not sys.stderr.isatty():
        configure_logging(level)
        return
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="%H:%M:%S", utc=False),
            structlog.dev.ConsoleRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping().get(level, logging.INFO)),
        logger_factory=_to_standard_error,
        cache_logger_on_first_use=True,
    )


def keep_quiet() -> None:
    """For commands that answer and end: warnings only."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.dev.ConsoleRenderer(colors=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=_to_standard_error,
        cache_logger_on_first_use=False,
    )


def _to_standard_error(*_: Any) -> structlog.PrintLogger:
    # Looked up each time: whoever runs commands in their own process may have put another stream in its place.
    stream: TextIO = sys.stderr
    return structlog.PrintLogger(stream)
