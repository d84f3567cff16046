from __future__ import annotations

from typing import Any

import pytest
from cli.runner import Cli
from cli.test_apps import bearer
from flask.testing import FlaskClient
from webhooks_out.endpoints import fanned_out, told, went

from referral_service.kit.clock import FixedClock
from referral_service.kit.db.engines import Database
from referral_service.webhooks_out.deliveries import resend

URL = "https://shop.example/hooks"


@pytest.fixture
def shop(cli: Cli) -> Any:
    return cli.json("apps", "create", "Shop")


def added(cli: Cli, shop: Any, *more: str) -> Any:
    return cli.json("endpoints", "add", "--app", shop["slug"], "--url", URL, *more)


def get(client: FlaskClient, shop: Any, path: str, **query: str) -> Any:
    return client.get(path, query_string=query, headers=bearer(shop["api_key"])).json


def patched(client: FlaskClient, shop: Any, endpoint: Any, state: str) -> None:
    path = f"/v1/webhook-endpoints/{endpoint['id']}"
    assert client.patch(path, json={"state": state}, headers=bearer(shop["api_key"])).status_code == 200


def test_an_endpoint_is_added_and_shows_its_secret_this_once(cli: Cli, client: FlaskClient, shop: Any) -> None:
    made = added(cli, shop, "--events", "reward.*", "--events", "balance.changed")
    secret = made.pop("secret")
    assert secret.startswith("whsec_")
    assert get(client, shop, f"/v1/webhook-endpoints/{made['id']}") == made
    assert made["events"] == ["reward.*", "balance.changed"]
    assert cli.json("endpoints", "list", "--app", shop["app_id"]) == {"items": [made], "next_cursor": None}
    drawn = cli.run("endpoints", "list", "--app", shop["app_id"]).stdout
    assert made["id"] in drawn
    assert URL in drawn
    assert secret not in drawn


def test_a_person_sees_the_secret_too(cli: Cli, shop: Any) -> None:
    drawn = cli.run("endpoints", "add", "--app", shop["slug"], "--url", URL).stdout
    assert "secret: whsec_" in drawn


@pytest.mark.parametrize(
    ("more", "field"),
    [
        (("--url", "http://169.254.169.254/"), "url"),
        (("--url", "https://localhost/"), "url"),
        (("--url", URL, "--events", "reward.unknown"), "events.0"),
        (("--url", URL, "--events", "*", "--events", "*"), "events"),
    ],
)
def test_an_endpoint_that_cannot_work_is_refused(cli: Cli, shop: Any, more: tuple[str, ...], field: str) -> None:
    problem = cli.json("endpoints", "add", "--app", shop["slug"], *more, exits=1)
    assert (problem["code"], list(problem["errors"])) == ("invalid_request", [field])
    assert cli.json("endpoints", "list", "--app", shop["slug"])["items"] == []


def test_a_test_is_announced_for_the_worker_to_send(
    cli: Cli, client: FlaskClient, shop: Any, database: Database, clock: FixedClock
) -> None:
    made = added(cli, shop, "--events", "reward.*")
    notification_id = cli.json("endpoints", "test", "--app", shop["slug"], made["id"])["notification_id"]
    fanned_out(database, 1, clock)
    (delivery,) = get(client, shop, "/v1/deliveries")["items"]
    assert (delivery["notification_id"], delivery["type"]) == (notification_id, "endpoint.test")
    patched(client, shop, made, "disabled")
    assert "disabled (by_app)" in cli.run("endpoints", "list", "--app", shop["slug"]).stdout
    for act in ("test", "resend"):
        problem = cli.json("endpoints", act, "--app", shop["slug"], made["id"], exits=1)
        assert problem["code"] == "endpoint_disabled"


def test_everything_that_was_missed_is_sent_again_part_by_part(
    cli: Cli, client: FlaskClient, shop: Any, database: Database, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resend, "RESENT_MAX", 2)
    made = added(cli, shop)
    told(database, 1, times=7)
    fanned_out(database, 1, clock)
    ids = [it["id"] for it in get(client, shop, "/v1/deliveries")["items"]]
    went(database, "dead", *ids[:5])
    went(database, "done", *ids[5:])
    command = ["endpoints", "resend", "--app", shop["slug"], made["id"]]
    assert cli.json(*command, "--to", "2026-03-01T11:59:59Z") == {"scheduled": 0}
    assert cli.json(*command) == {"scheduled": 5}
    assert cli.json(*command) == {"scheduled": 0}
    assert cli.json(*command, "--what", "all", "--from", "2026-03-01T12:00:00Z") == {"scheduled": 7}
    assert "7 deliveries" in cli.run(*command, "--what", "all").stdout
    assert {it["state"] for it in get(client, shop, "/v1/deliveries")["items"]} == {"scheduled"}


def test_what_is_not_written_correctly_or_not_there_is_told_by_the_exit_code(cli: Cli, shop: Any) -> None:
    made = added(cli, shop)
    command = ["endpoints", "resend", "--app", shop["slug"], made["id"]]
    cli.run(*command, "--what", "dead", exits=2)
    cli.run(*command, "--from", "yesterday", exits=2)
    cli.run(*command, "--from", "2026-03-02T00:00:00Z", "--to", "2026-03-01T00:00:00Z", exits=2)
    cli.run("endpoints", "add", "--app", shop["slug"], exits=2)
    other = cli.json("apps", "create", "Other")
    for act in ("test", "resend"):
        problem = cli.json("endpoints", act, "--app", other["slug"], made["id"], exits=1)
        assert problem["code"] == "endpoint_not_found"
    assert cli.json("endpoints", "list", "--app", other["slug"])["items"] == []
    cli.run("endpoints", "list", "--app", "nobody", exits=1)
