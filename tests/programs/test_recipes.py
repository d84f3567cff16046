"""Every recipe that ships is a program that can be created, and can be set to one's own needs."""

from __future__ import annotations

from typing import Any

import pytest
from programs.programs_made import ACTOR, make

from cast import NOON
from referral_service.kit.db.engines import Database
from referral_service.programs.activate_program import activate_program
from referral_service.programs.check_settings import check_settings
from referral_service.programs.errors import RecipeNotSettable, UnknownRecipe
from referral_service.programs.load_recipe import load_recipe, recipe_names
from referral_service.programs.terms.carried_out import parts_not_there_yet
from referral_service.programs.terms.parse import InvalidTerms, parse_terms
from referral_service.tenants.open_app import OpenedApp


def test_ride_credit_ships() -> None:
    assert "ride-credit" in recipe_names()


@pytest.mark.parametrize("name", recipe_names())
def test_every_recipe_is_valid_as_it_is(name: str) -> None:
    recipe = load_recipe(name)
    terms = recipe.pop("terms")
    parse_terms(terms)
    assert set(check_settings(recipe, development=False)) == {"name", "landing_url"}


def test_ride_credit_gives_both_sides_the_first_trip_up_to_thirty_dollars() -> None:
    _, terms = parse_terms(load_recipe("ride-credit")["terms"])
    assert parts_not_there_yet(terms) == []
    assert {reward.side for reward in terms.rewards} == {"referrer", "referee"}
    assert {getattr(reward.give, "max_amount_minor", None) for reward in terms.rewards} == {3000}


def test_ride_credit_can_be_created_and_activated(database: Database, tenant: OpenedApp) -> None:
    app_id = tenant.tenant.app_id
    made = make(database, app_id, **load_recipe("ride-credit", {"currency": "EUR"}))
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
    assert found(load_recipe("ride-credit", {path: value}))


@pytest.mark.parametrize("path", ["", ".", "terms.", "rewards.2.key", "rewards.x", "rewards.-1.key", "rewards.00.key",
                                  "currency.code", "rewards.0.key.x", "a..b", "rewards." + "9" * 5000])  # fmt: skip
def test_a_path_that_leads_nowhere_is_refused(path: str) -> None:
    with pytest.raises(RecipeNotSettable) as refused:
        load_recipe("ride-credit", {path: "1"})
    assert list(refused.value.errors or {}) == [path]


@pytest.mark.parametrize("path", ["curency", "terms", "rewards.0.amount", "allowed_hosts", "\ud800"])
def test_a_setting_that_no_terms_have_is_refused_when_the_program_is_made(path: str) -> None:
    with pytest.raises(InvalidTerms):
        parse_terms(load_recipe("ride-credit", {path: "\udcff"})["terms"])


def test_setting_one_copy_leaves_the_recipe_as_it_is() -> None:
    load_recipe("ride-credit", {"currency": "EUR"})
    assert load_recipe("ride-credit")["terms"]["currency"] == "USD"


@pytest.mark.parametrize("name", ["", "no-such", "../models", "ride-credit.json", "Ride-Credit"])
def test_an_unknown_recipe_is_refused_with_those_that_exist(name: str) -> None:
    with pytest.raises(UnknownRecipe) as refused:
        load_recipe(name)
    assert refused.value.facts["recipes"] == recipe_names()
