"""Programs as an app writes and reads them."""

from __future__ import annotations

from typing import Any

import pytest
import terms_documents as documents
from flask.testing import FlaskClient

from builders import Api, a_program, expect, items
from referral_service.kit.clock import FixedClock
from referral_service.kit.db.engines import Database
from referral_service.tenants.create_key import create_key
from referral_service.tenants.open_app import OpenedApp
from referral_service.tenants.scopes import Scope

BODY: dict[str, Any] = {
    "name": "Ride credit",
    "landing_url": "https://app.example/welcome",
    "allowed_hosts": ["shop.example"],
    "terms": documents.document(),
}


def test_a_program_is_created_read_changed_and_activated(api: Api) -> None:
    created = expect(api.post("/v1/programs", BODY), 201)
    assert (created["status"], created["version"]) == ("draft", 1)
    assert created["terms"]["qualification"]["within_days"] == 90
    path = f"/v1/programs/{created['id']}"
    assert expect(api.get(path), 200) == created
    changed = expect(api.patch(path, {"terms": documents.document(documents.reward(hold_days=3))}), 200)
    assert (changed["version"], changed["name"]) == (2, created["name"])
    active = expect(api.post(f"{path}/activate"), 200)
    assert (active["status"], active["activated_at"]) == ("active", "2026-03-01T12:00:00Z")
    assert expect(api.post(f"{path}/pause"), 200)["status"] == "paused"
    assert expect(api.post(f"{path}/archive"), 200)["archived_at"] == "2026-03-01T12:00:00Z"
    assert expect(api.post(f"{path}/activate"), 409)["code"] == "program_status_conflict"


def test_the_terms_that_are_answered_can_be_sent_back(api: Api) -> None:
    created = expect(api.post("/v1/programs", BODY), 201)
    assert expect(api.patch(f"/v1/programs/{created['id']}", {"terms": created["terms"]}), 200) == created


def test_wrong_terms_are_named_by_path(api: Api) -> None:
    terms = documents.document(attribution={"window_days": 1.9, "colour": "red"})
    problem = expect(api.post("/v1/programs", BODY | {"terms": terms}), 422)
    assert problem["code"] == "invalid_terms"
    assert set(problem["errors"]) == {"terms.attribution.window_days", "terms.attribution.colour"}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", None),
        ("name", ""),
        ("name", 5),
        ("landing_url", "javascript:alert(1)"),
        ("landing_url", "https://user@app.example/"),
        ("allowed_hosts", ["shop.example/path"]),
        ("allowed_hosts", "shop.example"),
        ("allowed_hosts", [f"h{n}.example" for n in range(51)]),
        ("code_parameter", "a&b"),
        ("code_parameter", "ref\n"),
        ("click_parameter", "ref"),
        ("signed_links_only", 1),
        ("terms", []),
        ("terms", None),
        ("status", "active"),
        ("id", "prg_01k0c7q2v8f3w9n5x4z6t1r0me"),
        ("app_id", 1),
    ],
)
def test_a_wrong_or_unknown_field_is_named_and_nothing_is_made(api: Api, field: str, value: object) -> None:
    problem = expect(api.post("/v1/programs", BODY | {field: value}), 422)
    assert {path.split(".")[0] for path in problem["errors"]} == {field}
    assert items(api, "/v1/programs") == []


@pytest.mark.parametrize("field", ["name", "landing_url", "terms"])
def test_what_a_program_needs_is_asked_for(api: Api, field: str) -> None:
    body = {name: value for name, value in BODY.items() if name != field}
    assert list(expect(api.post("/v1/programs", body), 422)["errors"]) == [field]


def test_programs_are_listed_newest_first_in_pages_and_by_status(api: Api) -> None:
    made = [a_program(api, activate=n != 1, name=f"Program {n}")["id"] for n in range(5)]
    assert [program["id"] for program in items(api, "/v1/programs", limit=2)] == made[::-1]
    assert [program["id"] for program in items(api, "/v1/programs", status="draft")] == [made[1]]
    expect(api.get("/v1/programs", status="asleep"), 422)
    page = expect(api.get("/v1/programs", limit=2), 200)
    expect(api.get("/v1/programs", limit=2, status="active", cursor=page["next_cursor"]), 400)


def test_another_apps_program_answers_as_if_it_were_not_there(
    api: Api, client: FlaskClient, trial_tenant: OpenedApp, clock: FixedClock
) -> None:
    program = a_program(api)
    other = Api(client, key=trial_tenant.key.secret, clock=clock)
    path = f"/v1/programs/{program['id']}"
    for answer in (
        other.get(path),
        other.patch(path, {"name": "Mine"}),
        *(other.post(f"{path}/{act}") for act in ("activate", "pause", "archive")),
    ):
        assert expect(answer, 404)["code"] == "not_found"
    assert items(other, "/v1/programs") == []
    assert expect(api.get(path), 200) == program


def test_only_an_admin_key_changes_programs_and_any_key_reads_them(
    api: Api, database: Database, tenant: OpenedApp, clock: FixedClock
) -> None:
    program = a_program(api)
    path = f"/v1/programs/{program['id']}"
    made = database.transact(
        lambda session: create_key(
            session,
            tenant=tenant.tenant,
            name="Writer",
            scopes=[Scope.WRITE],
            expires_at=None,
            actor="cli",
            now=clock.now(),
        )
    )
    writer = api.with_key(made.secret)
    expect(writer.get(path), 200)
    expect(writer.get("/v1/programs"), 200)
    expect(writer.post("/v1/programs", BODY), 403)
    expect(writer.patch(path, {"name": "Mine"}), 403)
    for act in ("activate", "pause", "archive"):
        expect(writer.post(f"{path}/{act}"), 403)
    expect(api.with_key(None).get(path), 401)


def test_the_same_create_under_one_idempotency_key_makes_one_program(api: Api) -> None:
    first = expect(api.post("/v1/programs", BODY, idempotency_key="once"), 201)
    again = expect(api.post("/v1/programs", BODY, idempotency_key="once"), 201)
    assert first == again
    assert len(items(api, "/v1/programs")) == 1


def test_an_id_that_is_none_is_not_found(api: Api) -> None:
    for name in ("nothing", "prg_", "x" * 500, "%F0%9F%A6%8A"):
        expect(api.get(f"/v1/programs/{name}"), 404)
