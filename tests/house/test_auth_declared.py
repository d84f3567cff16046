"""No route lacks a declared authentication, and what is public is a short list that somebody decided on."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from referral_service.app import close, create_app
from referral_service.config import Settings
from referral_service.tenants.auth import Access

# Public by decision. What is not listed here needs a key, whatever its view says.
PUBLIC = [
    r"/healthz",
    r"/readyz",
    r"/metrics",
    r"/openapi\.yaml",
    r"/docs(/.*)?",
    r"/r/.+",  # share links: signed, or rate-limited look-ups
    r"/i/.+",
    r"/q/.+",
    r"/code/<[^/]+>",  # what is typed is looked up with a limit
    r"/assets/share/<[^/]+>/<[^/]+>",  # files of every page
    r"/me/.+",  # the participant's token is in the path
    r"/brand/<[^/]+>/logo\.png",  # shown to everybody
    r"/(attribution|widget)/<[^/]+>\.js",  # scripts for an app's own pages
    r"/v1/hooks/<[^/]+>",  # the provider's signature is checked instead
]

# OPTIONS is answered by Flask itself, out of the URL map; HEAD by the view of GET.
ANSWERED_BY_THE_FRAMEWORK = {"HEAD", "OPTIONS"}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    folder: Path = tmp_path_factory.mktemp("house")
    app = create_app(
        Settings(
            database_url=f"sqlite:///{folder / 'house.db'}",
            base_url="http://127.0.0.1:8080",
            master_keys={"k1": "a-secret-of-the-house-tests-0123456789"},
            data_dir=folder,
        )
    )
    yield app
    close(app)


def views(service: Flask) -> Iterator[tuple[str, str, Callable[..., Any]]]:
    """Path, method and the function that answers it, for every rule; a class-based view is taken apart by method."""
    for rule in service.url_map.iter_rules():
        view = service.view_functions[rule.endpoint]
        for method in sorted((rule.methods or set()) - ANSWERED_BY_THE_FRAMEWORK):
            view_class = getattr(view, "view_class", None)
            yield rule.rule, method, getattr(view_class, method.lower()) if view_class else view


def undeclared(service: Flask) -> list[str]:
    return [f"{method} {path}" for path, method, view in views(service) if not isinstance(access_of(view), Access)]


def access_of(view: Callable[..., Any]) -> Access | None:
    return getattr(view, "access", None)


def test_every_route_declares_who_may_call_it(service: Flask) -> None:
    assert len(list(views(service))) > 10, "the test looks in the wrong place"
    assert undeclared(service) == []


def test_only_the_listed_routes_are_public_and_each_says_why(service: Flask) -> None:
    open_to_all = {
        path: access.why_public
        for path, _, view in views(service)
        if (access := access_of(view)) is not None and access.scope is None
    }
    assert open_to_all, "the health check at least is public: the test looks in the wrong place"
    unlisted = [path for path in open_to_all if not any(re.fullmatch(pattern, path) for pattern in PUBLIC)]
    assert unlisted == []
    assert [path for path, why in open_to_all.items() if len(why or "") < 10] == []


def test_a_route_without_a_declaration_is_seen() -> None:
    bare = Flask("bare", static_folder="static")
    bare.add_url_rule("/v1/secrets", view_func=lambda: "all of them", endpoint="secrets")
    assert undeclared(bare) == ["GET /static/<path:filename>", "GET /v1/secrets"]
