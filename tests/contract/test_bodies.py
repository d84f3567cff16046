"""Bodies as nobody should send them, to every route that reads one: each is refused, and nothing changes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from contract.bodies import at, integers, objects, single_bodies, with_member, with_text
from contract.published import JSON, PROBLEM
from contract.routes import Route, body_of, routes
from contract.rows import changes, picture
from contract.world import World
from flask import Flask
from flask.testing import FlaskClient

from referral_service.kit.db.engines import Database
from referral_service.tenants.open_app import OpenedApp

KIB = 1024


@dataclass(frozen=True, slots=True)
class Attack:
    """A body, what it is declared as, and the one status that answers it."""

    name: str
    raw: bytes
    status: int
    content_type: str | None = JSON
    encoding: str | None = None

    def headers(self, key: str) -> dict[str, str]:
        sent = {"Authorization": f"Bearer {key}"}
        if self.content_type is not None:
            sent["Content-Type"] = self.content_type
        if self.encoding is not None:
            sent["Content-Encoding"] = self.encoding
        return sent


def declared_wrongly(raw: bytes) -> Iterator[Attack]:
    """The route's own example, said to be something else."""
    for content_type in (
        None,
        "text/plain",
        "text/json",
        "application/xml",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/json; charset=utf-16",
        "application/problem+json",
    ):
        yield Attack(f"declared as {content_type}", raw, 415, content_type=content_type)
    yield Attack("compressed", raw, 415, encoding="gzip")


MALFORMED = [
    Attack("too large", b'{"name": "' + 64 * KIB * b"x" + b'"}', 413),
    Attack("too large, of nothing", 65 * KIB * b" ", 413),
    Attack("cut off", b'{"name": "Shop"', 400),
    Attack("two documents", b"{}{}", 400),
    Attack("nothing but space", b"  ", 400),
    Attack("a comment", b"{} // really", 400),
    Attack("single quotes", b"{'name': 'Shop'}", 400),
    Attack("a trailing comma", b'{"name": "Shop",}', 400),
    Attack("a duplicate key", b'{"name": "Shop", "name": "Shop"}', 400),
    Attack("a duplicate key, escaped", b'{"name": "Shop", "n\\u0061me": "Shop"}', 400),
    Attack("a duplicate key, deep inside", b'{"terms": {"rewards": [{"key": 1, "key": 2}]}}', 400),
    Attack("NaN", b'{"amount": NaN}', 400),
    Attack("Infinity", b'{"amount": -Infinity}', 400),
    Attack("a number that is infinite as a float", b'{"amount": 1E+1000000}', 400),
    Attack("an integer of 31 digits", b'{"amount": ' + str(10**30).encode() + b"}", 400),
    Attack("an integer of 5000 digits", b'{"amount": ' + 5000 * b"9" + b"}", 400),
    Attack("nested too deeply", 33 * b"[" + 33 * b"]", 400),
    Attack("nested beyond any stack", 30_000 * b"[", 400),
    Attack("objects nested beyond any stack", 10_000 * b'{"a":', 400),
    Attack("half of a surrogate pair", b'{"name": "\\ud800"}', 400),
    Attack("half of a surrogate pair in a key", b'{"\\udfff": "x"}', 400),
    Attack("NUL", b'{"name": "a\\u0000b"}', 400),
    Attack("NUL in a key", b'{"a\\u0000b": 1}', 400),
    Attack("a raw control character", b'{"name": "a\x01b"}', 400),
    Attack("not UTF-8", b'{"name": "\xff\xfe"}', 400),
    Attack("UTF-8 that is too long", b'{"name": "\xc0\xaf"}', 400),
    Attack("a surrogate in UTF-8", b'{"name": "\xed\xa0\x80"}', 400),
    Attack("UTF-16", '{"name": "Shop"}'.encode("utf-16"), 400),
    Attack("a byte order mark", b"\xef\xbb\xbf{}", 400),
    Attack("a text of more than 1024 characters", b'{"name": "' + 1025 * b"x" + b'"}', 400),
    *(
        Attack(f"{said} instead of an object", raw, 422)
        for said, raw in {
            "an array": b"[]",
            "an array of objects": b"[{}]",
            "a number": b"1",
            "a text": b'"{}"',
            "null": b"null",
            "false": b"false",
        }.items()
    ),
]
# Written in place of each integer of an example: none of them is one, or none that fits.
NO_INTEGERS = {
    "1.9": 422,
    "1.0": 422,
    "1e3": 422,
    '"1"': 422,
    "true": 422,
    "[1]": 422,
    "{}": 422,
    "1000000000000000000": 422,
    "-1000000000000000000": 422,
    "1" + 30 * "0": 400,
    "1E+1000000": 400,
}
# What a caller would like to decide and may not.
FOREIGN_MEMBERS = [
    "app_id",
    "id",
    "state",
    "status",
    "scope",
    "created_at",
    "granted_minor",
    "__proto__",
    "__class__",
    "",
]


@pytest.fixture
def readers(app: Flask) -> list[Route]:
    """Every route that reads a body."""
    found = [route for route in routes(app) if route.reads_json]
    assert {route.method for route in found} == {"POST", "PUT", "PATCH"}
    assert len(found) > 10
    return found


