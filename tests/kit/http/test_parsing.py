"""Nothing is read that was not declared, and nothing is passed over in silence."""

from __future__ import annotations

from typing import Any

import pytest

from builders import Api

JSON = {"Content-Type": "application/json"}


def errors(answer: Any) -> Any:
    assert answer.status_code == 422, answer.text
    assert answer.json["code"] == "invalid_request"
    return answer.json["errors"]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "application/json; charset=utf-16"},
        {"Content-Type": "application/json", "Content-Encoding": "gzip"},
    ],
)
def test_a_body_that_is_not_declared_as_plain_json_is_refused(api: Api, headers: dict[str, str]) -> None:
    answer = api.call("POST", "/probe/echo", data=b'{"name": "x"}', headers=headers)
    assert (answer.status_code, answer.json["code"]) == (415, "unsupported_media_type")


@pytest.mark.parametrize("content_type", ["application/json", "application/json; charset=UTF-8"])
def test_json_in_utf_8_is_read(api: Api, content_type: str) -> None:
    answer = api.call("POST", "/probe/echo", data=b'{"name": "x"}', headers={"Content-Type": content_type})
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'{"name": "a", "name": "b"}',
        b'{"count": NaN}',
        b'{"name": "\\ud800"}',
        b'{"name": "\\u0000"}',
        b'{"name": "\xff"}',
        b"[" * 40 + b"]" * 40,
        b'{"count": 99999999999999999999999999}',
        b'{"count": 1E+1000000}',
        b'{"name": "' + b"x" * 2000 + b'"}',
    ],
)
def test_a_body_that_is_not_strict_json_is_refused(api: Api, body: bytes) -> None:
    answer = api.call("POST", "/probe/echo", data=body, headers=JSON)
    assert (answer.status_code, answer.json["code"]) == (400, "malformed_body")


def test_a_field_that_is_not_known_is_refused_by_name(api: Api) -> None:
    assert errors(api.post("/probe/echo", {"admin": True})) == {"admin": ["Unknown field."]}


def test_errors_are_told_by_dotted_path(api: Api) -> None:
    body = {"referee": {"email": "no"}, "several": [{}, {"email": "no", "more": 1}]}
    assert errors(api.post("/probe/echo", body)) == {
        "referee.email": ["Not a valid email address."],
        "several.1.email": ["Not a valid email address."],
        "several.1.more": ["Unknown field."],
    }


@pytest.mark.parametrize("body", [b"[]", b'"text"', b"1", b"null", b"true"])
def test_a_document_that_is_no_object_is_refused_as_a_whole(api: Api, body: bytes) -> None:
    answer = api.call("POST", "/probe/echo", data=body, headers=JSON)
    assert errors(answer) == {"body": ["Invalid input type."]}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("count", 1.0),
        ("count", "1"),
        ("count", True),
        ("count", -1),
        ("count", 101),
        ("name", ""),
        ("name", 7),
        ("name", "x" * 21),
        ("name", "a\nb"),
        ("at", "2026-03-01"),
        ("at", "2026-03-01T12:00:00"),
        ("at", 1772366400),
        ("amount", {"amount_minor": 1.5, "currency": "USD"}),
        ("amount", {"amount_minor": 10**12 + 1, "currency": "USD"}),
        ("amount", {"amount_minor": 1, "currency": "usd"}),
        ("amount", {"amount_minor": 1, "currency": "XXX"}),
        ("amount", {"amount_minor": 1}),
        ("amount", {"amount_minor": 1, "currency": "USD", "cents": 1}),
        ("amount", 10),
    ],
)
def test_a_value_of_another_kind_is_never_guessed_at(api: Api, field: str, value: Any) -> None:
    (path,) = errors(api.post("/probe/echo", {field: value}))
    assert path.split(".")[0] == field


def test_hundreds_of_errors_are_cut_to_a_hundred(api: Api) -> None:
    assert len(errors(api.post("/probe/echo", {f"f{n}": 1 for n in range(500)}))) == 100


def test_a_body_that_a_view_declares_optional_may_be_empty(api: Api) -> None:
    assert api.call("POST", "/probe/act").status_code == 201
    assert api.call("POST", "/probe/act", data=b"{", headers=JSON).status_code == 400


@pytest.mark.parametrize("path", ["/probe/numbers?above=1&other=2", "/v1/apps?limit=5&x=", "/probe/things/1?x=1"])
def test_a_query_argument_that_nobody_reads_is_refused(api: Api, operator_key: str, path: str) -> None:
    caller = api.with_key(operator_key) if path.startswith("/v1") else api
    (sentence,) = next(iter(errors(caller.get(path)).values()))
    assert sentence == "This query argument is not known here."


def test_a_query_argument_that_is_repeated_is_refused(api: Api) -> None:
    assert errors(api.get("/probe/numbers?above=1&above=2")) == {"above": ["Give this query argument once."]}


def test_nul_in_a_query_or_a_path_reaches_no_database(api: Api) -> None:
    assert errors(api.get("/probe/numbers?above=%00")) == {"above": ["The character NUL is not allowed."]}
    assert api.get("/probe/things/a%00b").status_code == 404


def test_the_query_of_a_writing_call_is_looked_at_too(api: Api) -> None:
    assert errors(api.post("/probe/echo?dry_run=true", {})) == {"dry_run": ["This query argument is not known here."]}


def test_who_may_not_come_in_learns_nothing_of_the_body(api: Api) -> None:
    assert api.with_key(None).call("POST", "/probe/echo", data=b"{", headers=JSON).status_code == 401
