"""What comes in is read strictly: JSON that is declared and well formed, and nothing that was not asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

import marshmallow as ma
from flask import Request, request
from webargs import missing
from webargs.flaskparser import FlaskParser

from referral_service.kit import strict_json
from referral_service.kit.errors import InvalidRequest, MalformedBody, UnsupportedMediaType
from referral_service.kit.http.problems import flatten

# Where a request's environment has what was read before its view began.
_READ_AHEAD = "referral_service.read_ahead"
_ROOTS = {"json": "body", "query": "query", "querystring": "query"}


@dataclass(frozen=True, slots=True)
class Reader:
    """One declared argument of a view: which schema reads which part of the request."""

    schema: ma.Schema
    location: str


class StrictParser(FlaskParser):
    """The webargs parser of every view. A problem is raised for whatever it does not take."""

    DEFAULT_UNKNOWN_BY_LOCATION = {  # noqa: RUF012 -- as webargs has it
        **FlaskParser.DEFAULT_UNKNOWN_BY_LOCATION,
        "query": ma.RAISE,
        "querystring": ma.RAISE,
    }

    def parse(self, argmap: Any, req: Request | None = None, *, location: str | None = None, **options: Any) -> Any:
        """Return what the schema reads, once: `read_ahead` may have done it before the transaction began."""
        req = req or self.get_default_request()
        ahead: dict[tuple[int, str | None], Any] = req.environ.get(_READ_AHEAD, {})
        key = (id(argmap), location)
        # Taken away, for a view that runs again after a deadlock must not see what its first run changed.
        return ahead.pop(key) if key in ahead else super().parse(argmap, req, location=location, **options)

    def read_ahead(self, readers: tuple[Reader, ...]) -> None:
        """Read everything that a view declares before its transaction holds any lock; raise what is wrong with it."""
        req = self.get_default_request()
        _refuse_query(req, readers)
        ahead = {(id(it.schema), it.location): self.parse(it.schema, req, location=it.location) for it in readers}
        req.environ[_READ_AHEAD] = ahead

    def get_default_request(self) -> Request:
        """Return the request itself: the proxy would look for it each time that it is asked something."""
        return request._get_current_object()  # type: ignore[attr-defined, no-any-return]

    def load_json(self, req: Request, schema: ma.Schema) -> Any:
        """Return the body's one JSON document; an empty body is `missing` where the view declares it optional."""
        if getattr(schema, "body_optional", False) and not req.get_data(cache=True):
            return missing
        return read_json(req, longer=getattr(schema, "long_texts", None))

    def load_querystring(self, req: Request, schema: ma.Schema) -> Any:  # noqa: ARG002
        """Return the query's arguments, each of which may be given once."""
        return {name: values[0] for name, values in req.args.lists()}

    def handle_error(self, error: ma.ValidationError, req: Request, schema: ma.Schema, **_: Any) -> NoReturn:  # noqa: ARG002
        """Say what is wrong with each field, by its dotted path."""
        (location, messages), *_rest = error.messages_dict.items()
        raise InvalidRequest(errors=flatten(messages, root=_ROOTS.get(location, location))) from None


def read_json(req: Request, *, longer: Mapping[tuple[str, ...], int] | None = None) -> Any:
    """Return the JSON document of the request's body.

    `longer` as in `strict_json.loads`. Raises UnsupportedMediaType unless it is declared as JSON in UTF-8 without
    compression, MalformedBody.
    """
    if req.environ.get("CONTENT_TYPE") != "application/json":
        # Not as nearly everybody says it, which may be right all the same.
        charset = req.mimetype_params.get("charset", "utf-8").lower()
        if req.mimetype != "application/json" or charset not in {"utf-8", "utf8"}:
            raise UnsupportedMediaType
    if req.environ.get("HTTP_CONTENT_ENCODING", "identity").lower() != "identity":
        raise UnsupportedMediaType("Send the body as it is, without Content-Encoding.")
    raw = req.get_data(cache=True)
    try:
        return strict_json.loads(raw, max_bytes=len(raw), longer=longer)
    except strict_json.MalformedJson as error:
        raise MalformedBody(f"{error} Correct the body and send the request again.", reason=error.reason) from None


def _refuse_query(req: Request, readers: tuple[Reader, ...]) -> None:
    """Refuse arguments of the query that nobody reads or that come twice: webargs would pass over both in silence."""
    if not req.query_string:
        return
    known = {
        field.data_key or name
        for it in readers
        if it.location in {"query", "querystring"}
        for name, field in it.schema.load_fields.items()
    }
    wrong: dict[str, list[str]] = {}
    for name, values in req.args.lists():
        if name not in known:
            wrong[name] = ["This query argument is not known here."]
        elif len(values) > 1:
            wrong[name] = ["Give this query argument once."]
        elif "\0" in values[0]:
            wrong[name] = ["The character NUL is not allowed."]
    if wrong:
        raise InvalidRequest(errors=wrong)


parser = StrictParser()
