"""Every route, every kind of key: who may do what is written down here, and the service does the same.

A route that is not in the table fails the test: whoever adds one says here who may call it.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from contract.routes import Route, body_of, routes
from contract.rows import changes, picture
from contract.world import World
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from builders import Api, expect
from referral_service.kit.clock import FixedClock
from referral_service.kit.db.engines import Database
from referral_service.tenants.models import ApiKey
from referral_service.tenants.open_app import OpenedApp

PUBLIC, SIGNED = "public", "signed by the provider"
READ, WRITE, ADMIN, OPERATOR = "read", "write", "admin", "operator"

TABLE = {
    "GET /healthz": PUBLIC,
    "GET /readyz": PUBLIC,
    "GET /metrics": PUBLIC,
    "GET /openapi.yaml": PUBLIC,
    "GET /docs": PUBLIC,
    "GET /docs/errors": PUBLIC,
    "GET /docs/assets/{name}": PUBLIC,
    "GET /r/{signed_code}": PUBLIC,
    "GET /r/{app_slug}/{code}": PUBLIC,
    "GET /i/{signed_code}": PUBLIC,
    "GET /i/{app_slug}/{code}": PUBLIC,
    "GET /i/{signed_code}/card.png": PUBLIC,
    "GET /q/{signed_code}.svg": PUBLIC,
    "GET /q/{signed_code}.png": PUBLIC,
    "GET /code/{app_slug}": PUBLIC,
    "POST /code/{app_slug}": PUBLIC,
    "GET /assets/share/{tag}/{name}": PUBLIC,
    "GET /brand/{program_id}/logo.png": PUBLIC,
    "GET /attribution/{program_id}.js": PUBLIC,
    "GET /widget/{program_id}.js": PUBLIC,
    "GET /me/{token}": PUBLIC,
    "GET /me/{token}/embed": PUBLIC,
    "POST /v1/hooks/{source_id}": SIGNED,
    "POST /v1/apps": OPERATOR,
    "GET /v1/apps": OPERATOR,
    "POST /v1/keys": ADMIN,
    "GET /v1/keys": ADMIN,
    "DELETE /v1/keys/{key_id}": ADMIN,
    "POST /v1/keys/{key_id}/rotate": ADMIN,
    "POST /v1/programs": ADMIN,
    "GET /v1/programs": READ,
    "GET /v1/programs/{program_id}": READ,
    "PATCH /v1/programs/{program_id}": ADMIN,
    "POST /v1/programs/{program_id}/activate": ADMIN,
    "POST /v1/programs/{program_id}/pause": ADMIN,
    "POST /v1/programs/{program_id}/archive": ADMIN,
    "GET /v1/programs/{program_id}/stats": READ,
    "GET /v1/programs/{program_id}/leaderboard": READ,
    "GET /v1/programs/{program_id}/liability": READ,
    "PUT /v1/customers/{customer_id}": WRITE,
    "GET /v1/customers/{customer_id}": READ,
    "DELETE /v1/customers/{customer_id}": ADMIN,
    "POST /v1/customers/{customer_id}/share-tokens": WRITE,
    "DELETE /v1/customers/{customer_id}/share-tokens": WRITE,
    "GET /v1/customers/{customer_id}/balances": READ,
    "POST /v1/customers/{customer_id}/redemptions": WRITE,
    "POST /v1/customers/{customer_id}/adjustments": ADMIN,
    "POST /v1/programs/{program_id}/codes": WRITE,
    "GET /v1/codes/{code}": READ,
    "POST /v1/codes/{code}/revoke": WRITE,
    "POST /v1/referrals": WRITE,
    "GET /v1/referrals": READ,
    "GET /v1/referrals/{referral_id}": READ,
    "GET /v1/referrals/{referral_id}/explain": READ,
    "POST /v1/referrals/{referral_id}/approve": ADMIN,
    "POST /v1/referrals/{referral_id}/reject": ADMIN,
    "POST /v1/programs/{program_id}/migrations": ADMIN,
    "POST /v1/events": WRITE,
    "GET /v1/rewards": READ,
    "GET /v1/rewards/{reward_id}": READ,
    "POST /v1/rewards/{reward_id}/accept": WRITE,
    "POST /v1/rewards/{reward_id}/fulfil": WRITE,
    "POST /v1/rewards/{reward_id}/approve": ADMIN,
    "POST /v1/rewards/{reward_id}/void": ADMIN,
    "GET /v1/coupons/{code}": READ,
    "POST /v1/coupons/{code}/redeem": WRITE,
    "POST /v1/coupons/{code}/cancel": WRITE,
    "GET /v1/notifications": READ,
    "POST /v1/test-clock/advance": ADMIN,
    "POST /v1/webhook-endpoints": ADMIN,
    "GET /v1/webhook-endpoints": READ,
    "GET /v1/webhook-endpoints/{endpoint_id}": READ,
    "PATCH /v1/webhook-endpoints/{endpoint_id}": ADMIN,
    "DELETE /v1/webhook-endpoints/{endpoint_id}": ADMIN,
    "POST /v1/webhook-endpoints/{endpoint_id}/rotate-secret": ADMIN,
    "POST /v1/webhook-endpoints/{endpoint_id}/test": WRITE,
    "POST /v1/webhook-endpoints/{endpoint_id}/resend": WRITE,
    "GET /v1/deliveries": READ,
    "GET /v1/deliveries/{delivery_id}": READ,
    "POST /v1/deliveries/{delivery_id}/resend": WRITE,
    "POST /v1/sources": ADMIN,
    "GET /v1/sources": READ,
    "GET /v1/sources/{source_id}": READ,
    "DELETE /v1/sources/{source_id}": ADMIN,
    "POST /v1/sources/{source_id}/rotate-secret": ADMIN,
    "GET /v1/inbound-events": READ,
    "POST /v1/inbound-events/replay": WRITE,
    "POST /v1/inbound-events/{inbound_id}/replay": WRITE,
}

# What each kind of key may do.
HOLDS = {
    "read key": {READ},
    "write key": {READ, WRITE},
    "admin key": {READ, WRITE, ADMIN},
    "operator key": {OPERATOR},
}
# What says nothing about who calls.
NO_CREDENTIALS: dict[str, str | None] = {
    "no key": None,
    "empty": "",
    "no scheme": "sk_test_" + "A" * 43,
    "another scheme": "Basic " + "sk_test_" + "A" * 43,
    "malformed key": "Bearer sk_test_short",
    "malformed text": "Bearer \x00\xff' OR 1=1 --",
    "unknown key": "Bearer sk_test_" + "A" * 43,
    "unknown operator key": "Bearer sk_operator_" + "A" * 43,
}


@pytest.fixture
def admin(client: FlaskClient, world: World, trial_tenant: OpenedApp, clock: FixedClock) -> Api:  # noqa: ARG001
    """The world's own administrator."""
    return Api(client, key=trial_tenant.key.secret, clock=clock)


