"""What the failover campaign needs beyond this project, it names before it begins."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from campaigns.failover import cluster


def test_a_missing_patroni_is_named_with_how_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATRONI", str(tmp_path / "patroni"))
    with pytest.raises(FileNotFoundError, match=r"Patroni is missing.*pip install 'patroni\[etcd3,psycopg3\]'"):
        cluster.programs()


def test_a_missing_etcd_is_named_with_how_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATRONI", sys.executable)
    monkeypatch.setenv("ETCD", str(tmp_path / "etcd"))
    with pytest.raises(FileNotFoundError, match=r"etcd is missing.*apt install etcd-server"):
        cluster.programs()


def test_a_program_may_be_named_from_here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "patroni").touch()
    monkeypatch.setenv("PATRONI", "./patroni")
    monkeypatch.setenv("ETCD", sys.executable)
    assert cluster.programs()[0] == tmp_path / "patroni"


def test_postgresql_comes_with_what_patroni_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATRONI", sys.executable)
    monkeypatch.setenv("ETCD", sys.executable)
    *_, found = cluster.programs()
    for name in ("postgres", "initdb", "pg_basebackup", "pg_rewind", "pg_controldata", "pg_ctl", "pg_isready"):
        assert (found / name).is_file(), name
