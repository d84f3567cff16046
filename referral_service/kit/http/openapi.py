"""The OpenAPI 3.1 document, made from the views: what they read, what they answer, what can go wrong."""

from __future__ import annotations

import http
from collections.abc import Iterator
from copy import deepcopy
from threading import Lock
from typing import Any

import flask_smorest
import yaml
from flask import Flask

from referral_service import __version__
from referral_service.kit.http import field_docs, idempotency
from referral_service.kit.http.fields import Moment
from referral_service.kit.http.problems import BY_STATUS, CONTENT_TYPE, ProblemSchema

TITLE = "Referral service"
SECURITY = "api_key"
IDEMPOTENCY_PARAMETER = "IdempotencyKey"
DESCRIPTION = (
    "A self-hosted referral program engine. Errors are RFC 9457 problems with a stable `code`; lists are read with "
    "`cursor` and `limit`; every POST but events and hooks honours `Idempotency-Key`."
)


class Api(flask_smorest.Api):
    """flask-smorest's registry, with our errors in its documentation instead of its own handlers."""

    ERROR_SCHEMA = ProblemSchema
    # Each operation names the statuses that it can answer; a catch-all would hide the others.
    DEFAULT_ERROR_RESPONSE_NAME = None

    def __init__(self, app: Flask, *, spec_kwargs: dict[str, Any]) -> None:
        self._undocumented: list[tuple[str, Any]] = []
        self._documenting = Lock()
        super().__init__(app, spec_kwargs=spec_kwargs)

    def register_blueprint(self, blp: Any, **options: Any) -> None:
        """Register the views now; their documentation, which takes four times as long, is made when it is asked for."""
        name = options.get("name", blp.name)
        self._app.extensions["flask-smorest"]["blp_name_to_api"][name] = self
        self._app.register_blueprint(blp, **options)
        self._undocumented.append((name, blp))

    def document(self) -> dict[str, Any]:
        """Return the document of all views that are registered."""
        with self._documenting:
            while self._undocumented:
                name, blueprint = self._undocumented.pop(0)
                blueprint.register_views_in_doc(self, self._app, self.spec, name=name, parameters=None)
                self.spec.tag({"name": name, "description": blueprint.description})
            document: dict[str, Any] = deepcopy(self.spec.to_dict())
        return document

    def _register_error_handlers(self) -> None:
        """Nothing: `problems.install` answers every error."""

    def _register_responses(self) -> None:
        for status in http.HTTPStatus:
            if status in BY_STATUS:
                response = {
                    "description": status.phrase,
                    "content": {CONTENT_TYPE: {"schema": ProblemSchema, "example": _example(int(status))}},
                }
                self.spec.components.response(status.name, response, lazy=True)

    def _register_etag_headers(self) -> None:
        """Nothing: answers carry no ETag."""

    def _register_pagination_header(self) -> None:
        """Nothing: pages are told in the body."""


def install(app: Flask) -> Api:
    """Return the registry in which the views' blueprints are to be registered."""
    app.config.update(API_TITLE=TITLE, API_VERSION=__version__, OPENAPI_VERSION="3.1.0")
    api = Api(
        app,
        spec_kwargs={
            "info": {"description": DESCRIPTION, "license": {"name": "MIT", "identifier": "MIT"}},
            "servers": [{"url": "/", "description": "The service that serves this document."}],
        },
    )
    api.register_field(Moment, "string", "date-time")
    for describe in field_docs.DESCRIPTIONS:
        api.ma_plugin.converter.add_attribute_function(describe)
    api.spec.components.security_scheme(
        SECURITY,
        {"type": "http", "scheme": "bearer", "description": "An API key: `sk_live_…`, `sk_test_…` or `sk_operator_…`."},
    )
    api.spec.components.parameter(
        IDEMPOTENCY_PARAMETER,
        "header",
        {
            "name": idempotency.HEADER,
            "required": False,
            "description": "Any text of your own: the same request under the same key has its effect once, and gets "
            "the same answer for 24 hours.",
            "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
        },
        lazy=True,
    )
    app.extensions["openapi"] = api
    return api


