from __future__ import annotations

import pytest
import yaml
from cli.processes import ROOT
from cli.runner import Cli

from referral_service.kit.errors import catalogue


def test_the_openapi_document_is_the_same_in_both_forms() -> None:
    document = Cli().json("openapi")
    assert document["openapi"].startswith("3.1")
    assert yaml.safe_load(Cli().run("openapi").stdout) == document


def test_writing_the_openapi_document_needs_no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "many")
    Cli().run("openapi")


def test_the_page_of_errors_is_the_one_in_the_documentation() -> None:
    said = Cli().run("errors").stdout
    assert said == (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")


def test_the_list_of_errors_is_the_catalogue() -> None:
    listed = Cli().json("errors")["items"]
    assert [it["code"] for it in listed] == [kind.code for kind in catalogue()]
    assert all(it["status"] >= 400 and it["title"] and it["remedy"] for it in listed)
