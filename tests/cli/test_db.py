from __future__ import annotations

from pathlib import Path

import pytest
from cli.runner import Cli
from local_postgres import create_database
from sqlalchemy import text
from sqlalchemy.engine import URL

from referral_service import migrations
from referral_service.config import load_settings
from referral_service.kit.db.engines import Database


def test_a_migrated_database_is_as_it_should_be(cli: Cli) -> None:
    (head,) = migrations.heads()
    assert cli.json("db", "check") == {"ok": True, "revision": head, "head": head, "differences": []}
    assert head in cli.run("db", "check").stdout


def test_a_difference_is_found_and_named(embedded_cli: Cli) -> None:
    embedded_cli.run("db", "upgrade")
    database = Database(load_settings().database_url)
    with database.write_engine.begin() as connection:
        connection.execute(text("ALTER TABLE apps ADD COLUMN surprise INTEGER"))
    database.dispose()
    found = embedded_cli.json("db", "check", exits=1)
    assert not found["ok"]
    assert "surprise" in found["differences"][0]
    assert "surprise" in embedded_cli.run("db", "check", exits=1).stdout


def test_an_older_schema_is_found(embedded_cli: Cli) -> None:
    embedded_cli.run("db", "upgrade")
    database = Database(load_settings().database_url)
    migrations.downgrade(database.write_engine, "0005")
    database.dispose()
    found = embedded_cli.json("db", "check", exits=1)
    assert (found["ok"], found["revision"]) == (False, "0005")
    # No command changes the schema of a database that is in use.
    problem = embedded_cli.json("apps", "list", exits=3)
    assert (problem["code"], problem["revision"]) == ("schema_out_of_date", "0005")
    upgraded = embedded_cli.json("db", "upgrade")
    assert (upgraded["before"], upgraded["changed"]) == ("0005", True)
    embedded_cli.run("apps", "list")


def test_upgrading_twice_changes_nothing(embedded_cli: Cli) -> None:
    assert embedded_cli.json("db", "upgrade")["before"] is None
    keys = embedded_cli.json("keys", "list", "--signing")
    again = embedded_cli.json("db", "upgrade")
    assert (again["changed"], again["before"]) == (False, again["revision"])
    assert embedded_cli.json("keys", "list", "--signing") == keys


def test_the_embedded_database_is_made_by_the_first_command(embedded_cli: Cli) -> None:
    assert embedded_cli.json("apps", "create", "Shop")["api_key"].startswith("sk_live_")
    assert len(embedded_cli.json("keys", "list", "--signing")["items"]) == 2


def test_an_empty_postgresql_waits_for_its_upgrade(
    cli: Cli, postgres_server: URL, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = create_database(postgres_server, "cli_db")
    monkeypatch.setenv("REFERRAL_DATABASE_URL", url.render_as_string(hide_password=False))
    assert "db upgrade" in cli.run("apps", "list", exits=3).stderr
    assert cli.json("db", "check", exits=1)["revision"] is None
    cli.run("db", "upgrade")
    assert cli.json("db", "check")["ok"]
    cli.json("apps", "create", "Shop")


def test_the_statements_for_a_cluster_are_printed_without_a_database(embedded_cli: Cli, tmp_path: Path) -> None:
    told = embedded_cli.json("db", "citus")
    assert (told["reference"][0], told["obstacles"]) == ("apps", [])
    assert "ledger_postings" in told["distributed"]
    lines = embedded_cli.run("db", "citus").stdout.splitlines()
    assert lines == [f"{statement};" for statement in told["statements"]]
    assert not (tmp_path / "data").exists()
