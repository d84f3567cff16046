from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cli.runner import Cli
from cli.test_apps import bearer
from flask.testing import FlaskClient

from referral_service.programs.load_recipe import recipe_names

TERMS = {
    "currency": "USD",
    "rewards": [
        {"key": "a", "side": "referrer", "on": "converted", "give": {"kind": "credit", "amount_minor": 1000}},
    ],
}
BODY = {"name": "Spring", "landing_url": "https://shop.example/hi", "allowed_hosts": ["m.shop.example"], "terms": TERMS}


@pytest.fixture
def shop(cli: Cli) -> Any:
    return cli.json("apps", "create", "Shop")


def test_a_recipe_becomes_a_draft(cli: Cli, client: FlaskClient, shop: Any) -> None:
    made = cli.json("programs", "create", "--app", shop["app_id"], "--recipe", "ride-credit")
    assert (made["status"], made["version"], made["terms"]["currency"]) == ("draft", 1, "USD")
    answer = client.get(f"/v1/programs/{made['id']}", headers=bearer(shop["api_key"]))
    assert answer.json == made


def test_values_of_a_recipe_can_be_set(cli: Cli, shop: Any) -> None:
    made = cli.json(
        *["programs", "create", "--app", shop["slug"], "--recipe", "ride-credit", "--activate"],
        *["--set", "currency=EUR", "--set", "rewards.0.hold_days=14"],
        *["--name", "Fahrten", "--landing-url", "https://fahrten.example/los"],
    )
    assert made["terms"]["currency"] == "EUR"
    assert [reward["hold_days"] for reward in made["terms"]["rewards"]] == [14, 0]
    assert (made["name"], made["landing_url"]) == ("Fahrten", "https://fahrten.example/los")
    assert made["status"] == "active"


def test_every_recipe_is_listed_and_can_be_created(cli: Cli, shop: Any) -> None:
    listed = cli.json("programs", "recipes")["items"]
    assert [it["recipe"] for it in listed] == recipe_names()
    drawn = cli.run("programs", "recipes").stdout
    for it in listed:
        assert it["recipe"] in drawn
        made = cli.json("programs", "create", "--app", shop["app_id"], "--recipe", it["recipe"])
        assert (made["name"], made["status"]) == (it["name"], "draft")


@pytest.mark.parametrize("name", recipe_names())
def test_a_recipe_is_printed_as_a_body_that_makes_the_same_program(cli: Cli, shop: Any, name: str) -> None:
    printed = cli.run("programs", "recipes", name).stdout
    assert json.loads(printed) == cli.json("programs", "recipes", name)
    of_file = cli.json("programs", "create", "--app", shop["app_id"], "--file", "-", given=printed)
    of_recipe = cli.json("programs", "create", "--app", shop["app_id"], "--recipe", name)
    assert {part: of_file[part] for part in json.loads(printed)} == {
        part: of_recipe[part] for part in json.loads(printed)
    }


def test_a_recipe_that_does_not_exist_is_not_printed(cli: Cli) -> None:
    problem = cli.json("programs", "recipes", "no-such", exits=1)
    assert (problem["code"], problem["recipes"]) == ("recipe_not_found", recipe_names())


def test_the_dates_of_a_recipe_are_those_of_the_apps_own_day(cli: Cli) -> None:
    trial = cli.json("apps", "create", "Trial", "--test", "--now", "2022-03-01T15:00:00Z")
    made = cli.json("programs", "create", "--app", trial["app_id"], "--recipe", "contest")
    assert made["terms"]["schedule"]["starts_at"] == "2022-03-01T00:00:00Z"
    assert made["terms"]["schedule"]["ends_at"] == "2022-03-31T00:00:00Z"


def test_a_file_holds_the_whole_body(cli: Cli, shop: Any, tmp_path: Path) -> None:
    (tmp_path / "program.json").write_text(json.dumps(BODY))
    made = cli.json("programs", "create", "--app", shop["app_id"], "--file", str(tmp_path / "program.json"))
    assert {name: made[name] for name in ("name", "landing_url", "allowed_hosts")} == {
        name: BODY[name] for name in ("name", "landing_url", "allowed_hosts")
    }


def test_terms_alone_come_from_standard_input(cli: Cli, shop: Any) -> None:
    args = ["programs", "create", "--app", shop["app_id"], "--file", "-"]
    more = ["--name", "Spring", "--landing-url", "https://shop.example/hi"]
    assert cli.json(*args, *more, given=json.dumps(TERMS))["name"] == "Spring"
    assert set(cli.json(*args, given=json.dumps(TERMS), exits=1)["errors"]) == {"name", "landing_url"}


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("{", "malformed_body"),
        ("[]", "malformed_body"),
        ('{"terms": {}, "terms": {}}', "malformed_body"),
        (json.dumps(BODY | {"surprise": 1}), "invalid_request"),
        (json.dumps(BODY | {"landing_url": "ftp://shop.example"}), "invalid_request"),
        (json.dumps(BODY | {"terms": TERMS | {"currency": "XXX1"}}), "invalid_terms"),
    ],
)
def test_a_document_that_is_wrong_is_refused_with_its_place(cli: Cli, shop: Any, text: str, code: str) -> None:
    args = ["programs", "create", "--app", shop["app_id"], "--file", "-"]
    assert cli.json(*args, given=text, exits=1)["code"] == code
    assert cli.json("programs", "list", "--app", shop["app_id"])["items"] == []


@pytest.mark.parametrize("args", [[], ["--recipe", "ride-credit", "--file", "-"], ["--file", "-", "--set", "a=b"]])
def test_contradicting_options_are_a_matter_of_usage(cli: Cli, args: list[str]) -> None:
    assert cli.json("programs", "create", "--app", "shop", *args, exits=2)["code"] == "usage"


def test_what_a_recipe_does_not_have_cannot_be_set(cli: Cli, shop: Any) -> None:
    args = ["programs", "create", "--app", shop["app_id"], "--recipe", "ride-credit"]
    assert cli.json(*args, "--set", "rewards.9.hold_days=1", exits=1)["code"] == "recipe_not_settable"
    assert cli.json(*args[:-1], "no-such-recipe", exits=1)["code"] == "recipe_not_found"
    assert cli.json(*args, "--set", "currency", exits=2)["code"] == "usage"


def test_programs_are_activated_and_listed(cli: Cli, shop: Any) -> None:
    made = cli.json("programs", "create", "--app", shop["app_id"], "--recipe", "ride-credit")
    assert cli.json("programs", "activate", "--app", shop["app_id"], made["id"])["status"] == "active"
    listed = cli.json("programs", "list", "--app", shop["app_id"])
    assert [(it["id"], it["status"]) for it in listed["items"]] == [(made["id"], "active")]
    assert made["id"] in cli.run("programs", "list", "--app", "shop").stdout


def test_another_apps_program_is_not_found(cli: Cli, shop: Any) -> None:
    made = cli.json("programs", "create", "--app", shop["app_id"], "--recipe", "ride-credit")
    other = cli.json("apps", "create", "Other")
    assert cli.json("programs", "activate", "--app", other["app_id"], made["id"], exits=1)["code"] == "not_found"
