"""`python -m benchmarks`: what it takes, and how it ends."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from benchmarks import memory, processes, profiling, results
from benchmarks.__main__ import main
from benchmarks.figures import Line
from benchmarks.load import LoadFailed


def command(*words: str) -> Result:
    return CliRunner().invoke(main, words)


def found(ratio: float) -> Callable[..., list[Line]]:
    """A run that measures a memory so many times as large."""

    def run(_kind: str, _requests: int, _folder: Path, _progress: Any) -> list[Line]:
        line = Line(path="memory", beside="before", unit="MiB", target=1.1, less_is_better=True)
        line.add(100 * ratio, 100)
        return [line]

    return run


def test_help_shows_examples_and_what_exit_codes_mean() -> None:
    said = command("--help")
    assert said.exit_code == 0
    assert "python -m benchmarks growth --sizes 10k,500k,5M" in said.output
    assert "Exit codes: 0" in said.output


@pytest.mark.parametrize("sizes", ["10k", "10k,10000", "10k,many", "0,10", "1.5M,2M", ""])
def test_sizes_that_cannot_be_compared_are_wrong_usage(sizes: str) -> None:
    assert command("growth", "--sizes", sizes).exit_code == 2


@pytest.mark.parametrize(("ratio", "expected"), [(1.05, 0), (1.2, 1)])
def test_a_run_prints_and_writes_what_it_found_and_ends_with_what_it_means(
    ratio: float, expected: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(memory, "run", found(ratio))
    said = command("memory", "--database", "sqlite", "--json", str(tmp_path / "found.json"))
    assert said.exit_code == expected, said.output
    assert f"{ratio:.3f}" in said.output
    assert results.read(tmp_path / "found.json")["memory"]["sqlite"]["lines"][0]["ratio"] == pytest.approx(ratio)


def test_a_server_that_answers_wrongly_is_no_measurement(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def fails(*_: Any) -> list[Line]:
        raise LoadFailed("500: it broke")

    monkeypatch.setattr(memory, "run", fails)
    said = command("memory", "--database", "sqlite", "--json", str(tmp_path / "found.json"))
    assert said.exit_code == 4
    assert "500: it broke" in said.output
    assert not (tmp_path / "found.json").exists()


def test_a_profile_names_the_functions_that_a_path_calls(tmp_path: Path) -> None:
    lines = list(profiling.in_process("sqlite", "code", 3, tmp_path))
    assert "function" in lines[0]
    assert any("execute" in line for line in lines[1:])


def test_a_servers_processes_are_found_with_what_they_have_used() -> None:
    burn = "import time\nwhile time.process_time() < 0.2: pass\nprint(flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", burn], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=dict(os.environ)
    ) as child:
        assert child.stdout
        child.stdout.readline()
        assert child.pid in processes.descendants(os.getpid())
        assert processes.cpu_seconds(os.getpid()) >= 0.1
        assert processes.memory_bytes(os.getpid()) > 1 << 20
        child.communicate(b"\n")
