"""Programs are changed by a command, and their branding comes from files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cli.runner import Cli
from programs.pictures import data_url, picture

from referral_service.programs.logo import read_logo

BRANDING = {"display_name": "Ride", "colour": "#ffd500", "texts": {"uk": {"button": "Поїхали"}}}


@pytest.fixture
def shop(cli: Cli) -> Any:
    return cli.json("apps", "create", "Shop")


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "branding.json").write_text(json.dumps(BRANDING))
    (tmp_path / "logo.png").write_bytes(picture())
    (tmp_path / "logo.svg").write_text("<svg/>")
    (tmp_path / "with_logo.json").write_text(json.dumps(BRANDING | {"logo": data_url(picture())}))
    return tmp_path


def a_recipe(cli: Cli, shop: Any, *more: str) -> Any:
    return cli.json("programs", "create", "--app", shop["slug"], "--recipe", "ride-credit", *more)


def test_a_program_is_made_with_its_branding(cli: Cli, shop: Any, files: Path) -> None:
    made = a_recipe(cli, shop, "--branding", str(files / "branding.json"), "--logo", str(files / "logo.png"))
    assert (made["branding"]["display_name"], made["branding"]["colour"]) == ("Ride", "#ffd500")
    tag = read_logo(data_url(picture())).sha256[:16]
    assert made["branding"]["logo_url"].endswith(f"/brand/{made['id']}/logo.png?v={tag}")
    assert made["branding"]["logo_url"].startswith("http")
    assert cli.json("programs", "list", "--app", shop["slug"])["items"] == [made]
    with_logo = a_recipe(cli, shop, "--branding", str(files / "with_logo.json"))
    assert with_logo["branding"]["logo_url"] is not None


def test_a_recipes_branding_is_set_by_path(cli: Cli, shop: Any) -> None:
    made = a_recipe(
        cli, shop, "--set", "branding.colour=#123456", "--set", "branding.texts.uk.button=Поїхали",
        "--set", 'branding.embed_origins=["https://shop.example"]',
    )  # fmt: skip
    assert made["branding"]["colour"] == "#123456"
    assert made["branding"]["texts"]["uk"]["button"] == "Поїхали"
    assert made["branding"]["embed_origins"] == ["https://shop.example"]
    args = ["programs", "create", "--app", shop["slug"], "--recipe", "ride-credit"]
    problem = cli.json(*args, "--set", "branding.colour=violet", exits=1)
    assert list(problem["errors"]) == ["branding.colour"]
    assert list(cli.json(*args, "--set", "branding.slogan=x", exits=1)["errors"]) == ["branding.slogan"]


def test_what_is_not_said_stays(cli: Cli, shop: Any, files: Path) -> None:
    made = a_recipe(cli, shop)
    change = ["programs", "change", "--app", shop["slug"], made["id"]]
    assert cli.json(*change) == made
    assert cli.json(*change, "--name", "Autumn") == made | {"name": "Autumn"}
    branded = cli.json(*change, "--branding", str(files / "branding.json"))
    assert branded["branding"]["display_name"] == "Ride"
    assert branded["name"] == "Autumn"
    with_logo = cli.json(*change, "--logo", str(files / "logo.png"))
    logo_url = with_logo["branding"]["logo_url"]
    assert logo_url is not None
    assert with_logo["branding"] == branded["branding"] | {"logo_url": logo_url}
    assert cli.json(*change, "--branding", str(files / "branding.json"))["branding"]["logo_url"] is None
    assert made["id"] in cli.run(*change, "--landing-url", "https://shop.example/hi").stdout


def test_a_file_holds_all_changes(cli: Cli, shop: Any) -> None:
    made = a_recipe(cli, shop)
    terms = made["terms"] | {"currency": "USD", "qualification": {"within_days": 10}}
    said = json.dumps({"terms": terms, "branding": BRANDING})
    changed = cli.json("programs", "change", "--app", shop["slug"], made["id"], "--file", "-", given=said)
    assert (changed["version"], changed["branding"]["display_name"]) == (2, "Ride")


@pytest.mark.parametrize(("name", "word"), [("logo.svg", "SVG"), ("branding.json", "PNG")])
def test_a_file_that_is_no_picture_is_refused_with_a_sentence(
    cli: Cli, shop: Any, files: Path, name: str, word: str
) -> None:
    made = a_recipe(cli, shop)
    args = ["programs", "change", "--app", shop["slug"], made["id"], "--logo", str(files / name)]
    problem = cli.json(*args, exits=1)
    assert word in problem["errors"]["branding.logo"][0]


def test_another_apps_program_cannot_be_changed(cli: Cli, shop: Any, files: Path) -> None:
    made = a_recipe(cli, shop)
    other = cli.json("apps", "create", "Other")
    for more in (["--name", "Mine"], ["--logo", str(files / "logo.png")]):
        assert cli.json("programs", "change", "--app", other["slug"], made["id"], *more, exits=1)["code"] == "not_found"
