"""Customers as an app writes and reads them."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st

from builders import Api, a_code, a_program, expect
from cast import ALICE
from referral_service.customers.policy import customer_id_fault
from referral_service.kit.clock import FixedClock
from referral_service.kit.db.engines import Database
from referral_service.tenants.create_key import create_key
from referral_service.tenants.open_app import OpenedApp
from referral_service.tenants.scopes import Scope

PROFILE: dict[str, Any] = {
    "email": ALICE.email,
    "display_name": "Alice",
    "locale": "uk",
    "leaderboard_opt_in": True,
    "invite_name_opt_in": True,
    "attributes": {"plan": "plus", "country": "UA"},
}


def test_a_customer_is_created_then_replaced_then_read(api: Api) -> None:
    created = expect(api.put("/v1/customers/alice", PROFILE), 201)
    assert created["customer_id"] == "alice"
    assert created["id"].startswith("cus_")
    assert {name: created[name] for name in PROFILE} == PROFILE
    assert created["created_at"] == created["updated_at"] == "2026-03-01T12:00:00Z"
    assert expect(api.put("/v1/customers/alice", PROFILE), 200) == created
    assert expect(api.get("/v1/customers/alice"), 200) == created


def test_an_empty_profile_is_a_profile(api: Api) -> None:
    expect(api.put("/v1/customers/alice", PROFILE), 201)
    emptied = expect(api.put("/v1/customers/alice", {}), 200)
    assert (emptied["email"], emptied["display_name"], emptied["locale"]) == (None, None, None)
    assert (emptied["leaderboard_opt_in"], emptied["attributes"]) == (False, {})
    assert emptied["invite_name_opt_in"] is False


def test_whoever_was_only_named_has_agreed_to_nothing(api: Api) -> None:
    a_code(api, a_program(api))
    alice = expect(api.get("/v1/customers/alice"), 200)
    assert (alice["leaderboard_opt_in"], alice["invite_name_opt_in"]) == (False, False)


def test_nobody_is_not_found(api: Api) -> None:
    assert expect(api.get("/v1/customers/nobody"), 404)["code"] == "not_found"


def test_another_apps_customer_is_not_found(
    api: Api, client: FlaskClient, trial_tenant: OpenedApp, clock: FixedClock
) -> None:
    expect(api.put("/v1/customers/alice", PROFILE), 201)
    other = Api(client, key=trial_tenant.key.secret, clock=clock)
    expect(other.get("/v1/customers/alice"), 404)
    theirs = expect(other.put("/v1/customers/alice", {}), 201)
    assert theirs["email"] is None


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("email", "not an address"),
        ("email", "a@b@example.com"),
        ("email", ""),
        ("email", 5),
        ("email", "x" * 250 + "@example.com"),
        ("display_name", ""),
        ("display_name", "x" * 201),
        ("display_name", "Ali\u0007ce"),
        ("locale", "not a locale"),
        ("locale", "uk\n"),
        ("leaderboard_opt_in", 1),
        ("leaderboard_opt_in", "yes"),
        ("leaderboard_opt_in", None),
        ("invite_name_opt_in", 1),
        ("invite_name_opt_in", "true"),
        ("invite_name_opt_in", None),
        ("attributes", {"plan": 5}),
        ("attributes", {"plan": {"name": "plus"}}),
        ("attributes", {"plan": ""}),
        ("attributes", {"x" * 65: "plus"}),
        ("attributes", {f"a{n}": "b" for n in range(51)}),
        ("attributes", []),
        ("nickname", "Al"),
        ("id", "cus_01k0c7q2v8f3w9n5x4z6t1r0me"),
    ],
)
def test_a_wrong_field_is_named_and_nothing_is_kept(api: Api, field: str, value: object) -> None:
    problem = expect(api.put("/v1/customers/alice", {field: value}), 422)
    assert problem["code"] == "invalid_request"
    assert all(path.split(".")[0] == field for path in problem["errors"])
    expect(api.get("/v1/customers/alice"), 404)


ODD_IDS = [
    "auth0|5f7c8ec7c33c6c004bbafe82",
    "alice@example.com",
    "тест 🦊",
    "100%",
    "a+b",
    "a?b#c",
    "...",
    "x" * 255,
    "a;b=c",
]


@pytest.mark.parametrize("customer_id", ODD_IDS)
def test_any_printable_id_can_be_addressed_percent_encoded(api: Api, customer_id: str) -> None:
    path = f"/v1/customers/{quote(customer_id, safe='')}"
    assert expect(api.put(path, {}), 201)["customer_id"] == customer_id
    assert expect(api.get(path), 200)["customer_id"] == customer_id


@pytest.mark.parametrize(
    "customer_id", ["x" * 256, " alice", "alice ", "a\tb", "a\u200bb", "a\\b", "a\u2028b", "a\ufffdb"]
)
def test_an_id_that_could_not_be_told_apart_is_refused(api: Api, customer_id: str) -> None:
    path = f"/v1/customers/{quote(customer_id, safe='')}"
    assert list(expect(api.put(path, {}), 422)["errors"]) == ["customer_id"]
    expect(api.get(path), 404)


@pytest.mark.parametrize("path", ["/v1/customers/%ff", "/v1/customers/%00", "/v1/customers/a%2Fb", "/v1/customers/"])
def test_an_address_that_names_nobody_is_a_clean_error(api: Api, path: str) -> None:
    assert api.put(path, {}).status_code in (400, 404, 422)
    assert api.get(path).status_code in (400, 404)


@given(st.text(alphabet=st.characters(exclude_categories=[]), max_size=300))
def test_every_accepted_id_survives_the_way_through_a_path(text: str) -> None:
    if customer_id_fault(text) is None:
        segment = quote(text, safe="")
        assert segment not in (".", "..")
        assert "/" not in text
        assert 1 <= len(text) <= 255
        text.encode()


def test_reading_needs_a_key_and_writing_a_key_that_may_write(
    api: Api, database: Database, tenant: OpenedApp, clock: FixedClock
) -> None:
    expect(api.put("/v1/customers/alice", PROFILE), 201)
    reader = database.transact(
        lambda session: create_key(
            session,
            tenant=tenant.tenant,
            name="Reader",
            scopes=[Scope.READ],
            expires_at=None,
            actor="cli",
            now=clock.now(),
        )
    )
    expect(api.with_key(reader.secret).get("/v1/customers/alice"), 200)
    expect(api.with_key(reader.secret).put("/v1/customers/alice", {}), 403)
    expect(api.with_key(None).get("/v1/customers/alice"), 401)
    expect(api.with_key(None).put("/v1/customers/alice", {}), 401)
