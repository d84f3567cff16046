"""No tenant sees or touches another's rows: with another app's administrator key, every id of an app is unknown."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from contract.routes import Route, body_of, routes
from contract.rows import changes, picture
from contract.world import World, app_number, occurred
from flask import Flask
from flask.testing import FlaskClient

from builders import Api, expect, items, purchase_body
from cast import ALICE, BOB, MALLORY
from referral_service.kit.clock import FixedClock
from referral_service.kit.db.engines import Database
from referral_service.tenants.open_app import OpenedApp

# Customers go by the app's own ids: the same word names another person there, so to put one makes one.
MAKES_ITS_OWN = {"PUT /v1/customers/{customer_id}"}
# Answered by what stands in the link or the signature, whoever calls.
NEEDS_NO_KEY = {"GET /r/{signed_code}", "GET /r/{app_slug}/{code}", "POST /v1/hooks/{source_id}"}
LISTS = {
    "/v1/programs": {},
    "/v1/referrals": {"program_id": "program_id", "referrer": "customer_id"},
    "/v1/rewards": {"program_id": "program_id", "referral_id": "referral_id", "customer_id": "customer_id"},
    "/v1/inbound-events": {"source_id": "source_id"},
    "/v1/notifications": {},
    "/v1/webhook-endpoints": {},
    "/v1/deliveries": {"endpoint_id": "endpoint_id", "notification_id": "notification_id"},
}


@pytest.fixture
def owner(client: FlaskClient, world: World, trial_tenant: OpenedApp, clock: FixedClock) -> Api:  # noqa: ARG001
    return Api(client, key=trial_tenant.key.secret, clock=clock)


@pytest.fixture
def stranger(api: Api) -> Api:
    """The administrator of another app, in which nothing is yet."""
    return api


@pytest.fixture
def untouched(world: World, database: Database) -> Iterator[None]:
    """Demand that nothing of the world's app has changed when the test is over."""
    app_id = app_number(world.first("source_id"))
    before = picture(database, app_id=app_id)
    assert sum(map(len, before.values())) > 30
    yield
    assert changes(before, picture(database, app_id=app_id)) == {}


def named_by_id(app: Flask) -> list[Route]:
    found = [route for route in routes(app) if route.path.startswith("/v1/") and "{" in route.path]
    return [route for route in found if route.name not in MAKES_ITS_OWN | NEEDS_NO_KEY]


@pytest.mark.usefixtures("untouched")
def test_every_id_of_an_app_is_unknown_to_every_other(app: Flask, world: World, stranger: Api) -> None:
    found = named_by_id(app)
    assert len(found) > 18
    wrong = []
    for route in found:
        for path in paths(route, world):
            answer = stranger.call(route.method, path, json=body_of(route, world))
            if answer.status_code != 404 or not answer.json["code"].endswith("not_found"):
                wrong.append((route.name, path, answer.status_code))
    assert wrong == []


def test_the_same_calls_find_something_with_the_apps_own_key(app: Flask, world: World, owner: Api) -> None:
    reads = [route for route in named_by_id(app) if route.method == "GET"]
    assert len(reads) > 6
    for route in reads:
        for path in paths(route, world):
            assert owner.get(path).status_code == 200, path


@pytest.mark.usefixtures("untouched")
def test_the_same_customer_id_names_another_person_in_another_app(stranger: Api) -> None:
    made = expect(stranger.put(f"/v1/customers/{ALICE.customer_id}", {"display_name": "Another Alice"}), 201)
    assert made["email"] is None
    assert expect(stranger.get(f"/v1/customers/{ALICE.customer_id}/balances"), 200)["items"] == []
    assert stranger.delete(f"/v1/customers/{ALICE.customer_id}").status_code == 204


