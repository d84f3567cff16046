"""Times as nobody should send them: no answer of 5xx, and what lies out of all range is refused."""

from __future__ import annotations

import pytest
from contract.bodies import replaced, single_bodies, times
from contract.routes import routes
from contract.world import World
from flask import Flask
from flask.testing import FlaskClient

from builders import Api, a_code, a_program, items, purchase_body
from cast import BOB, CAROL
from referral_service.tenants.open_app import OpenedApp

NO_TIMES = [
    "0001-01-01T00:00:00Z",
    "0001-01-01T00:00:00+23:59",
    "1999-12-31T23:59:59Z",
    "2200-01-01T00:00:00Z",
    "9999-12-31T23:59:59Z",
    "9999-12-31T23:59:59-23:59",
    "2026-02-30T00:00:00Z",
    "2026-01-01T24:00:00Z",
    "2026-01-01T23:59:60Z",
    "2026-01-01T00:00:00",
    "2026-01-01 ",
    "2026-01-01",
    "1767225600",
    "2026-W01-1T00:00:00Z",
    "2026-01-01T00:00:00+24:00",
    "2026-01-01T00:00:00.Z",
    "\u0662\u0660\u0662\u0666-01-01T00:00:00Z",
    "2026-01-01T00:00:00Z\n",
    "now",
    "",
]
# Of the right form, and early or late: what becomes of them is for each route to say.
EXTREMES = ["2000-01-01T00:00:00Z", "2199-12-31T23:59:59Z", "2026-01-01T00:00:00.123456789012345Z"]


def test_no_route_takes_anything_else_for_a_time(
    app: Flask, client: FlaskClient, world: World, trial_tenant: OpenedApp, operator_key: str
) -> None:
    attacks = [
        (route, place, text, replaced(body, place, text))
        for route in routes(app)
        if route.reads_json
        for body in single_bodies(route, world)
        for place in times(body)
        for text in [*NO_TIMES, *EXTREMES]
    ]
    assert len(attacks) > 100
    wrong = []
    for route, place, text, body in attacks:
        key = operator_key if route.path == "/v1/apps" else trial_tenant.key.secret
        headers = {"Authorization": f"Bearer {key}"}
        status = client.open(world.path(route.path), method=route.method, json=body, headers=headers).status_code
        if status >= 500 or (text in NO_TIMES and status != 422):
            wrong.append((route.name, place, text, status))
    assert wrong == []


@pytest.mark.parametrize("occurred_at", EXTREMES)
def test_a_purchase_of_any_time_can_be_told_and_explained(api: Api, occurred_at: str) -> None:
    program = a_program(api)
    code = a_code(api, program)
    for customer in (BOB, CAROL):
        told = {"customer": customer, "code": code["code"]} if customer is CAROL else {"customer": customer}
        claim = {"code": code["code"], "referee": customer.document(), "occurred_at": occurred_at}
        statuses = {
            api.post("/v1/referrals", claim).status_code,
            api.post("/v1/events", {**purchase_body(at=api.now(), **told), "occurred_at": occurred_at}).status_code,
        }
        assert statuses <= {200, 201, 409, 422}
    for referral in items(api, "/v1/referrals"):
        assert api.get(f"/v1/referrals/{referral['id']}/explain").status_code == 200
