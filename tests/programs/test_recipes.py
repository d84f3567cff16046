"""Every recipe that ships is a program that can be created, and can be set to one's own needs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from programs.programs_made import ACTOR, make

from cast import NOON
from referral_service.kit.clock import parse_rfc3339
from referral_service.kit.db.engines import Database
from referral_service.programs.activate_program import activate_program
from referral_service.programs.check_settings import check_settings
from referral_service.programs.errors import RecipeNotSettable, UnknownRecipe
from referral_service.programs.load_recipe import list_recipes, load_recipe, recipe_names
from referral_service.programs.terms.parse import InvalidTerms, parse_terms
from referral_service.tenants.open_app import OpenedApp

# The table of PRODUCT.md.
NINE = {
    "ambassador-tiers", "contest", "friend-coupon", "gift-voucher", "partner-commission", "points-club", "ride-credit",
    "storage-boost", "travel-credit",
}  # fmt: skip


def test_all_nine_recipes_ship_and_say_what_they_are() -> None:
    assert set(recipe_names()) == NINE
    listed = list_recipes()
    assert [it["recipe"] for it in listed] == recipe_names()
    assert all(it["name"] and it["summary"].endswith(".") for it in listed)


@pytest.mark.parametrize("name", recipe_names())
def test_every_recipe_is_valid_as_it_is(name: str) -> None:
    recipe = load_recipe(name, now=NOON)
    terms = recipe.pop("terms")
    parse_terms(terms)
    assert set(check_settings(recipe, development=False)) == {"name", "landing_url"}


def instants(document: Any) -> Iterator[str]:
    """Every text in a document that is a time."""
    if isinstance(document, dict | list):
        for inner in document.values() if isinstance(document, dict) else document:
            yield from instants(inner)
    elif isinstance(document, str) and re.fullmatch(r"\d{4}-\d\d-\d\dT.*Z", document):
        yield document


@pytest.mark.parametrize("name", recipe_names())
def test_no_recipe_is_bound_to_the_year_it_was_written_in(name: str) -> None:
    first, later = (list(instants(load_recipe(name, now=NOON + timedelta(days=days)))) for days in (0, 5000))
    assert [parse_rfc3339(it) + timedelta(days=5000) for it in first] == [parse_rfc3339(it) for it in later]
    assert all(parse_rfc3339(it) >= NOON - timedelta(hours=12) for it in first)


def test_a_campaign_begins_with_the_day_of_its_making_and_lasts_a_month() -> None:
    just_before_midnight = datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC)
    terms = load_recipe("contest", now=just_before_midnight)["terms"]
    assert terms["schedule"]["starts_at"] == "2026-12-31T00:00:00Z"
    assert terms["schedule"]["ends_at"] == "2027-01-30T00:00:00Z"


def test_a_recipe_holds_nothing_beside_what_makes_a_program() -> None:
    assert {name: set(load_recipe(name, now=NOON)) for name in recipe_names()} == {
        name: {"name", "landing_url", "terms"} for name in NINE
    }


def test_a_date_of_a_recipe_can_be_set_and_taken_away() -> None:
    said = {"schedule.ends_at": "2027-01-06T20:00:00Z", "schedule.starts_at": "null"}
    schedule = load_recipe("contest", said, now=NOON)["terms"]["schedule"]
    assert (schedule["starts_at"], schedule["ends_at"]) == (None, "2027-01-06T20:00:00Z")


def test_ride_credit_gives_both_sides_the_first_trip_up_to_thirty_dollars() -> None:
    _, terms = parse_terms(load_recipe("ride-credit", now=NOON)["terms"])
    assert {reward.side for reward in terms.rewards} == {"referrer", "referee"}
    assert {getattr(reward.give, "max_amount_minor", None) for reward in terms.rewards} == {3000}


@pytest.mark.parametrize("name", recipe_names())
def test_every_recipe_can_be_created_and_activated(name: str, database: Database, tenant: OpenedApp) -> None:
    app_id = tenant.tenant.app_id
    made = make(database, app_id, **load_recipe(name, {"currency": "EUR"}, now=NOON))
    active = database.transact(
        lambda session: activate_program(session, app_id=app_id, program_id=made["id"], actor=ACTOR, now=NOON)
    )
    assert (active["status"], active["terms"]["currency"]) == ("active", "EUR")


@pytest.mark.parametrize(
    ("path", "value", "found"),
    [
        ("currency", "EUR", lambda recipe: recipe["terms"]["currency"] == "EUR"),
        ("terms.currency", "EUR", lambda recipe: recipe["terms"]["currency"] == "EUR"),
        ("name", "123", lambda recipe: recipe["name"] == "123"),
        ("landing_url", "https://a.example", lambda recipe: recipe["landing_url"] == "https://a.example"),
        ("rewards.0.hold_days", "14", lambda recipe: recipe["terms"]["rewards"][0]["hold_days"] == 14),
        ("rewards.1.give.percent", "50.00", lambda recipe: recipe["terms"]["rewards"][1]["give"]["percent"] == "50.00"),
        ("eligibility.referee_is_new", "false", lambda recipe: not recipe["terms"]["eligibility"]["referee_is_new"]),
        ("attribution.touch", "first", lambda recipe: recipe["terms"]["attribution"] == {"touch": "first"}),
        ("attribution.evidence", '["link"]', lambda recipe: recipe["terms"]["attribution"] == {"evidence": ["link"]}),
        ("rewards.1", '{"key": "only"}', lambda recipe: recipe["terms"]["rewards"][1] == {"key": "only"}),
    ],
)  # fmt: skip
def test_a_recipe_is_set_by_dotted_path(path: str, value: str, found: Any) -> None:
    assert found(load_recipe("ride-credit", {path: value}, now=NOON))


@pytest.mark.parametrize("path", ["", ".", "terms.", "rewards.2.key", "rewards.x", "rewards.-1.key", "rewards.00.key",
                                  "currency.code", "rewards.0.key.x", "a..b", "rewards." + "9" * 5000])  # fmt: skip
def test_a_path_that_leads_nowhere_is_refused(path: str) -> None:
    with pytest.raises(RecipeNotSettable) as refused:
        load_recipe("ride-credit", {path: "1"}, now=NOON)
    assert list(refused.value.errors or {}) == [path]


@pytest.mark.parametrize("path", ["curency", "terms", "rewards.0.amount", "allowed_hosts", "\ud800"])
def test_a_setting_that_no_terms_have_is_refused_when_the_program_is_made(path: str) -> None:
    with pytest.raises(InvalidTerms):
        parse_terms(load_recipe("ride-credit", {path: "\udcff"}, now=NOON)["terms"])


def test_setting_one_copy_leaves_the_recipe_as_it_is() -> None:
    load_recipe("ride-credit", {"currency": "EUR"}, now=NOON)
    assert load_recipe("ride-credit", now=NOON)["terms"]["currency"] == "USD"


@pytest.mark.parametrize("name", ["", "no-such", "../models", "ride-credit.json", "Ride-Credit"])
def test_an_unknown_recipe_is_refused_with_those_that_exist(name: str) -> None:
    with pytest.raises(UnknownRecipe) as refused:
        load_recipe(name, now=NOON)
    assert refused.value.facts["recipes"] == recipe_names()
