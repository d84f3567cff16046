from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import click
import pytest
from cli.runner import Cli

from referral_service import __version__
from referral_service.cli import main
from referral_service.cli.answers import EXIT_CODES


def commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    for name, command in sorted(group.commands.items()):
        yield (*path, name), command
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))


ALL = dict(commands(main))
LEAVES = {path: command for path, command in ALL.items() if not isinstance(command, click.Group)}


def test_the_commands_of_the_contract_are_there() -> None:
    wanted = {"up", "serve", "worker", "db upgrade", "db check", "apps create", "apps list", "doctor", "demo"}
    wanted |= {"keys create", "keys list", "keys revoke", "keys rotate", "programs create", "programs activate"}
    assert wanted <= {" ".join(path) for path in LEAVES}


@pytest.mark.parametrize("path", [(), *ALL], ids=" ".join)
def test_every_help_shows_an_example(path: tuple[str, ...]) -> None:
    said = Cli().run(*path, "--help").stdout
    assert "Example" in said
    assert f"referral-service {' '.join(path)}".rstrip() in said.partition("Example")[2]


@pytest.mark.parametrize("path", LEAVES, ids=" ".join)
def test_every_command_takes_json(path: tuple[str, ...]) -> None:
    assert "--json" in {name for parameter in LEAVES[path].params for name in parameter.opts}


def test_the_help_tells_what_each_exit_code_means() -> None:
    said = " ".join(Cli().run("--help").stdout.split())
    assert all(f"{code} {meaning}" in said for code, meaning in EXIT_CODES)


def test_the_version_is_told() -> None:
    assert __version__ in Cli().run("--version").stdout


def test_what_is_written_wrongly_exits_with_2_and_one_sentence() -> None:
    result = Cli().run("apps", "create", exits=2)
    assert result.stdout == ""
    assert result.stderr.startswith("Error: Missing argument 'NAME'.")
    assert "apps create --help" in result.stderr


@pytest.mark.parametrize("args", [["frobnicate"], ["apps", "create"], ["apps", "create", "Shop", "--now", "yesterday"]])
def test_what_is_written_wrongly_is_told_as_json_when_asked(args: list[str]) -> None:
    problem = Cli().json(*args, exits=2)
    assert (problem["code"], problem["exit_code"]) == ("usage", 2)


def test_wrong_settings_exit_with_3_and_name_every_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "many")
    monkeypatch.setenv("REFERRAL_DATABASE_URL", "postgresql://nobody@127.0.0.1/none")
    assert "PORT" in Cli().run("apps", "list", exits=3).stderr
    problem = Cli().json("apps", "list", exits=3)
    assert problem["code"] == "configuration"
    assert {text.split(":")[0].split(" ")[0] for text in problem["problems"]} == {"PORT", "REFERRAL_SECRET_KEYS"}


@pytest.mark.parametrize(
    ("environment", "names"),
    [
        ({"REFERRAL_PGBOUNCER": "true"}, {"REFERRAL_PGBOUNCER"}),
        ({"REFERRAL_REPLICA_URL": "postgresql://host/name"}, {"REFERRAL_REPLICA_URL"}),
        (
            {"REFERRAL_PGBOUNCER": "true", "REFERRAL_REPLICA_URL": "mysql://host"},
            {"REFERRAL_PGBOUNCER", "REFERRAL_REPLICA_URL"},
        ),
    ],
)
def test_what_only_postgresql_can_have_is_refused_without_it(
    environment: dict[str, str], names: set[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("REFERRAL_DATA_DIR", str(tmp_path / "data"))
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    problems = Cli().json("apps", "list", exits=3)["problems"]
    assert {text.split(":")[0].split(" ")[0] for text in problems} == names


def test_a_replica_that_is_no_postgresql_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REFERRAL_DATABASE_URL", "postgresql://host/name")
    monkeypatch.setenv("REFERRAL_SECRET_KEYS", "k1:0123456789-abcdefghijklmnopqrstuvwxyz")
    monkeypatch.setenv("REFERRAL_REPLICA_URL", "sqlite:///copy.db")
    (problem,) = Cli().json("apps", "list", exits=3)["problems"]
    assert problem.startswith("REFERRAL_REPLICA_URL: ")


def test_a_data_folder_that_cannot_be_made_is_a_matter_of_settings(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("REFERRAL_DATA_DIR", str(tmp_path / "file" / "data"))
    assert "REFERRAL_DATA_DIR" in Cli().run("apps", "list", exits=3).stderr


def test_a_database_that_is_away_exits_with_4_and_its_password_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REFERRAL_DATABASE_URL", "postgresql://somebody:a-word-of-mine@127.0.0.1:1/none")
    monkeypatch.setenv("REFERRAL_SECRET_KEYS", "k1:0123456789-abcdefghijklmnopqrstuvwxyz")
    result = Cli().run("apps", "list", exits=4)
    assert "cannot be reached" in result.stderr
    assert "a-word-of-mine" not in result.stderr
    assert Cli().json("apps", "list", exits=4)["code"] == "database_unreachable"


def test_what_nobody_foresaw_is_told_by_kind_and_place_only(embedded_cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> NoReturn:
        raise RuntimeError("alice@example.com is not unique")

    monkeypatch.setattr("referral_service.cli.apps.list_apps", fail)
    result = embedded_cli.run("apps", "list", exits=1)
    assert "RuntimeError at " in result.stderr
    assert "alice" not in result.stderr
