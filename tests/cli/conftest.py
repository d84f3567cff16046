"""Commands run in this process against a database of each kind, and as processes of their own against a data folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from cli.processes import Process, free_port, service_environment
from cli.runner import Cli
from conftest import MASTER_KEYS

from referral_service.kit.db.engines import Database


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the machine's environment says of the service means nothing here."""
    for name in list(os.environ):
        if name == "PORT" or name.startswith("REFERRAL_"):
            monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def _logs_as_before() -> Iterator[None]:
    """Commands set up logging for a process of their own."""
    before = structlog.get_config()
    yield
    structlog.configure(**before)


@pytest.fixture
def cli(database: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Cli:
    """The command line on a migrated, empty database."""
    monkeypatch.setenv("REFERRAL_DATABASE_URL", database.url.render_as_string(hide_password=False))
    monkeypatch.setenv("REFERRAL_SECRET_KEYS", ",".join(f"{kid}:{secret}" for kid, secret in MASTER_KEYS.items()))
    monkeypatch.setenv("REFERRAL_DATA_DIR", str(tmp_path / "data"))
    return Cli()


@pytest.fixture
def embedded_cli(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Cli:
    """The command line as it is right after installation: a data folder that does not exist yet, and no setting."""
    monkeypatch.setenv("REFERRAL_DATA_DIR", str(tmp_path / "data"))
    return Cli()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """`up` on a fresh data folder, for all tests of a module."""
    folder = tmp_path_factory.mktemp("up")
    process = Process(["up", "--json"], service_environment(folder / "data", free_port()), folder)
    try:
        process.wait_until_ready()
        yield process
    finally:
        process.kill()
