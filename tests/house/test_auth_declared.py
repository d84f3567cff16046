"""No route lacks a declared authentication, and what is public is a short list that somebody decided on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from referral_service.app import create_app
from referral_service.config import Settings

# OPTIONS is answered by Flask itself, out of the URL map; HEAD by the view of GET.
ANSWERED_BY_THE_FRAMEWORK = {"HEAD", "OPTIONS"}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Flask:
    folder: Path = tmp_path_factory.mktemp("house")
    return create_app(
        Settings(
            database_url=f"sqlite:///{folder / 'house.db'}",
            base_url="http://127.0.0.1:8080",
            master_keys={"k1": "a-secret-of-the-house-tests-0123456789"},
            data_dir=folder,
        )
    )


def views(service: Flask) -> Iterator[tuple[str, str, Callable[..., Any]]]:
    """Path, method and the function that answers it, for every rule; a class-based view is taken apart by method."""
    for rule in service.url_map.iter_rules():
        view = service.view_functions[rule.endpoint]
        for method in sorted((rule.methods or set()) - ANSWERED_BY_THE_FRAMEWORK):
            view_class = getattr(view, "view_class", None)
            yield rule.rule, method, getattr(view_class, method.lower()) if view_class else view


def undeclared(service: Flask) -> list[str]:
    return [f"{method} {path}" for path, method, view in views(service) if not getattr(view, "__auth__", None)]


def test_every_route_declares_who_may_call_it(service: Flask) -> None:
    assert len(list(views(service))) > 20
    assert undeclared(service) == []


def test_a_route_without_a_declaration_is_seen() -> None:
    bare = Flask("bare", static_folder="static")
    bare.add_url_rule("/v1/secrets", view_func=lambda: "all of them", endpoint="secrets")
    assert undeclared(bare) == ["GET /static/<path:filename>", "GET /v1/secrets"]
