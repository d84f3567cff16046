from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cli.runner import Cli
from cli.test_apps import bearer
from flask.testing import FlaskClient

from referral_service.kit.clock import parse_rfc3339


@pytest.fixture
def shop(cli: Cli) -> Any:
    return cli.json("apps", "create", "Shop")


def status(client: FlaskClient, key: str, path: str = "/v1/programs") -> int:
    return client.get(path, headers=bearer(key)).status_code


def test_an_operators_key_opens_apps_and_nothing_else(cli: Cli, client: FlaskClient) -> None:
    key = cli.json("keys", "create", "--operator")["api_key"]
    assert key.startswith("sk_operator_")
    assert client.post("/v1/apps", json={"name": "Shop"}, headers=bearer(key)).status_code == 201
    assert status(client, key) == 403


def test_an_apps_key_may_do_what_its_scopes_say(cli: Cli, client: FlaskClient, shop: Any) -> None:
    made = cli.json("keys", "create", "--app", shop["app_id"], "--scope", "read", "--name", "Reports")
    assert (made["scopes"], made["name"], made["expires_at"]) == (["read"], "Reports", None)
    assert status(client, made["api_key"]) == 200
    assert client.post("/v1/programs", json={}, headers=bearer(made["api_key"])).status_code == 403


def test_an_app_may_be_named_by_its_slug(cli: Cli, shop: Any) -> None:
    made = cli.json("keys", "create", "--app", shop["slug"], "--scope", "write")
    assert made["id"] in {key["id"] for key in cli.json("keys", "list", "--app", shop["app_id"])["items"]}


@pytest.mark.parametrize(
    "args",
    [
        [],
        ["--operator", "--app", "shop"],
        ["--operator", "--scope", "read"],
        ["--app", "shop"],
        ["--app", "shop", "--scope", "operator"],
    ],
)
def test_a_key_that_cannot_be_is_a_matter_of_usage(cli: Cli, args: list[str]) -> None:
    assert cli.json("keys", "create", *args, exits=2)["code"] == "usage"


def test_a_key_cannot_end_before_it_begins(cli: Cli, shop: Any) -> None:
    args = ["keys", "create", "--app", shop["app_id"], "--scope", "read", "--expires-at", "2020-01-01T00:00:00Z"]
    assert list(cli.json(*args, exits=1)["errors"]) == ["expires_at"]


def test_an_unknown_app_is_not_found(cli: Cli) -> None:
    assert cli.json("keys", "create", "--app", "nobody", "--scope", "read", exits=1)["code"] == "not_found"


def test_a_list_of_keys_shows_no_secret(cli: Cli, shop: Any) -> None:
    listed = cli.run("keys", "list", "--app", shop["app_id"], "--json").stdout
    assert shop["api_key"] not in listed
    assert shop["api_key"][:12] in listed
    assert shop["api_key"] not in cli.run("keys", "list", "--app", shop["app_id"]).stdout


def test_operators_keys_are_listed_apart(cli: Cli, shop: Any) -> None:
    made = cli.json("keys", "create", "--operator")
    assert [key["id"] for key in cli.json("keys", "list")["items"]] == [made["id"]]
    assert made["id"] not in cli.run("keys", "list", "--app", shop["app_id"]).stdout


@pytest.mark.parametrize("operator", [True, False])
def test_a_revoked_key_is_refused(cli: Cli, client: FlaskClient, shop: Any, operator: bool) -> None:
    made = cli.json("keys", "create", *(["--operator"] if operator else ["--app", shop["app_id"], "--scope", "read"]))
    revoked = cli.json("keys", "revoke", made["id"])
    assert revoked["revoked_at"] is not None
    assert status(client, made["api_key"], "/v1/apps" if operator else "/v1/programs") == 401
    # Once is enough.
    assert cli.json("keys", "revoke", made["id"]) == revoked


def test_a_key_that_is_not_there_cannot_be_revoked(cli: Cli) -> None:
    assert cli.json("keys", "revoke", "key_01k0c7r5d2a8h4j6k9m3p7s1vb", exits=1)["code"] == "not_found"


def test_a_replaced_key_works_until_its_grace_is_over(cli: Cli, client: FlaskClient, shop: Any) -> None:
    old = cli.json("keys", "list", "--app", shop["app_id"])["items"][0]
    new = cli.json("keys", "replace", old["id"], "--grace-seconds", "3600")
    assert new["scopes"] == old["scopes"]
    assert status(client, new["api_key"]) == status(client, shop["api_key"]) == 200
    ends = parse_rfc3339(cli.json("keys", "list", "--app", shop["app_id"])["items"][0]["expires_at"])
    assert timedelta(minutes=59) < ends - datetime.now(UTC) <= timedelta(hours=1)


def test_a_key_replaced_without_grace_is_refused_at_once(cli: Cli, client: FlaskClient, shop: Any) -> None:
    old = cli.json("keys", "list", "--app", shop["app_id"])["items"][0]
    new = cli.json("keys", "replace", old["id"], "--grace-seconds", "0")
    assert (status(client, shop["api_key"]), status(client, new["api_key"])) == (401, 200)
    assert cli.json("keys", "replace", old["id"], exits=1)["code"] == "key_inactive"


def test_an_operators_key_is_not_replaced(cli: Cli) -> None:
    made = cli.json("keys", "create", "--operator")
    assert cli.json("keys", "replace", made["id"], exits=2)["code"] == "usage"


def test_a_new_signing_key_waits_until_every_process_knows_it(cli: Cli) -> None:
    cli.run("db", "upgrade")
    (first, index) = cli.json("keys", "list", "--signing")["items"]
    assert (first["purpose"], index["purpose"]) == ("token", "email_index")
    second = cli.json("keys", "rotate")
    assert parse_rfc3339(second["active_from"]) - parse_rfc3339(second["created_at"]) == timedelta(seconds=60)
    listed = cli.json("keys", "list", "--signing")["items"]
    assert [key["kid"] for key in listed] == [first["kid"], index["kid"], second["kid"]]
    assert all(set(key) == {"kid", "purpose", "active_from", "created_at", "revoked_at"} for key in listed)


def test_a_revoked_signing_key_has_a_successor(cli: Cli) -> None:
    cli.run("db", "upgrade")
    kid = cli.json("keys", "list", "--signing")["items"][0]["kid"]
    assert cli.json("keys", "revoke-signing", str(kid))["revoked_at"] is not None
    valid = [it for it in cli.json("keys", "list", "--signing")["items"] if it["purpose"] == "token"]
    assert [it["revoked_at"] is None for it in valid] == [False, True]
    assert cli.json("keys", "revoke-signing", "99", exits=1)["code"] == "signing_key_not_found"


def test_signing_keys_belong_to_no_app(cli: Cli) -> None:
    cli.run("keys", "list", "--signing", "--app", "shop", exits=2)
