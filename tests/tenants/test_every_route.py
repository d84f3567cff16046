"""No route lacks a declared authentication, and none is public by accident."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask

from builders import Api
from referral_service.tenants.auth import Access

# Business keys of their own stand in for an Idempotency-Key, or doing it again does no harm.
WITHOUT_IDEMPOTENCY_KEY = {"/v1/events", "/v1/hooks/<source_id>", "/v1/inbound-events/replay"}
# Authenticated by the provider's signature instead of a key.
SIGNED = {"/v1/hooks/<source_id>"}


def routes(app: Flask) -> Iterator[tuple[str, set[str], Access | None, bool]]:
    for rule in app.url_map.iter_rules():
        view = app.view_functions[rule.endpoint]
        methods = set(rule.methods or ()) - {"HEAD", "OPTIONS"}
        yield rule.rule, methods, getattr(view, "access", None), hasattr(view, "honours_idempotency_key")


def test_every_route_declares_who_may_call_it(app: Flask) -> None:
    undeclared = [rule for rule, _, access, _ in routes(app) if access is None]
    assert undeclared == []
    unexplained = [rule for rule, _, access, _ in routes(app) if access and not access.scope and not access.why_public]
    assert unexplained == []


def test_nothing_of_the_api_is_public(app: Flask) -> None:
    public = {rule for rule, _, access, _ in routes(app) if access and access.scope is None}
    assert {rule for rule in public if rule.startswith("/v1/")} <= SIGNED


def test_every_post_of_the_api_honours_an_idempotency_key(app: Flask) -> None:
    without = {rule for rule, methods, _, honours in routes(app) if "POST" in methods and not honours}
    assert {rule for rule in without if rule.startswith("/v1/")} <= WITHOUT_IDEMPOTENCY_KEY


@pytest.mark.parametrize("key", [None, "sk_live_" + "A" * 43])
def test_nobody_gets_past_a_declared_key_without_one(app: Flask, api: Api, key: str | None) -> None:
    stranger = api.with_key(key)
    for rule, methods, access, _ in routes(app):
        if access is None or access.scope is None:
            continue
        path = "/".join("x" if part.startswith("<") else part for part in rule.split("/"))
        for method in methods:
            assert stranger.call(method, path).status_code == 401, (method, rule)
