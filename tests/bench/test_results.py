"""The results as JSON: each run keeps what others found, and nothing tells whose machine it was."""

from __future__ import annotations

import getpass
import platform
from pathlib import Path

import orjson

from benchmarks import results
from benchmarks.figures import Line


def a_line(path: str) -> Line:
    line = Line(path=path, beside="floor")
    line.add(1.0, 2.0)
    return line


def test_a_run_writes_its_own_part_and_leaves_the_others(tmp_path: Path) -> None:
    path = tmp_path / "benchmarks.json"
    results.write(path, "paths", {"sqlite": results.part([a_line("old")])})
    results.write(path, "paths", {"postgresql": results.part([a_line("other")])})
    results.write(path, "growth", {"sqlite": results.part([a_line("grown")])})
    results.write(path, "paths", {"sqlite": results.part([a_line("new")])})
    found = {
        (run, kind): part["lines"][0]["path"]
        for run, parts in results.read(path).items()
        for kind, part in parts.items()
    }
    assert found == {("paths", "sqlite"): "new", ("paths", "postgresql"): "other", ("growth", "sqlite"): "grown"}


def test_no_results_are_an_empty_document(tmp_path: Path) -> None:
    assert results.read(tmp_path / "none.json") == {}


def test_the_facts_name_versions_and_neither_a_host_nor_a_path() -> None:
    facts = results.machine()
    assert facts["cores"] >= 1
    assert set(facts["packages"]) == set(results.PACKAGES)
    written = orjson.dumps(facts).decode()
    assert "/" not in written
    assert f'"{platform.node()}"' not in written
    assert f'"{getpass.getuser()}"' not in written
