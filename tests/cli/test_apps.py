from __future__ import annotations

import pytest
from cli.runner import Cli
from flask.testing import FlaskClient

from referral_service.kit.ids import is_id


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def test_an_app_is_opened_with_a_key_that_works(cli: Cli, client: FlaskClient) -> None:
    made = cli.json("apps", "create", "Shop")
    assert is_id(made["app_id"], "app")
    assert made["api_key"].startswith("sk_live_")
    assert (made["name"], made["slug"], made["mode"]) == ("Shop", "shop", "live")
    answer = client.get("/v1/keys", headers=bearer(made["api_key"]))
    assert [key["scopes"] for key in answer.json["items"]] == [["admin"]]  # type: ignore[index]


def test_a_test_app_may_begin_in_the_past(cli: Cli) -> None:
    made = cli.json("apps", "create", "Trial", "--test", "--now", "2022-03-01T00:00:00Z")
    assert made["api_key"].startswith("sk_test_")
    assert made["now"] == "2022-03-01T00:00:00Z"


def test_the_key_is_shown_to_a_person_too(cli: Cli) -> None:
    said = cli.run("apps", "create", "Shop").stdout
    assert "sk_live_" in said
    assert "shown this once" in said


@pytest.mark.parametrize(
    ("args", "field"),
    [
        (["Shop", "--now", "2022-03-01T00:00:00Z"], "now"),
        (["Shop", "--test", "--now", "2999-01-01T00:00:00Z"], "now"),
        (["x" * 101], "name"),
        (["a\nb"], "name"),
    ],
)
def test_what_no_app_can_be_is_refused(cli: Cli, args: list[str], field: str) -> None:
    problem = cli.json("apps", "create", *args, exits=1)
    assert problem["code"] == "invalid_request"
    assert list(problem["errors"]) == [field]
    assert field in cli.run("apps", "create", *args, exits=1).stderr
    assert cli.json("apps", "list")["items"] == []


def test_a_slug_is_given_once(cli: Cli) -> None:
    cli.json("apps", "create", "Shop", "--slug", "shop")
    assert cli.json("apps", "create", "Other", "--slug", "shop", exits=1)["code"] == "slug_taken"


def test_all_apps_are_listed(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    # More than a page holds.
    monkeypatch.setattr("referral_service.cli.apps._PAGE", 2)
    made = [cli.json("apps", "create", f"Shop {n}")["app_id"] for n in range(5)]
    listed = cli.json("apps", "list")
    assert [app["id"] for app in listed["items"]] == made
    assert listed["next_cursor"] is None
    assert all(app_id in cli.run("apps", "list").stdout for app_id in made)
