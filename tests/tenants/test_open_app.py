"""Apps are opened by the operator, each with a first key and a source of its own facts."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from builders import Api, expect, items
from cast import NOON
from referral_service.audit.models import AuditEntry
from referral_service.kit.clock import FixedClock, format_rfc3339
from referral_service.kit.db.engines import Database
from referral_service.tenants.models import App, Source


@pytest.fixture
def operator(api: Api, operator_key: str) -> Api:
    return api.with_key(operator_key)


def open_app(operator: Api, **body: Any) -> Any:
    return expect(operator.post("/v1/apps", {"name": "Shop", **body}), 201)


def test_a_live_app_lives_in_real_time(operator: Api) -> None:
    opened = open_app(operator)
    assert opened["id"].startswith("app_")
    assert (opened["mode"], opened["now"]) == ("live", format_rfc3339(NOON))
    assert opened["api_key"].startswith("sk_live_")


def test_the_first_key_may_do_everything_in_its_app(operator: Api) -> None:
    opened = open_app(operator)
    (key,) = items(operator.with_key(opened["api_key"]), "/v1/keys")
    assert key["scopes"] == ["admin"]


def test_a_test_app_may_start_in_the_past(operator: Api, database: Database) -> None:
    opened = open_app(operator, mode="test", now="2022-03-01T00:00:00Z")
    assert opened["now"] == "2022-03-01T00:00:00Z"
    assert opened["api_key"].startswith("sk_test_")
    row = database.read(lambda session: session.scalars(select(App).where(App.public_id == opened["id"])).one())
    assert NOON + timedelta(microseconds=row.clock_offset_us) == NOON.replace(year=2022, hour=0)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"mode": "test", "now": "2026-03-01T12:00:00.000001Z"}, "now"),
        ({"mode": "test", "now": "1999-01-01T00:00:00Z"}, "now"),
        ({"mode": "live", "now": "2022-03-01T00:00:00Z"}, "now"),
        ({"mode": "trial"}, "mode"),
        ({"slug": "Not A Slug"}, "slug"),
        ({"slug": "a--b"}, "slug"),
        ({"slug": "x" * 41}, "slug"),
        ({"name": "x" * 101}, "name"),
        ({"clock_offset_us": 1}, "clock_offset_us"),
    ],
)
def test_an_app_that_makes_no_sense_is_refused(operator: Api, body: Any, field: str) -> None:
    answer = operator.post("/v1/apps", {"name": "Shop", **body})
    assert (answer.status_code, list(answer.json["errors"])) == (422, [field])


@pytest.mark.parametrize(
    ("name", "slug"), [("Café Été", "cafe-ete"), ("日本", "app"), ("  A -- b  ", "a-b"), ("x" * 90, "x" * 40)]
)
def test_a_slug_is_made_from_the_name(operator: Api, name: str, slug: str) -> None:
    assert open_app(operator, name=name)["slug"] == slug


def test_slugs_made_from_the_same_name_differ(operator: Api) -> None:
    slugs = {open_app(operator, name="Same")["slug"] for _ in range(4)}
    assert len(slugs) == 4
    assert all(slug.startswith("same") for slug in slugs)


def test_a_slug_that_was_asked_for_is_not_replaced_by_another(operator: Api) -> None:
    open_app(operator, slug="mine")
    answer = operator.post("/v1/apps", {"name": "Other", "slug": "mine"})
    assert (answer.status_code, answer.json["code"]) == (409, "slug_taken")


def test_an_app_has_a_source_that_stands_for_itself(operator: Api, database: Database) -> None:
    opened = open_app(operator)
    app_id = database.read(lambda session: session.scalars(select(App.id).where(App.public_id == opened["id"])).one())
    query = select(Source.id, Source.provider).where(Source.app_id == app_id)
    assert database.read(lambda session: [tuple(row) for row in session.execute(query)]) == [
        (f"src_{app_id}_api", "api")
    ]


def test_opening_is_recorded(operator: Api, database: Database) -> None:
    opened = open_app(operator)
    query = select(AuditEntry).where(AuditEntry.object_id == opened["id"])
    (entry,) = database.read(lambda session: session.scalars(query).all())
    assert (entry.action, entry.details) == ("app.opened", {"name": "Shop", "mode": "live", "slug": opened["slug"]})
    assert entry.actor.startswith("key_")


def test_apps_are_listed_in_pages(operator: Api) -> None:
    for number in range(4):
        open_app(operator, name=f"App {number}")
    assert [it["name"] for it in items(operator, "/v1/apps", limit=2)] == ["Shop", "App 0", "App 1", "App 2", "App 3"]


def test_opening_twice_under_one_idempotency_key_opens_one(operator: Api, clock: FixedClock) -> None:
    first, second = (operator.post("/v1/apps", {"name": "Once"}, idempotency_key="k") for _ in range(2))
    assert clock.now() == NOON
    assert (first.status_code, first.json) == (201, second.json)
    assert [it["name"] for it in items(operator, "/v1/apps")] == ["Shop", "Once"]
