"""Nothing is left unfinished, switched off or waved through."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest
from house.source_tree import CODE_FOLDERS, ROOT, parsed, python_files, shown, tracked_files

# Put together at run time, so that this file is not its own finding.
UNFINISHED = re.compile(r"\b(" + "|".join(["TO" + "DO", "FIX" + "ME", "HA" + "CK"]) + r")\b")
TEXT_SUFFIXES = {"", ".css", ".html", ".js", ".json", ".md", ".mako", ".py", ".toml", ".txt", ".yaml", ".yml"}
SWITCHED_OFF = {"pytest.mark.skip", "pytest.mark.skipif", "pytest.mark.xfail", "pytest.xfail", "unittest.skip"}


def unfinished_parts(tree: ast.AST) -> Iterator[int]:
    """Line of every `raise NotImplementedError`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Raise) and node.exc is not None:
            raised = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
            if isinstance(raised, ast.Name) and raised.id == "NotImplementedError":
                yield node.lineno


def switched_off(tree: ast.AST) -> Iterator[int]:
    """Line of every marker that keeps a test from running or lets it fail."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and ast.unparse(node) in SWITCHED_OFF:
            yield node.lineno


def test_no_text_says_that_something_is_left_to_be_done() -> None:
    offenders = []
    for name in tracked_files():
        path = ROOT / name
        if path.suffix in TEXT_SUFFIXES:
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
                if UNFINISHED.search(line):
                    offenders.append(f"{name}:{number}")
    assert offenders == []


def test_nothing_is_a_stub() -> None:
    found = [f"{shown(path)}:{line}" for path in python_files(*CODE_FOLDERS) for line in unfinished_parts(parsed(path))]
    assert found == []


def test_no_test_is_switched_off_for_good() -> None:
    found = [f"{shown(path)}:{line}" for path in python_files("tests") for line in switched_off(parsed(path))]
    assert found == []


@pytest.mark.parametrize("source", ["raise NotImplementedError", "raise NotImplementedError('later')"])
def test_a_stub_is_seen(source: str) -> None:
    assert list(unfinished_parts(ast.parse(source))) == [1]


def test_a_switched_off_test_is_seen() -> None:
    source = "@pytest.mark." + "skip\ndef test_a(): ..."
    assert list(switched_off(ast.parse(source))) == [1]
