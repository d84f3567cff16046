"""Every error is answered as application/problem+json (RFC 9457), whatever raised it; nothing of its text leaks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import marshmallow as ma
import orjson
import structlog
from flask import Flask, Response, current_app
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException

from referral_service.config import Settings
from referral_service.kit import errors
from referral_service.kit.error_log import told
from referral_service.kit.errors import InternalError, InvalidRequest, Overloaded, Problem
from referral_service.kit.http import limits

CONTENT_TYPE = "application/problem+json"
ERRORS_MAX = 100
log = structlog.get_logger(__name__)


class BadRequest(Problem):
    code, status = "bad_request", 400
    title = "The request is not well-formed HTTP."
    remedy = "Check the address, the headers and the query of the request."


# The problem that stands for a status: for what werkzeug raises by itself, and as an example in the documentation.
BY_STATUS: dict[int, type[Problem]] = {
    400: BadRequest,
    401: errors.Unauthorized,
    403: errors.Forbidden,
    404: errors.NotFound,
    405: errors.MethodNotAllowed,
    408: limits.BodyTooSlow,
    409: errors.Conflict,
    413: errors.BodyTooLarge,
    414: limits.UrlTooLong,
    415: errors.UnsupportedMediaType,
    422: errors.InvalidRequest,
    429: errors.RateLimited,
    431: limits.HeadersTooLarge,
    500: errors.InternalError,
    503: errors.Overloaded,
}


class ProblemSchema(ma.Schema):
    """What went wrong (RFC 9457). More members may stand beside these, such as `referral_id`."""

    class Meta:
        unknown = ma.INCLUDE

    type = ma.fields.String(
        required=True, metadata={"description": "Where this kind of problem is explained.", "format": "uri"}
    )
    title = ma.fields.String(required=True, metadata={"description": "What happened, in a sentence."})
    status = ma.fields.Integer(required=True, metadata={"description": "The HTTP status again."})
    code = ma.fields.String(required=True, metadata={"description": "Stable, for programs: one of the catalogue."})
    detail = ma.fields.String(required=True, metadata={"description": "What to do about it."})
    errors = ma.fields.Dict(
        keys=ma.fields.String(),
        values=ma.fields.List(ma.fields.String()),
        metadata={"description": "What is wrong with each field, by its dotted path."},
    )


def problem_response(problem: Problem) -> Response:
    """Return the answer for a problem. A view returns this, rather than raise, where what it did is to be kept."""
    document = problem.to_document(current_app.config["BASE_URL"])
    response = Response(orjson.dumps(document, default=str), status=problem.status, content_type=CONTENT_TYPE)
    if isinstance(problem, errors.Unauthorized):
        response.headers["WWW-Authenticate"] = "Bearer"
    seconds = problem.facts.get("retry_after_seconds")
    if seconds is not None:
        response.headers["Retry-After"] = str(seconds)
    # An error tells of one moment and one caller.
    response.headers["Cache-Control"] = "no-store"
    return response


def flatten(messages: Any, *, root: str) -> dict[str, list[str]]:
    """Return marshmallow's nested messages by dotted path (`referee.email`, `events.0.id`), at most 100 of them.

    What concerns the whole document stands under `root`.
    """
    flat: dict[str, list[str]] = {}
    for path, sentence in _sentences(messages, ()):
        name = ".".join(path) or root
        if name not in flat and len(flat) == ERRORS_MAX:
            break
        flat.setdefault(name, []).append(sentence)
    return flat


def _sentences(messages: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    if isinstance(messages, Mapping):
        for name, inner in messages.items():
            yield from _sentences(inner, path if name == ma.exceptions.SCHEMA else (*path, str(name)))
    elif isinstance(messages, list | tuple):
        for inner in messages:
            yield from _sentences(inner, path)
    else:
        yield path, str(messages)


def install(app: Flask, settings: Settings) -> None:
    """Answer every kind of error of this application as a problem, explained at the service's own address."""
    app.config["BASE_URL"] = settings.base_url
    app.config["LOG_ERROR_TEXT"] = settings.development
    app.register_error_handler(Problem, problem_response)
    app.register_error_handler(ma.ValidationError, _invalid)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(PoolTimeout, _overloaded)
    app.register_error_handler(OperationalError, _overloaded)
    app.register_error_handler(InterfaceError, _overloaded)
    app.register_error_handler(DBAPIError, _database)
    app.register_error_handler(Exception, _unexpected)


def _invalid(error: ma.ValidationError) -> Response:
    return problem_response(InvalidRequest(errors=flatten(error.messages, root="body")))


def _http(error: HTTPException) -> Response:
    """Keep what werkzeug says in headers (Allow, Retry-After), and redirects as they are."""
    original = error.get_response()
    if original.status_code < 400:
        return Response(original.get_data(), status=original.status_code, headers=original.headers)
    kind = BY_STATUS.get(original.status_code, BadRequest if original.status_code < 500 else InternalError)
    response = problem_response(kind())
    for name, value in original.headers.items():
        if name.lower() not in {"content-type", "content-length"}:
            response.headers[name] = value
    return response


def _overloaded(error: Exception) -> Response:
    """A pool that is empty, a lock that was not given, a database that is away: the same request may work soon."""
    log.warning("database_unavailable", **_told(error))
    return problem_response(Overloaded(retry_after_seconds=1))


def _database(error: DBAPIError) -> Response:
    return _overloaded(error) if error.connection_invalidated else _unexpected(error)


def _unexpected(error: Exception) -> Response:
    log.error("unexpected_error", **_told(error))
    return problem_response(InternalError())


def _told(error: BaseException) -> dict[str, Any]:
    """Return what is logged of an error: in development its text, too."""
    return {"exc_info": error} if current_app.config["LOG_ERROR_TEXT"] else told(error)