def spec_yaml(app: Flask) -> str:
    """Return the document as YAML; the same views give the same text."""
    document = spec_document(app)
    text: str = yaml.dump(document, Dumper=_Dumper, sort_keys=True, allow_unicode=True, width=110)
    return text


class _Dumper(yaml.SafeDumper):
    """Writes a value that occurs twice out twice: an alias is nothing that a person wants to follow."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
        return True


def spec_document(app: Flask) -> dict[str, Any]:
    """Return the document as JSON values."""
    document: dict[str, Any] = app.extensions["openapi"].document()
    for path, item in document["paths"].items():
        for operation in _operations(item):
            if "{" in path:
                for status in (404, 414):
                    _answer(document, operation["responses"], status)
            for parameter in operation.get("parameters", ()):
                _describe_argument(parameter)
    for schema in document["components"]["schemas"].values():
        for member in schema.get("properties", {}).values():
            _drop_null_default(member)
    return document


def _operations(item: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the operations of one path."""
    return (operation for method, operation in item.items() if method != "parameters")


def document_operation(doc: dict[str, Any], info: dict[str, Any], *, method: str, **_: Any) -> dict[str, Any]:
    """Add what decorators know to a view's documentation: its key, its Idempotency-Key, its problems."""
    edge: dict[str, Any] = info.get("edge", {})
    scope = edge.get("scope")
    if edge.get("operation_id") is not None:
        doc["operationId"] = edge["operation_id"]
    responses = doc.setdefault("responses", {})
    statuses = {503}
    if scope is not None:
        doc["security"] = [{SECURITY: []}]
        doc["x-required-scope"] = scope
        statuses |= {401, 403}
    else:
        doc["security"] = []
    if edge.get("limited"):
        statuses.add(429)
    if "requestBody" in doc:
        statuses |= {400, 408, 413, 415, 422}
    if any(
        parameter.get("in") in {"query", "querystring"} for parameter in info.get("arguments", {}).get("parameters", ())
    ):
        statuses |= {400, 414, 422}
    if method == "post" and edge.get("idempotent"):
        doc.setdefault("parameters", []).append(IDEMPOTENCY_PARAMETER)
        statuses |= {409, 422}
    for status in sorted(statuses):
        responses.setdefault(str(status), http.HTTPStatus(status).name)
    # webargs names its own 422 by number; one name each.
    for status in [it for it in responses if isinstance(it, int) and it >= 400]:
        responses[str(status)] = responses.pop(status)
    return doc


def mark(view: Any, **facts: Any) -> None:
    """Note on a view what its documentation should say; decorators further out copy it along."""
    documented = dict(getattr(view, "_apidoc", {}))
    documented["edge"] = {**documented.get("edge", {}), **facts}
    view._apidoc = documented


def _example(status: int) -> dict[str, Any]:
    return BY_STATUS[status]().to_document("https://refer.example.com")


def _answer(document: dict[str, Any], responses: dict[str, Any], status: int) -> None:
    """Name one more problem of an operation in a document that is already written out."""
    name = http.HTTPStatus(status).name
    responses.setdefault(str(status), {"$ref": f"#/components/responses/{name}"})
    content = {"schema": {"$ref": "#/components/schemas/Problem"}, "example": _example(status)}
    document["components"]["responses"].setdefault(
        name, {"description": http.HTTPStatus(status).phrase, "content": {CONTENT_TYPE: content}}
    )


def _describe_argument(parameter: dict[str, Any]) -> None:
    """A query knows no null: an argument is there or it is not."""
    schema = parameter.get("schema", {})
    _drop_null_default(schema)
    if parameter.get("in") == "query":
        if isinstance(schema.get("type"), list):
            (schema["type"],) = [it for it in schema["type"] if it != "null"]
        if "enum" in schema:
            schema["enum"] = [it for it in schema["enum"] if it is not None]


def _drop_null_default(schema: dict[str, Any]) -> None:
    """A default of null says only that the field may be left out, which its absence from `required` says already."""
    if "default" in schema and schema["default"] is None:
        del schema["default"]
