"""API keys: made, shown once, listed, rotated, revoked; each within its app."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from builders import Api, expect, items
from referral_service.audit.models import AuditEntry
from referral_service.kit.clock import FixedClock, format_rfc3339
from referral_service.kit.db.engines import Database
from referral_service.tenants.models import ApiKey
from referral_service.tenants.open_app import OpenedApp


def a_key(api: Api, *scopes: str, name: str = "Checkout", **more: Any) -> Any:
    return expect(api.post("/v1/keys", {"name": name, "scopes": list(scopes) or ["write"], **more}), 201)


def actions(database: Database, object_id: str) -> list[str]:
    query = select(AuditEntry.action).where(AuditEntry.object_id == object_id).order_by(AuditEntry.id)
    return list(database.read(lambda session: session.scalars(query).all()))


def test_a_new_key_works_for_its_scopes(api: Api) -> None:
    made = a_key(api, "read", "admin")
    assert made["api_key"].startswith("sk_live_")
    assert made["scopes"] == ["read", "admin"]
    assert api.with_key(made["api_key"]).get("/v1/keys").status_code == 200


def test_a_key_is_shown_once_and_kept_as_a_digest(api: Api, database: Database) -> None:
    made = a_key(api)
    shown = [it for it in items(api, "/v1/keys") if it["id"] == made["id"]]
    assert [set(it) for it in shown] == [
        {"id", "name", "prefix", "scopes", "created_at", "expires_at", "revoked_at"},
    ]
    assert made["api_key"].startswith(shown[0]["prefix"])
    assert len(made["api_key"]) - len(shown[0]["prefix"]) == 39
    rows = database.read(lambda session: session.scalars(select(ApiKey)).all())
    assert made["api_key"] not in str([vars(row) for row in rows])


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": "x", "scopes": ["operator"]}, "scopes.0"),
        ({"name": "x", "scopes": []}, "scopes"),
        ({"name": "x", "scopes": "read"}, "scopes"),
        ({"name": "", "scopes": ["read"]}, "name"),
        ({"scopes": ["read"]}, "name"),
        ({"name": "x", "scopes": ["read"], "app_id": 1}, "app_id"),
        ({"name": "x", "scopes": ["read"], "expires_at": "2026-03-01T12:00:00Z"}, "expires_at"),
    ],
)
def test_a_key_that_makes_no_sense_is_refused(api: Api, body: Any, field: str) -> None:
    answer = api.post("/v1/keys", body)
    assert (answer.status_code, list(answer.json["errors"])) == (422, [field])


def test_a_key_may_be_given_an_end(api: Api, clock: FixedClock) -> None:
    ends = format_rfc3339(clock.now() + timedelta(days=1))
    assert a_key(api, expires_at=ends)["expires_at"] == ends


def test_making_a_key_twice_under_one_idempotency_key_makes_one(api: Api) -> None:
    body = {"name": "x", "scopes": ["read"]}
    first, second = (api.post("/v1/keys", body, idempotency_key="k") for _ in range(2))
    assert first.json == second.json
    assert len(items(api, "/v1/keys")) == 2


def test_keys_are_listed_oldest_first_with_revoked_ones(api: Api) -> None:
    made = [a_key(api, name=f"k{number}")["id"] for number in range(3)]
    api.delete(f"/v1/keys/{made[1]}")
    listed = items(api, "/v1/keys", limit=2)
    assert [it["name"] for it in listed] == ["First key", "k0", "k1", "k2"]
    assert [it["revoked_at"] is not None for it in listed] == [False, False, True, False]


def test_revoking_is_final_and_may_be_repeated(api: Api, database: Database) -> None:
    made = a_key(api, "admin")
    for _ in range(2):
        answer = api.delete(f"/v1/keys/{made['id']}")
        assert (answer.status_code, answer.data) == (204, b"")
    assert api.with_key(made["api_key"]).get("/v1/keys").status_code == 401
    assert actions(database, made["id"]) == ["key.created", "key.revoked"]


def test_a_rotated_key_works_on_until_its_grace_is_over(api: Api, clock: FixedClock, database: Database) -> None:
    old = a_key(api, "admin", name="Checkout")
    new = expect(api.post(f"/v1/keys/{old['id']}/rotate", {"grace_seconds": 60}), 201)
    assert (new["name"], new["scopes"], new["expires_at"]) == ("Checkout", ["admin"], None)
    assert new["api_key"] != old["api_key"]

    def statuses() -> list[int]:
        return [api.with_key(it["api_key"]).get("/v1/keys").status_code for it in (old, new)]

    assert statuses() == [200, 200]
    clock.advance(timedelta(seconds=59))
    assert statuses() == [200, 200]
    clock.advance(timedelta(seconds=1))
    assert statuses() == [401, 200]
    assert actions(database, old["id"]) == ["key.created", "key.rotated"]


def test_rotation_gives_a_day_unless_said_otherwise(api: Api, clock: FixedClock) -> None:
    old = a_key(api)
    expect(api.call("POST", f"/v1/keys/{old['id']}/rotate"), 201)
    (row,) = [it for it in items(api, "/v1/keys") if it["id"] == old["id"]]
    assert row["expires_at"] == format_rfc3339(clock.now() + timedelta(days=1))


def test_rotation_without_grace_revokes_at_once(api: Api) -> None:
    old = a_key(api, "admin")
    assert api.with_key(old["api_key"]).get("/v1/keys").status_code == 200
    expect(api.post(f"/v1/keys/{old['id']}/rotate", {"grace_seconds": 0}), 201)
    assert api.with_key(old["api_key"]).get("/v1/keys").status_code == 401


def test_rotation_never_lengthens_a_keys_life(api: Api, clock: FixedClock) -> None:
    ends = format_rfc3339(clock.now() + timedelta(minutes=5))
    old = a_key(api, expires_at=ends)
    expect(api.post(f"/v1/keys/{old['id']}/rotate", {"grace_seconds": 3600}), 201)
    (row,) = [it for it in items(api, "/v1/keys") if it["id"] == old["id"]]
    assert row["expires_at"] == ends


def test_a_key_that_is_over_cannot_be_rotated(api: Api, clock: FixedClock) -> None:
    revoked, expired = a_key(api), a_key(api, expires_at=format_rfc3339(clock.now() + timedelta(minutes=1)))
    api.delete(f"/v1/keys/{revoked['id']}")
    clock.advance(timedelta(minutes=1))
    for made in (revoked, expired):
        answer = api.post(f"/v1/keys/{made['id']}/rotate", {})
        assert (answer.status_code, answer.json["code"]) == (409, "key_inactive")


@pytest.mark.parametrize("grace", [-1, 7 * 24 * 3600 + 1, 1.5, "60"])
def test_a_grace_out_of_range_is_refused(api: Api, tenant: OpenedApp, grace: Any) -> None:
    answer = api.post(f"/v1/keys/{tenant.key.row.id}/rotate", {"grace_seconds": grace})
    assert (answer.status_code, list(answer.json["errors"])) == (422, ["grace_seconds"])


def test_another_apps_key_is_not_there(api: Api, trial_tenant: OpenedApp) -> None:
    theirs = trial_tenant.key.row.id
    assert api.delete(f"/v1/keys/{theirs}").status_code == 404
    assert api.post(f"/v1/keys/{theirs}/rotate", {}).status_code == 404
    assert theirs not in {it["id"] for it in items(api, "/v1/keys")}
    assert api.with_key(trial_tenant.key.secret).get("/v1/keys").status_code == 200


def test_a_keys_name_that_nobody_has_is_not_found(api: Api) -> None:
    for name in ("key_x", "x" * 500, "%ff%fe", "🔑"):
        assert api.delete(f"/v1/keys/{name}").status_code == 404
