"""Rooms are named for the domain and verbs for what they do; the top of the tree holds what a reader expects."""

from __future__ import annotations

import re

from house.source_tree import CODE_FOLDERS, PACKAGE, python_files, shown, tracked_files

# A name that says nothing gathers everything.
EMPTY_NAMES = {"common", "helper", "helpers", "manager", "managers", "misc", "service", "services", "util", "utils"}

TOP_LEVEL = {
    ".ci",
    ".dockerignore",
    ".editorconfig",
    ".gitattributes",
    ".gitignore",
    "CHANGELOG.md",
    "Dockerfile",
    "LICENSE",
    "Makefile",
    "README.md",
    "benchmarks",
    "compose.yaml",
    "docs",
    "openapi.yaml",
    "pyproject.toml",
    "referral_service",
    "requirements.txt",
    "tests",
}

ROOMS = {
    "admin",
    "audit",
    "cli",
    "clicks",
    "codes",
    "customers",
    "doctor",
    "events",
    "insights",
    "journeys",
    "kit",
    "ledger",
    "migrations",
    "notifications",
    "operations",
    "privacy",
    "programs",
    "referrals",
    "rewards",
    "share",
    "signing",
    "tenants",
    "webhooks_in",
    "webhooks_out",
}


def words_of(name: str) -> set[str]:
    return set(name.lower().split("_"))


def test_no_module_or_folder_has_a_name_that_says_nothing() -> None:
    offenders = [
        shown(path)
        for path in python_files(*CODE_FOLDERS)
        for part in [*path.relative_to(PACKAGE.parent).parts[1:-1], path.stem]
        if words_of(part) & EMPTY_NAMES
    ]
    assert offenders == []


def test_no_class_is_a_manager_or_a_service_of_something() -> None:
    declared = re.compile(r"^\s*class (\w+(?:Manager|Service|Helper|Utils?))\b", re.MULTILINE)
    offenders = [
        f"{shown(path)}:{name}"
        for path in python_files("referral_service")
        for name in declared.findall(path.read_text(encoding="utf-8"))
    ]
    assert offenders == []


def test_the_top_of_the_tree_holds_only_what_a_reader_expects() -> None:
    found = {name.split("/")[0] for name in tracked_files()}
    assert found - TOP_LEVEL == set()


def test_every_room_is_one_of_the_house() -> None:
    found = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert found - ROOMS == set()


def test_no_lock_file_that_embeds_registry_addresses() -> None:
    names = {name.rsplit("/", 1)[-1] for name in tracked_files()}
    assert names & {"uv.lock", "poetry.lock", "Pipfile.lock", "pdm.lock"} == set()
