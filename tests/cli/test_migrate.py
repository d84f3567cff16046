"""Open referrals moved to newer terms from the command line."""

from __future__ import annotations

from typing import Any

import pytest
from cli.runner import Cli
from cli.test_apps import bearer
from flask.testing import FlaskClient

from builders import expect
from referral_service.journeys.claiming import migrate_referrals as verb

REASON = ("--reason", "More time for friends")


class Shop:
    """An app with a program whose friends were promised 90 days, and a second version with 120."""

    def __init__(self, cli: Cli, client: FlaskClient) -> None:
        self.cli, self.client = cli, client
        self.app = cli.json("apps", "create", "Shop")
        made = cli.json("programs", "create", "--app", self.app["slug"], "--recipe", "ride-credit", "--activate")
        self.program_id: str = made["id"]
        self.code = self.call("POST", f"/v1/programs/{made['id']}/codes", {"customer_id": "alice"}, 201)["code"]
        self.terms: dict[str, Any] = made["terms"]

    def call(self, method: str, path: str, body: Any, *statuses: int) -> Any:
        headers = bearer(self.app["api_key"])
        return expect(self.client.open(path, method=method, json=body, headers=headers), *statuses)

    def claim(self, count: int) -> None:
        for n in range(count):
            body = {"code": self.code, "referee": {"customer_id": f"friend-{n}"}}
            self.call("POST", "/v1/referrals", body, 201)

    def change(self) -> None:
        terms = {**self.terms, "qualification": {**self.terms["qualification"], "within_days": 120}}
        self.call("PATCH", f"/v1/programs/{self.program_id}", {"terms": terms}, 200)

    def migrate(self, *options: str, exits: int = 0) -> Any:
        args = ("programs", "migrate", "--app", self.app["slug"], self.program_id, *options)
        return self.cli.json(*args, exits=exits)


@pytest.fixture
def shop(cli: Cli, client: FlaskClient) -> Shop:
    return Shop(cli, client)


def test_all_batches_are_moved_and_told_as_one(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verb, "BATCH_MAX", 2)
    shop.claim(5)
    shop.change()
    preview = shop.migrate("--to-version", "2", *REASON, "--dry-run")
    assert (preview["dry_run"], preview["moved"], preview["remaining"]) == (True, 0, 5)
    done = shop.migrate("--to-version", "2", *REASON)
    # Where they stand by then depends on the day: the command's clock is the real one.
    assert (done["moved"], done["remaining"], sum(done["states"].values())) == (5, 0, 5)
    assert [item["referral_id"] for item in done["items"]] == [item["referral_id"] for item in preview["items"]]
    again = shop.migrate("--to-version", "2", *REASON)
    assert (again["moved"], again["items"]) == (0, [])


def test_a_person_is_shown_what_changes(shop: Shop) -> None:
    shop.claim(1)
    shop.change()
    args = ("programs", "migrate", "--app", shop.app["slug"], shop.program_id, "--to-version", "2", *REASON)
    assert "1 can be moved, to version 2." in shop.cli.run(*args, "--dry-run").stdout
    drawn = shop.cli.run(*args).stdout
    assert "new deadline" in drawn
    assert "1 moved, 0 left, to version 2." in drawn


@pytest.mark.parametrize("reason", ["", "a\nb", "x" * 501])
def test_a_reason_is_asked_for(shop: Shop, reason: str) -> None:
    assert shop.migrate("--to-version", "1", "--reason", reason, exits=2)["code"] == "usage"
    assert shop.migrate("--to-version", "1", exits=2)["code"] == "usage"


def test_a_version_that_is_not_there_is_refused_by_name(shop: Shop) -> None:
    problem = shop.migrate("--to-version", "2", *REASON, exits=1)
    assert (problem["code"], list(problem["errors"])) == ("invalid_request", ["to_version"])


def test_help_shows_an_example(cli: Cli) -> None:
    assert "referral-service programs migrate --app shop" in cli.run("programs", "migrate", "--help").stdout
