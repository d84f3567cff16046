"""What is installed is what is declared: the image's pins cover the project's needs, each by its hash."""

from __future__ import annotations

import re
import tomllib
from typing import Any

from house.source_tree import ROOT
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PIN = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[a-z,]+\])?==([^ ;\\]+)", re.MULTILINE)


def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def pins() -> dict[str, str]:
    text = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    return {canonicalize_name(name): version for name, version in PIN.findall(text)}


def test_the_image_pins_every_dependency_within_its_bounds() -> None:
    declared = project()["project"]
    needs = [Requirement(text) for text in [*declared["dependencies"], *declared["optional-dependencies"]["redis"]]]
    assert needs
    unmet = {str(need): pins().get(canonicalize_name(need.name)) for need in needs}
    assert {
        need: pinned
        for need, pinned in unmet.items()
        if pinned is None or not Requirement(need).specifier.contains(pinned)
    } == {}


def test_every_pin_carries_its_hashes() -> None:
    text = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    blocks = re.split(r"\n(?=[A-Za-z0-9])", text)
    assert [block.split(" ")[0] for block in blocks if PIN.match(block) and "--hash=sha256:" not in block] == []
    assert len(pins()) >= len(project()["project"]["dependencies"])


def test_the_pins_name_no_place_they_come_from() -> None:
    text = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    assert not re.search(r"://|--(extra-)?index-url|--find-links|--trusted-host", text)


def test_the_image_runs_as_nobody_in_particular_and_says_how_it_feels() -> None:
    last_stage = (ROOT / "Dockerfile").read_text(encoding="utf-8").rsplit("\nFROM ", 1)[1]
    assert re.search(r"^USER [1-9]\d*:[1-9]\d*$", last_stage, re.MULTILINE)
    assert re.search(r"^HEALTHCHECK .*\n.*healthz", last_stage, re.MULTILINE)


def test_no_secret_has_a_default() -> None:
    lines = (ROOT / "compose.yaml").read_text(encoding="utf-8").splitlines()
    secrets = [line for line in lines if re.search(r"\$\{\w*(PASSWORD|SECRET)\w*", line)]
    assert len(secrets) >= 3
    assert [line for line in secrets if not re.search(r"\$\{\w*(PASSWORD|SECRET)\w*:\?", line)] == []
