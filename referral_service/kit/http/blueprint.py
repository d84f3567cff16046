"""flask-smorest's Blueprint with our strict parser, with types, and with problems in its documentation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import flask
import flask_smorest
import marshmallow as ma

from referral_service.kit.http.openapi import document_operation, mark
from referral_service.kit.http.parsing import Reader, parser
from referral_service.kit.http.problems import CONTENT_TYPE, ProblemSchema

View = TypeVar("View", bound=Callable[..., Any])
Decorator = Callable[[View], View]


class Blueprint(flask_smorest.Blueprint):
    """A room's views. `get`, `post` and the others register; `arguments` and `response` read and write.

    `operation_id` is the name of the operation for programs that are generated from the API's description: once
    published it stays, whatever the view is called.
    """

    ARGUMENTS_PARSER = parser

    def __init__(self, name: str, import_name: str, *, description: str = "", **options: Any) -> None:
        super().__init__(name, import_name, description=description, **options)
        self._prepare_doc_cbks.append(document_operation)

    def get(self, rule: str, **options: Any) -> Callable[[View], View]:
        """Answer GET at this address."""
        return self._typed_route(rule, "GET", options)

    def post(self, rule: str, **options: Any) -> Callable[[View], View]:
        """Answer POST at this address."""
        return self._typed_route(rule, "POST", options)

    def put(self, rule: str, **options: Any) -> Callable[[View], View]:
        """Answer PUT at this address."""
        return self._typed_route(rule, "PUT", options)

    def patch(self, rule: str, **options: Any) -> Callable[[View], View]:
        """Answer PATCH at this address."""
        return self._typed_route(rule, "PATCH", options)

    def delete(self, rule: str, **options: Any) -> Callable[[View], View]:
        """Answer DELETE at this address."""
        return self._typed_route(rule, "DELETE", options)

    def arguments(
        self,
        schema: type[ma.Schema] | ma.Schema,
        *,
        location: str = "json",
        required: bool = True,
        documented_as: Sequence[type[ma.Schema]] = (),
        **options: Any,
    ) -> Callable[[View], View]:
        """Read the body (or the query) with `schema` and pass the result as the view's next argument.

        A body that is not `required` may be empty, and is then read as `{}`. The schema is built once. A body that the
        view itself reads further is `documented_as` one of several schemas.
        """
        instance = schema() if isinstance(schema, type) else schema
        if location == "json":
            instance.body_optional = not required  # type: ignore[attr-defined]
        decorate = super().arguments(instance, location=location, required=required, **options)

        def decorator(view: View) -> View:
            reading = decorate(view)
            if documented_as:
                documented = reading._apidoc["arguments"]["parameters"][-1]
                documented["schema"] = {"oneOf": list(documented_as)}
            # Outermost first, the order in which the arguments are passed; the edge reads them ahead.
            reading.readers = (Reader(instance, location), *getattr(view, "readers", ()))
            return reading  # type: ignore[no-any-return]

        return decorator

    def response(self, status_code: int, schema: Any = None, **options: Any) -> Callable[[View], View]:
        """Write what the view returns with `schema`, and answer `status_code` unless the view says otherwise."""
        decorator: Callable[[View], View] = super().response(status_code, schema, **options)
        return decorator

    def alt_response(self, status_code: int, response: Any = None, **options: Any) -> Callable[[View], View]:
        """Document one more answer of the view: `response` is a schema, or the name of an answer known already
        (`"CONFLICT"`). From 400 up it is a problem unless said otherwise.
        """
        if response is not None and not isinstance(response, str):
            options["schema"], response = response, None
        if status_code >= 400 and response is None and options.get("schema") in (None, ProblemSchema):
            options = {"content_type": CONTENT_TYPE, **options, "schema": ProblemSchema}
        document = super().alt_response(status_code, response, **options)

        def decorator(view: View) -> View:
            # What it returns would only call the view, at each request.
            view._apidoc = document(view)._apidoc  # type: ignore[attr-defined]
            return view

        return decorator

    def add_plain_rule(self, rule: str, view: Callable[..., Any]) -> None:
        """Answer GET at this address without a word in the API's documentation."""
        flask.Blueprint.add_url_rule(self, rule, view.__name__, view)

    def _typed_route(self, rule: str, method: str, options: dict[str, Any]) -> Callable[[View], View]:
        operation_id = options.pop("operation_id", None)
        register: Callable[[View], View] = self.route(rule, methods=[method], **options)

        def decorator(view: View) -> View:
            mark(view, operation_id=operation_id)
            return register(view)

        return decorator
