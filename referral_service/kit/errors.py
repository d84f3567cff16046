"""The root of the error tree: what goes wrong, said once, as RFC 9457 problem details.

Every class that declares a `code` is concrete: it answers with its own status, says in `title` what happened
and in `remedy` what to do about it. A class without a code only groups others.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

# RFC 9457 section 3.1 and this service's own two members: no fact may hide them.
RESERVED_MEMBERS = frozenset({"type", "title", "status", "code", "detail", "instance", "errors"})


class Problem(Exception):
    """Something the caller must be told.

    `detail` replaces the class's remedy where more is known. `errors` maps a field's dotted path to what is
    wrong with it. Every other keyword argument becomes a member of the answer, such as `referral_id`.
    """

    code: ClassVar[str]
    status: ClassVar[int]
    title: ClassVar[str]
    remedy: ClassVar[str]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "code" not in vars(cls):
            return
        missing = [name for name in ("status", "title", "remedy") if not hasattr(cls, name)]
        if missing:
            raise TypeError(f"{cls.__qualname__} lacks {', '.join(missing)}.")

    def __init__(self, detail: str | None = None, *, errors: Mapping[str, Any] | None = None, **facts: Any) -> None:
        if not hasattr(self, "code"):
            raise TypeError(f"{type(self).__qualname__} has no code: raise one of its subclasses.")
        hidden = RESERVED_MEMBERS & facts.keys()
        if hidden:
            raise TypeError(f"These names belong to the problem itself: {', '.join(sorted(hidden))}.")
        self.detail = self.remedy if detail is None else detail
        self.errors = errors
        self.facts = facts
        super().__init__(f"{self.code}: {self.detail}")

    def to_document(self, base_url: str) -> dict[str, Any]:
        """Return the problem as a JSON object; `base_url` is the service's own address, for `type`."""
        document: dict[str, Any] = {
            "type": f"{base_url.rstrip('/')}/docs/errors#{self.code}",
            "title": self.title,
            "status": self.status,
            "code": self.code,
            "detail": self.detail,
        }
        if self.errors:
            document["errors"] = dict(self.errors)
        return document | self.facts


def catalogue() -> list[type[Problem]]:
    """Return every concrete class that has been imported, by code; raise ValueError if two share a code."""
    by_code: dict[str, type[Problem]] = {}
    for kind in _descendants(Problem):
        if "code" not in vars(kind):
            continue
        if by_code.setdefault(kind.code, kind) is not kind:
            other = by_code[kind.code]
            raise ValueError(f"{kind.__qualname__} and {other.__qualname__} share the code {kind.code}.")
    return [by_code[code] for code in sorted(by_code)]


def _descendants(root: type[Problem]) -> Iterator[type[Problem]]:
    """Yield each class below `root` once, however many parents lead to it."""
    seen: set[type[Problem]] = set()
    waiting = list(root.__subclasses__())
    while waiting:
        kind = waiting.pop()
        if kind not in seen:
            seen.add(kind)
            waiting.extend(kind.__subclasses__())
            yield kind


class MalformedBody(Problem):
    code, status = "malformed_body", 400
    title = "The request body is not well-formed JSON."
    remedy = "Send one JSON document in UTF-8, without duplicate keys."


class InvalidRequest(Problem):
    code, status = "invalid_request", 422
    title = "Some of the values sent are not valid."
    remedy = "Correct the fields named under errors and send the request again."


class Unauthorized(Problem):
    code, status = "unauthorized", 401
    title = "The request carries no valid credentials."
    remedy = "Send a valid API key in the Authorization header, as Bearer <key>."


class Forbidden(Problem):
    code, status = "forbidden", 403
    title = "These credentials do not allow this."
    remedy = "Use a key that has the scope this call needs."


class NotFound(Problem):
    code, status = "not_found", 404
    title = "There is nothing here by that name."
    remedy = "Check the address and the ids in it, and that the key belongs to the same app."


class MethodNotAllowed(Problem):
    code, status = "method_not_allowed", 405
    title = "This address does not answer to that method."
    remedy = "Use one of the methods in the Allow header."


class Conflict(Problem):
    code, status = "conflict", 409
    title = "The request does not fit what is already there."
    remedy = "Read the present state, decide anew, and send the request again if it still applies."


class BodyTooLarge(Problem):
    code, status = "body_too_large", 413
    title = "The request body is too large."
    remedy = "Send a smaller body, or split it over several requests."


class UnsupportedMediaType(Problem):
    code, status = "unsupported_media_type", 415
    title = "The request body is not of a type that is read here."
    remedy = "Send JSON with the header Content-Type: application/json."


class RateLimited(Problem):
    """Give `retry_after_seconds` as a fact: the edge sends it as the Retry-After header too."""

    code, status = "rate_limited", 429
    title = "Too many requests have come in a short time."
    remedy = "Wait as long as the Retry-After header says, then try again."


class InternalError(Problem):
    code, status = "internal_error", 500
    title = "Something went wrong on our side."
    remedy = "Try again with the same ids and Idempotency-Key; if it happens again, tell the operator."


class Overloaded(Problem):
    """Give `retry_after_seconds` as a fact: the edge sends it as the Retry-After header too."""

    code, status = "overloaded", 503
    title = "The service has more to do than it can do right now."
    remedy = "Wait as long as the Retry-After header says, then send the same request again."
