"""Who may come in: a key that is known, alive, and allowed to do this."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from builders import Api, expect
from referral_service.app import create_app
from referral_service.config import Settings
from referral_service.kit.clock import FixedClock
from referral_service.kit.db.engines import Database
from referral_service.kit.ttl_cache import TtlCache
from referral_service.tenants import auth
from referral_service.tenants.auth import Scope
from referral_service.tenants.create_key import create_key
from referral_service.tenants.open_app import OpenedApp
from referral_service.tenants.revoke_key import revoke_key
from referral_service.tenants.secrets import new_secret

KeyMaker = Callable[..., str]


@pytest.fixture
def key_with(database: Database, tenant: OpenedApp, clock: FixedClock) -> KeyMaker:
    """Make a key of the live app."""

    def make(*scopes: Scope, **more: Any) -> str:
        return database.transact(
            lambda session: create_key(
                session, tenant=tenant.tenant, name="x", scopes=scopes, actor="cli", now=clock.now(), **more
            )
        ).secret

    return make


def refused(answer: Any) -> None:
    assert (answer.status_code, answer.json["code"]) == (401, "unauthorized"), answer.text
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert answer.content_type == "application/problem+json"


def test_without_a_key_nobody_comes_in(api: Api) -> None:
    refused(api.with_key(None).get("/v1/keys"))


@pytest.mark.parametrize(
    "header",
    [
        "{key}",
        "Basic {key}",
        "Token {key}",
        "Bearer",
        "Bearer ",
        "Bearer {key}x",
        "Bearer {key} {key}",
        "Bearer sk_live_short",
        "Bearer \u00e4\u00f6\u00fc",
        "Bearer \u0661",
        "Bearer key_01jz",
    ],
)
def test_a_header_that_is_no_bearer_key_is_refused(api: Api, header: str) -> None:
    sent = header.format(key=api.key).encode("utf-8").decode("latin-1")
    refused(api.call("GET", "/v1/keys", headers={"Authorization": sent}))


def test_the_scheme_is_read_in_any_case(api: Api) -> None:
    answer = api.call("GET", "/v1/keys", headers={"Authorization": f"bearer {api.key}"})
    assert answer.status_code == 200


def test_a_key_that_was_never_made_is_refused(api: Api) -> None:
    refused(api.with_key(new_secret("live")).get("/v1/keys"))


def test_the_prefix_of_a_key_is_part_of_it(api: Api) -> None:
    refused(api.with_key(str(api.key).replace("sk_live_", "sk_test_")).get("/v1/keys"))


def test_a_key_stops_when_it_expires(api: Api, clock: FixedClock, key_with: KeyMaker) -> None:
    ending = api.with_key(key_with(Scope.ADMIN, expires_at=clock.now() + timedelta(hours=1)))
    assert ending.get("/v1/keys").status_code == 200
    clock.advance(timedelta(hours=1))
    refused(ending.get("/v1/keys"))


def test_a_revoked_key_stops_at_once(api: Api, key_with: KeyMaker) -> None:
    doomed = api.with_key(key_with(Scope.ADMIN))
    found = [it["id"] for it in expect(doomed.get("/v1/keys"), 200)["items"]]
    assert api.delete(f"/v1/keys/{found[1]}").status_code == 204
    refused(doomed.get("/v1/keys"))


def test_a_key_revoked_elsewhere_stops_within_five_seconds(
    settings: Settings,
    clock: FixedClock,
    database: Database,
    tenant: OpenedApp,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seconds = [0.0]
    monkeypatch.setattr(auth, "TtlCache", partial(TtlCache, monotonic=lambda: seconds[0]))
    here = Api(create_app(settings, clock=clock, database=database).test_client(), key=tenant.key.secret, clock=clock)
    assert here.get("/v1/keys").status_code == 200
    app_id, key_id = tenant.tenant.app_id, tenant.key.row.id
    database.transact(lambda session: revoke_key(session, app_id=app_id, key_id=key_id, actor="cli", now=clock.now()))
    assert here.get("/v1/keys").status_code == 200
    seconds[0] += 5
    refused(here.get("/v1/keys"))


SCOPES = [(Scope.READ, {"read"}), (Scope.WRITE, {"read", "write"}), (Scope.ADMIN, {"read", "write", "admin"})]


@pytest.mark.parametrize(("held", "granted"), SCOPES)
def test_a_wider_scope_includes_the_narrower_ones(held: Scope, granted: set[str]) -> None:
    assert {str(it) for it in Scope if it.granted_by([held])} == granted


def test_the_operators_scope_stands_apart() -> None:
    assert [it for it in Scope if it.granted_by(["operator"])] == [Scope.OPERATOR]
    assert not Scope.READ.granted_by(["unheard-of"])


@pytest.mark.parametrize("scope", [Scope.READ, Scope.WRITE])
def test_a_key_without_the_scope_is_refused_and_told_which(api: Api, key_with: KeyMaker, scope: Scope) -> None:
    answer = api.with_key(key_with(scope)).get("/v1/keys")
    assert (answer.status_code, answer.json["code"]) == (403, "forbidden")
    assert "admin" in answer.json["detail"]


def test_operator_and_app_keep_to_their_own_doors(api: Api, operator_key: str) -> None:
    operator = api.with_key(operator_key)
    assert (operator.get("/v1/apps").status_code, operator.get("/v1/keys").status_code) == (200, 403)
    assert (api.get("/v1/apps").status_code, api.get("/v1/keys").status_code) == (403, 200)
