"""Every error that a caller can meet has its section in docs/errors.md, and every section its error."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest
from house.source_tree import ROOT

PAGE = ROOT / "docs" / "errors.md"
SECTION = re.compile(r"^## (\w+)\n\n`(\d{3})` (.+)\n\n(.+)$", re.MULTILINE)


@pytest.fixture(scope="module")
def generated() -> str:
    """The page as the code has it. In a process of its own: errors that tests declare belong in no catalogue."""
    done = subprocess.run(
        [sys.executable, "-m", "referral_service", "errors"],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_page_of_errors_is_what_the_code_says(generated: str) -> None:
    assert PAGE.read_text(encoding="utf-8") == generated, "docs/errors.md is out of date: `make errors` writes it"


def test_every_error_tells_a_person_what_happened_and_what_to_do(generated: str) -> None:
    sections = SECTION.findall(generated)
    assert len(sections) == len(re.findall(r"^## ", generated, re.MULTILINE)), "a section lacks one of its parts"
    assert len(sections) > 20
    for code, status, title, remedy in sections:
        assert re.fullmatch(r"[a-z]+(_[a-z]+)*", code), code
        assert 400 <= int(status) <= 599, code
        assert re.fullmatch(r"[A-Z].*\.", title), code
        assert re.fullmatch(r"[A-Z].*[.?]", remedy), code
        assert title != remedy, code


def test_no_two_errors_share_a_code(generated: str) -> None:
    codes = [code for code, *_ in SECTION.findall(generated)]
    assert sorted(set(codes)) == codes