@pytest.fixture
def keys(admin: Api, operator_key: str) -> dict[str, str]:
    """One key of each kind."""
    return {f"{scope} key": made_key(admin, scope)["api_key"] for scope in (READ, WRITE, ADMIN)} | {
        "operator key": operator_key
    }


def made_key(admin: Api, *scopes: str, **more: Any) -> Any:
    return expect(admin.post("/v1/keys", {"name": "Matrix", "scopes": list(scopes), **more}), 201)


def called(route: Route, world: World, client: FlaskClient, authorization: str | None) -> int:
    """Call a route as its description shows it, and return the answer's status."""
    headers = {} if authorization is None else {"Authorization": authorization}
    path = world.path(route.path)
    body = body_of(route, world)
    return client.open(path, method=route.method, json=body, headers=headers).status_code


def asking_for_a_key(app: Flask) -> list[Route]:
    found = [route for route in routes(app) if TABLE[route.name] not in {PUBLIC, SIGNED}]
    assert len(found) > 30
    return found


def test_the_table_names_every_route_with_the_access_that_its_view_declares(app: Flask) -> None:
    declared = {
        route.name: None if route.access is None else str(route.access.scope or PUBLIC) for route in routes(app)
    }
    assert declared == {name: PUBLIC if scope == SIGNED else scope for name, scope in TABLE.items()}


def test_without_a_valid_key_nothing_is_answered_and_nothing_changes(
    app: Flask, client: FlaskClient, world: World, admin: Api, clock: FixedClock, database: Database
) -> None:
    revoked, expired = made_key(admin, ADMIN), made_key(admin, ADMIN, expires_at="2026-12-01T00:00:01Z")
    expect(admin.delete(f"/v1/keys/{revoked['id']}"), 204)
    clock.advance(timedelta(seconds=1))
    credentials = {
        **NO_CREDENTIALS,
        "revoked key": f"Bearer {revoked['api_key']}",
        "expired key": f"Bearer {expired['api_key']}",
        "key with a letter changed": f"Bearer {changed(str(admin.key))}",
        "key in another scheme": f"Basic {admin.key}",
    }
    before = picture(database)
    wrong = [
        (route.name, kind, status)
        for route in asking_for_a_key(app)
        for kind, sent in credentials.items()
        if (status := called(route, world, client, sent)) != 401
    ]
    assert wrong == []
    assert changes(before, picture(database)) == {}