@dataclass(frozen=True, slots=True)
class Attacker:
    """Sends bodies, each with the key that the route asks for, and notes what was not refused as it should be."""

    client: FlaskClient
    world: World
    admin_key: str
    operator_key: str

    def sends(self, route: Route, attack: Attack) -> list[str]:
        assert route.access is not None
        key = self.operator_key if str(route.access.scope) == "operator" else self.admin_key
        path = self.world.path(route.path)
        answer = self.client.open(path, method=route.method, data=attack.raw, headers=attack.headers(key))
        where = f"{route.name}, {attack.name}: {answer.status_code} {answer.get_data(as_text=True)[:200]}"
        if answer.status_code != attack.status or answer.content_type != PROBLEM:
            return [where]
        told = answer.get_json()
        return [] if told["status"] == attack.status and told["type"].endswith(f"#{told['code']}") else [where]


@pytest.fixture
def attacker(client: FlaskClient, world: World, trial_tenant: OpenedApp, operator_key: str) -> Attacker:
    return Attacker(client, world, trial_tenant.key.secret, operator_key)


@pytest.fixture
def untouched(world: World, operator_key: str, database: Database) -> Iterator[None]:  # noqa: ARG001
    """Demand that nothing at all has changed when the test is over."""
    before = picture(database)
    yield
    assert changes(before, picture(database)) == {}


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize("attack", MALFORMED, ids=lambda attack: attack.name)
def test_no_route_takes_a_malformed_body(attack: Attack, readers: list[Route], attacker: Attacker) -> None:
    assert [wrong for route in readers for wrong in attacker.sends(route, attack)] == []


@pytest.mark.usefixtures("untouched")
def test_no_route_takes_its_own_example_as_something_else_than_json(
    readers: list[Route], attacker: Attacker, world: World
) -> None:
    wrong = [
        found
        for route in readers
        for attack in declared_wrongly(json.dumps(body_of(route, world)).encode())
        for found in attacker.sends(route, attack)
    ]
    assert wrong == []


@pytest.mark.usefixtures("untouched")
def test_no_route_takes_anything_else_for_an_integer(readers: list[Route], attacker: Attacker, world: World) -> None:
    attacks = [
        (route, Attack(f"{text} for {'.'.join(map(str, place))}", with_text(body, place, text), status))
        for route in readers
        for body in single_bodies(route, world)
        for place in integers(body)
        for text, status in NO_INTEGERS.items()
    ]
    assert len(attacks) > 100
    assert [wrong for route, attack in attacks for wrong in attacker.sends(route, attack)] == []


@pytest.mark.usefixtures("untouched")
def test_no_route_takes_a_member_that_it_does_not_declare(
    readers: list[Route], attacker: Attacker, world: World
) -> None:
    attacks = [
        (route, Attack(f"{name!r} in {place}", json.dumps(with_member(body, place, name)).encode(), 422))
        for route in readers
        for body in single_bodies(route, world)
        for place in objects(body)
        for name in FOREIGN_MEMBERS
        if name not in at(body, place)
    ]
    assert len(attacks) > 300
    assert [wrong for route, attack in attacks for wrong in attacker.sends(route, attack)] == []


def test_a_batch_names_each_item_that_is_wrong_and_keeps_none_of_it(
    client: FlaskClient, world: World, trial_tenant: OpenedApp, database: Database
) -> None:
    before = picture(database)
    (event, *_) = single_bodies(next(it for it in routes(client.application) if it.name == "POST /v1/events"), world)
    part_of_a_cent = {**event, "amount": {"amount_minor": 1.9, "currency": "USD"}}
    wrong: list[Any] = [None, 1, "e-1", [], {}, {**event, "app_id": 2}, part_of_a_cent]
    headers = {"Authorization": f"Bearer {trial_tenant.key.secret}"}
    answer = client.post("/v1/events", json={"events": wrong}, headers=headers)
    assert answer.status_code == 200
    results = answer.get_json()["results"]
    assert [result["outcome"] for result in results] == ["invalid"] * len(wrong)
    assert {result["error"]["status"] for result in results} == {422}
    assert client.post("/v1/events", json={"events": []}, headers=headers).status_code == 422
    assert client.post("/v1/events", json={"events": 101 * [event]}, headers=headers).status_code == 422
    assert client.post("/v1/events", json={"events": [event], "app_id": 2}, headers=headers).status_code == 422
    assert changes(before, picture(database)) == {}


@pytest.mark.usefixtures("untouched")
def test_no_route_takes_too_much_whether_or_not_it_reads_a_body(app: Flask, attacker: Attacker) -> None:
    too_large = Attack("too large", 65 * KIB * b"x", 413)
    taking = [route for route in routes(app) if route.is_of_the_api and route.method != "GET"]
    assert len(taking) > 18
    assert [wrong for route in taking for wrong in attacker.sends(route, too_large)] == []


@pytest.mark.usefixtures("untouched")
def test_a_hook_is_not_read_before_it_is_proved(client: FlaskClient, world: World) -> None:
    path = world.path("/v1/hooks/{source_id}")
    for attack in MALFORMED:
        # The provider's own limit is a megabyte.
        assert client.post(path, data=attack.raw, content_type=attack.content_type).status_code == 401, attack.name
    too_large = client.post(path, data=(KIB * KIB + 1) * b"x", content_type=JSON)
    assert (too_large.status_code, too_large.content_type) == (413, PROBLEM)
