"""Every list comes in pages of a bounded size, and its query is read as strictly as a body."""

from __future__ import annotations

from typing import Any

import pytest
from contract.published import Operation, operations
from contract.world import World
from flask import Flask
from flask.testing import FlaskClient

from builders import Api, a_program, expect
from referral_service.kit.clock import FixedClock
from referral_service.tenants.open_app import OpenedApp

LISTS = [operation for operation in operations() if any(it["name"] == "limit" for it in operation.parameters)]
NO_NUMBERS = [
    "",
    " ",
    "x",
    "1.5",
    "1.0",
    "1e1",
    "1_0",
    "+1",
    " 1",
    "1 ",
    "0x10",
    "true",
    "null",
    "\u0663",
    40 * "9",
    "1\0",
]
NO_CURSORS = ["x", "0", "....", "WzFd.x", "W10", 1025 * "x", "\u00e9", "None", "null"]
EACH = pytest.mark.parametrize("operation", LISTS, ids=lambda operation: operation.path)


@pytest.fixture
def caller(client: FlaskClient, trial_tenant: OpenedApp, clock: FixedClock) -> Api:
    return Api(client, key=trial_tenant.key.secret, clock=clock)


def allowed(caller: Api, operation: Operation, operator_key: str) -> Api:
    """Whoever may read this list."""
    return caller.with_key(operator_key) if operation.definition["x-required-scope"] == "operator" else caller


def address(caller: Api, operation: Operation) -> str:
    """Where the list is read; one that belongs to a program, from a new one."""
    template = operation.path
    return template.format(program_id=a_program(caller)["id"]) if "{" in template else template


def test_every_list_of_the_service_is_known_here(app: Flask) -> None:
    lists = {
        rule.rule
        for rule in app.url_map.iter_rules()
        for reader in getattr(app.view_functions[rule.endpoint], "readers", ())
        if reader.location == "query" and "limit" in reader.schema.load_fields
    }
    assert len(lists) > 6
    assert {operation.path.replace("{", "<").replace("}", ">") for operation in LISTS} == lists


@EACH
def test_a_page_has_at_most_a_hundred_items(operation: Operation, caller: Api, operator_key: str) -> None:
    reader, path = allowed(caller, operation, operator_key), address(caller, operation)
    for limit in (1, 100):
        assert reader.get(path, limit=limit).status_code == 200, limit
    for refused in ("0", "-1", "101", str(10**17), *NO_NUMBERS):
        answer = reader.get(path, limit=refused)
        assert (answer.status_code, list(answer.json.get("errors", {}))) == (422, ["limit"]), refused


@EACH
def test_a_list_goes_on_only_where_it_has_been(operation: Operation, caller: Api, operator_key: str) -> None:
    reader, path = allowed(caller, operation, operator_key), address(caller, operation)
    for cursor in NO_CURSORS:
        answer = reader.get(path, cursor=cursor)
        assert answer.status_code == (422 if len(cursor) > 1024 else 400), cursor


@EACH
def test_a_query_is_read_strictly(operation: Operation, caller: Api, operator_key: str) -> None:
    reader, path = allowed(caller, operation, operator_key), address(caller, operation)
    assert reader.get(f"{path}?limit=1&limit=2").json["errors"] == {"limit": ["Give this query argument once."]}
    for unknown in ("app_id", "offset", "Limit", "limit[]", "sort"):
        assert list(reader.get(path, **{unknown: "1"}).json["errors"]) == [unknown]
    for argument in ("state", "status", "reason", "program_id", "referrer", "customer_id"):
        if any(it["name"] == argument for it in operation.parameters):
            assert reader.get(path, **{argument: ""}).status_code == 422, argument


def test_pages_of_one_make_the_whole_list(caller: Api, world: World) -> None:
    for operation in LISTS:
        if operation.definition["x-required-scope"] != "operator":
            path = world.path(operation.path)
            whole = expect(caller.get(path, limit=100), 200)
            assert whole["items"], path
            assert whole["next_cursor"] is None
            found: list[Any] = []
            cursor: dict[str, Any] = {}
            for _ in whole["items"]:
                page = expect(caller.get(path, limit=1, **cursor), 200)
                found += page["items"]
                cursor = {"cursor": page["next_cursor"]}
            assert found == whole["items"], path
            assert cursor == {"cursor": None}, path