def test_a_key_opens_what_its_scope_holds_and_nothing_else(
    app: Flask, client: FlaskClient, world: World, keys: dict[str, str], database: Database
) -> None:
    before = picture(database)
    cells = [(route, kind) for route in asking_for_a_key(app) for kind in keys]
    refused = [(route, kind) for route, kind in cells if TABLE[route.name] not in HOLDS[kind]]
    wrong = [
        (route.name, kind, status)
        for route, kind in refused
        if (status := called(route, world, client, f"Bearer {keys[kind]}")) != 403
    ]
    assert wrong == []
    assert changes(before, picture(database)) == {}
    # What is allowed comes last, and what destroys at its very end: it changes the world.
    allowed = sorted((cell for cell in cells if cell not in refused), key=lambda cell: cell[0].method == "DELETE")
    wrong = [
        (route.name, kind, status)
        for route, kind in allowed
        if (status := called(route, world, client, f"Bearer {keys[kind]}")) in {401, 403} or status >= 500
    ]
    assert wrong == []
    assert len(refused) > 40
    assert len(allowed) > 60


def test_head_asks_for_the_same_key_as_get(app: Flask, client: FlaskClient, world: World, keys: dict[str, str]) -> None:
    for route in asking_for_a_key(app):
        if route.method == "GET":
            path = world.path(route.path)
            assert client.head(path).status_code == 401, route.name
            holder = "operator key" if TABLE[route.name] == OPERATOR else "admin key"
            answered = client.head(path, headers={"Authorization": f"Bearer {keys[holder]}"})
            assert answered.status_code == 200, route.name


def test_a_key_is_read_from_its_header_alone(client: FlaskClient, admin: Api) -> None:
    assert client.get(f"/v1/programs?api_key={admin.key}").status_code == 401
    assert client.get("/v1/programs", headers={"X-Api-Key": str(admin.key)}).status_code == 401
    client.set_cookie("api_key", str(admin.key))
    assert client.get("/v1/programs").status_code == 401
    assert client.get("/v1/programs", headers={"Authorization": f"bearer {admin.key}"}).status_code == 200


def test_no_key_makes_a_stronger_one(admin: Api, keys: dict[str, str], database: Database) -> None:
    before = picture(database)
    for kind in ("read key", "write key"):
        weak = admin.with_key(keys[kind])
        for scope in (READ, WRITE, ADMIN):
            assert weak.post("/v1/keys", {"name": "More", "scopes": [scope]}).status_code == 403
    for scopes in (["operator"], ["admin", "operator"], ["*"], ["ADMIN"], ["root"], "operator", []):
        assert admin.post("/v1/keys", {"name": "More", "scopes": scopes}).status_code == 422, scopes
    # The operator opens apps, and is nobody within one.
    operator = admin.with_key(keys["operator key"])
    assert operator.post("/v1/keys", {"name": "More", "scopes": ["admin"]}).status_code == 403
    assert changes(before, picture(database)) == {}


def test_a_rotated_key_has_the_scopes_it_had(admin: Api) -> None:
    weak = made_key(admin, READ)
    fresh = expect(admin.post(f"/v1/keys/{weak['id']}/rotate", {}), 201)
    assert fresh["scopes"] == [READ]
    assert admin.with_key(fresh["api_key"]).post("/v1/events", {}).status_code == 403


def test_the_operators_keys_are_out_of_an_admins_reach(admin: Api, keys: dict[str, str], database: Database) -> None:
    with database.read_engine.connect() as connection:
        (operator_key_id,) = connection.execute(select(ApiKey.id).where(ApiKey.app_id.is_(None))).one()
    assert admin.delete(f"/v1/keys/{operator_key_id}").status_code == 404
    assert admin.post(f"/v1/keys/{operator_key_id}/rotate", {}).status_code == 404
    listed = expect(admin.get("/v1/keys", limit=100), 200)["items"]
    assert operator_key_id not in {key["id"] for key in listed}
    assert admin.with_key(keys["operator key"]).get("/v1/apps").status_code == 200


def changed(key: str) -> str:
    """The key with its last character replaced by another one."""
    return key[:-1] + ("A" if key[-1] != "A" else "B")
