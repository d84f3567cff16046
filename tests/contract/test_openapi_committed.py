"""The committed openapi.yaml is what the service serves, valid, and complete enough to be built against."""

from __future__ import annotations

import re
from typing import Any

import pytest
import schemathesis
from contract.published import (
    JSON,
    PROBLEM,
    PUBLISHED,
    Operation,
    document,
    every_part,
    examples,
    faults,
    operations,
    resolved,
)
from flask.testing import FlaskClient

from referral_service.kit.ids import has_valid_check

# Python's own: no other reader of a pattern knows these.
PYTHON_ONLY = re.compile(r"\\[AZ]|\(\?(P|[aiLmsux]|#|\()|\{,|[*+?}]\+")
# Answered by the framework, or by a redirect, without a document.
EMPTY = {204, 302, 303, 304}
# What is loaded and not read: an example would show nothing.
FILES = {"text/javascript", "text/css", "text/html", "image/png", "image/svg+xml"}
EACH = pytest.mark.parametrize("operation", operations(), ids=lambda operation: operation.name)


def test_the_committed_document_is_what_the_service_serves(client: FlaskClient) -> None:
    served = client.get("/openapi.yaml").get_data(as_text=True)
    assert PUBLISHED.read_text(encoding="utf-8") == served, "openapi.yaml is out of date: `make openapi` writes it"


def test_the_document_is_valid_openapi_3_1() -> None:
    assert document()["openapi"].startswith("3.1.")
    schemathesis.openapi.from_dict(document()).validate()


def test_the_validator_sees_what_is_wrong() -> None:
    broken = document() | {"paths": {"/v1/things": {"get": {"responses": "none"}}}}
    with pytest.raises(Exception, match="none"):
        schemathesis.openapi.from_dict(broken).validate()


def test_every_operation_has_a_name_of_its_own() -> None:
    names = [operation.definition.get("operationId", operation.name) for operation in operations()]
    assert len(names) > 30
    assert [name for name in names if not re.fullmatch(r"[a-z]+([A-Z][a-z]+)*", name)] == []
    assert len(set(names)) == len(names)


@EACH
def test_every_operation_says_what_it_does_and_where_it_belongs(operation: Operation) -> None:
    definition = operation.definition
    assert re.fullmatch(r"[A-Z].*\.", definition["summary"])
    described = {tag["name"] for tag in document()["tags"] if tag.get("description")}
    assert len(definition["tags"]) == 1
    assert set(definition["tags"]) <= described


@EACH
def test_every_operation_declares_its_key_or_that_it_needs_none(operation: Operation) -> None:
    security = operation.definition["security"]
    if operation.path.startswith("/v1/") and not operation.path.startswith("/v1/hooks/"):
        assert security == [{"api_key": []}]
        assert operation.definition["x-required-scope"] in {"read", "write", "admin", "operator"}
        assert {"401", "403"} <= operation.definition["responses"].keys()
    else:
        assert security == []


def _form(operation: Operation) -> Any:
    """What a page sends, as forms do."""
    return operation.definition.get("requestBody", {}).get("content", {}).get("application/x-www-form-urlencoded")


@EACH
def test_every_body_has_examples_that_are_valid(operation: Operation) -> None:
    body = operation.body or _form(operation)
    if body is None:
        assert "requestBody" not in operation.definition
        return
    shown = examples(body)
    assert shown
    assert [fault for value in shown for fault in faults(body["schema"], value)] == []


@EACH
def test_every_success_has_examples_that_are_valid(operation: Operation) -> None:
    successes = {status: response for status, response in operation.responses() if status < 400}
    assert successes
    for status, response in successes.items():
        if status in EMPTY:
            assert "content" not in response
            continue
        ((media_type, content),) = response["content"].items()
        if media_type in FILES:
            assert content["schema"]["type"] == "string"
            continue
        assert media_type == JSON
        shown = examples(content)
        assert shown, status
        assert [fault for value in shown for fault in faults(content["schema"], value)] == []


@EACH
def test_every_failure_is_a_problem(operation: Operation) -> None:
    failures = {status: response for status, response in operation.responses() if status >= 400}
    assert 503 in failures
    for status, response in failures.items():
        if set(response["content"]) == {"text/html"}:
            # For people, who read no problem documents.
            continue
        content = response["content"][PROBLEM]
        assert content["schema"] == {"$ref": "#/components/schemas/Problem"}, status
        assert [fault for value in examples(content) for fault in faults(content["schema"], value)] == []


@EACH
def test_every_parameter_is_explained_and_its_example_valid(operation: Operation) -> None:
    for parameter in operation.parameters:
        assert parameter.get("description"), parameter["name"]
        if parameter["in"] == "path":
            assert examples(parameter), parameter["name"]
        assert [fault for value in examples(parameter) for fault in faults(parameter["schema"], value)] == []


def test_every_path_parameter_is_documented() -> None:
    for operation in operations():
        named = {parameter["name"] for parameter in operation.parameters if parameter["in"] == "path"}
        assert named == set(re.findall(r"\{(\w+)\}", operation.path))


def test_every_pattern_is_one_that_every_reader_understands() -> None:
    patterns = {schema["pattern"] for schema in every_part() if isinstance(schema.get("pattern"), str)}
    assert len(patterns) > 5
    assert [pattern for pattern in patterns if PYTHON_ONLY.search(pattern)] == []
    # JSON Schema looks for a pattern anywhere in a text: what is to match the whole must say so.
    assert [pattern for pattern in patterns if not (pattern.startswith("^") and pattern.endswith("$"))] == []


def test_the_codes_of_the_examples_are_codes() -> None:
    parts = list(every_part())
    said = [part.get("code") for part in parts] + [part["example"] for part in parts if part.get("name") == "code"]
    # Eight capital characters are a random code, whose last one checks the others; a vanity text is shorter.
    shown = [text for text in said if isinstance(text, str) and re.fullmatch(r"[0-9A-Z]{8}", text)]
    assert "K7QM3XTS" in shown
    assert [code for code in shown if not has_valid_check(code)] == []


def test_every_request_refuses_what_is_not_declared() -> None:
    bodies = [
        operation.body["schema"] for operation in operations() if operation.body and "hooks" not in operation.path
    ]
    waiting = [resolved(schema) for body in bodies for schema in body.get("oneOf", [body])]
    assert len(waiting) > 10
    assert [schema for schema in waiting if schema.get("additionalProperties") is not False] == []


def test_lists_are_pages_of_at_most_a_hundred() -> None:
    lists = [operation for operation in operations() if operation.definition["operationId"].startswith("list")]
    paged = [operation for operation in lists if operation.definition["operationId"] != "listBalances"]
    assert len(paged) > 6
    for operation in paged:
        parameters = {parameter["name"]: parameter for parameter in operation.parameters}
        assert "cursor" in parameters, operation.name
        assert parameters["limit"]["schema"]["maximum"] == 100, operation.name