@pytest.mark.usefixtures("untouched")
def test_every_list_of_another_app_is_empty_whatever_it_is_filtered_by(world: World, owner: Api, stranger: Api) -> None:
    expect(stranger.put(f"/v1/customers/{ALICE.customer_id}", {}), 201)
    for path, filters in LISTS.items():
        assert items(owner, path), path
        assert items(stranger, path) == [], path
        for argument, name in filters.items():
            assert items(stranger, path, **{argument: world.first(name)}) == [], (path, argument)
    assert [item["id"] for item in items(stranger, "/v1/sources")] != [
        item["id"] for item in items(owner, "/v1/sources")
    ]
    theirs = {key["id"] for key in items(owner, "/v1/keys")}
    assert theirs.isdisjoint(key["id"] for key in items(stranger, "/v1/keys"))
    assert theirs


@pytest.mark.usefixtures("untouched")
def test_a_cursor_of_one_app_is_worth_nothing_in_another(owner: Api, stranger: Api) -> None:
    for path in LISTS:
        if path in {"/v1/programs", "/v1/inbound-events", "/v1/webhook-endpoints"}:
            continue
        cursor = expect(owner.get(path, limit=1), 200)["next_cursor"]
        assert cursor, path
        assert stranger.get(path, cursor=cursor).json["code"] == "invalid_cursor", path


@pytest.mark.usefixtures("untouched")
def test_a_claim_by_another_apps_code_finds_no_code(world: World, stranger: Api) -> None:
    for evidence in evidences(world):
        for body in (evidence, {"touches": [evidence]}):
            answer = stranger.post("/v1/referrals", {**body, "referee": MALLORY.document()})
            assert answer.status_code == 404, body
    assert items(stranger, "/v1/referrals") == []


@pytest.mark.usefixtures("untouched")
def test_a_purchase_with_another_apps_code_converts_nothing(world: World, stranger: Api) -> None:
    for evidence in evidences(world):
        answer = expect(stranger.post("/v1/events", purchase(stranger, **evidence)), 201)
        assert answer["results"] == []
    assert items(stranger, "/v1/rewards") == []


@pytest.mark.usefixtures("untouched")
def test_an_event_cannot_name_another_apps_source(world: World, stranger: Api) -> None:
    for source_id in (world.first("source_id"), api_source_of(world)):
        told = purchase(stranger, source_id=source_id)
        assert stranger.post("/v1/events", told).json["code"] == "source_not_found"
        (result,) = expect(stranger.post("/v1/events", {"events": [told]}), 200)["results"]
        assert (result["outcome"], result["error"]["code"]) == ("invalid", "source_not_found")


@pytest.mark.usefixtures("untouched")
def test_the_same_order_in_another_app_is_another_order(stranger: Api, world: World) -> None:  # noqa: ARG001
    refund = {
        "id": "e-1",
        "type": "refund",
        "order_id": "o-1",
        "refunded_total": {"amount_minor": 5000, "currency": "USD"},
        "occurred_at": occurred(stranger),
    }
    assert expect(stranger.post("/v1/events", refund), 201)["results"] == []


def test_an_idempotency_key_of_one_app_answers_nothing_in_another(owner: Api, stranger: Api) -> None:
    body, other = ({"provider": "standard", "name": name} for name in ("Shop", "Till"))
    theirs = expect(owner.post("/v1/sources", body, idempotency_key="same"), 201)
    ours = expect(stranger.post("/v1/sources", body, idempotency_key="same"), 201)
    assert {ours["id"], ours["secret"]}.isdisjoint({theirs["id"], theirs["secret"]})
    # For one's own the key is taken.
    assert stranger.post("/v1/sources", other, idempotency_key="same").json["code"] == "idempotency_key_reused"


def paths(route: Route, world: World) -> list[str]:
    """The route with each id that exists, one after the other."""
    (name,) = {part[1:-1] for part in route.path.split("/") if part.startswith("{")}
    return [route.path.replace(f"{{{name}}}", value) for value in world.known_to(route.path)[name]]


def evidences(world: World) -> list[dict[str, str]]:
    typed, signed = world.ids["code"]
    return [{"code": typed}, {"signed_code": signed}, {"code": signed[:64]}]


def purchase(api: Api, **more: Any) -> dict[str, Any]:
    return purchase_body(at=api.now(), customer=BOB, **more)


def api_source_of(world: World) -> str:
    return f"src_{app_number(world.first('source_id'))}_api"
