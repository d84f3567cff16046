"""A tenant in which everything exists: one of each thing that has an id, so that calls find something."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from flask.testing import FlaskClient
from journeys.under_review import put_under_review
from programs.pictures import data_url, picture
from webhooks_in.hooks import a_standard_source
from webhooks_out.endpoints import an_endpoint

from builders import Api, a_claim, a_code, a_customer, a_program, a_purchase, expect, items
from cast import ALICE, BOB, CAROL, MALLORY, Person
from referral_service.kit.clock import Clock
from referral_service.kit.db.engines import Database
from referral_service.share.pages.assets import ASSETS
from referral_service.webhooks_out.deliveries.fan_out import place_and_fan_out


@dataclass(frozen=True, slots=True)
class World:
    """`ids` holds, by the name of the parameter that takes it, what exists here; the best known first.

    `own` is what only one path is good for: the one reward that can be accepted, or a coupon's code.
    """

    ids: dict[str, list[str]]
    own: dict[str, dict[str, list[str]]]

    def known_to(self, template: str) -> dict[str, list[str]]:
        """What exists for a path of the API's description, by the name of the parameter."""
        return self.ids | self.own.get(template, {})

    def first(self, name: str) -> str:
        return self.ids[name][0]

    def path(self, template: str) -> str:
        """Fill in a path of the API's description (`/v1/programs/{program_id}`) with what exists."""
        return template.format_map({name: values[0] for name, values in self.known_to(template).items()})


def a_world(client: FlaskClient, *, key: str, slug: str, clock: Clock, database: Database) -> World:
    """Make a program with a conversion in it, one that is open, a hook that was parked, and somebody to be told of it.

    The referrer shows on the leaderboard, and the program has a logo.
    """
    api = Api(client, key=key, clock=clock)
    endpoint = an_endpoint(api)
    program = a_program(api)
    expect(api.patch(f"/v1/programs/{program['id']}", {"branding": {"logo": data_url(picture())}}), 200)
    a_customer(api, ALICE, leaderboard_opt_in=True)
    a_customer(api, BOB)
    code = a_code(api, program)
    referral = a_claim(api, code, referee=BOB)
    waiting = a_claim(api, code, referee=CAROL)
    converted = a_purchase(api, customer=BOB)
    doubtful = a_claim(api, code, referee=MALLORY)
    hook = a_standard_source(api, name="Shop backend")
    hook.told({"type": "refund", "order_id": "o-unknown", "refunded_total": money(500), "occurred_at": occurred(api)})
    app_id = app_number(hook.source["id"])
    put_under_review(database, api, doubtful, app_id=app_id)
    given = rewards_to_act_on(api)
    coupon = {"code": [given["coupon"]["coupon"]["code"]]}
    made_key: Any = expect(api.post("/v1/keys", {"name": "Checkout", "scopes": ["write"]}), 201)
    # The list of notifications shows those that have a position, and only they have deliveries.
    database.transact(lambda session: place_and_fan_out(session, app_id=app_id, now=clock.now()))
    return World(
        {
            "program_id": [program["id"]],
            "customer_id": [ALICE.customer_id, BOB.customer_id, CAROL.customer_id],
            "code": [code["code"], code["signed_code"]],
            "signed_code": [code["signed_code"]],
            "app_slug": [slug],
            "token": [a_share_token(api, program)],
            "tag": [ASSETS["share.css"].tag],
            "referral_id": [referral["id"], waiting["id"]],
            "reward_id": list(converted["reward_ids"]),
            "source_id": [hook.source["id"]],
            "inbound_id": [item["id"] for item in items(api, "/v1/inbound-events")],
            "key_id": [made_key["id"]],
            "endpoint_id": [endpoint["id"]],
            "delivery_id": [item["id"] for item in items(api, "/v1/deliveries")][:3],
            "notification_id": [item["id"] for item in items(api, "/v1/notifications")][:3],
        },
        {"/assets/share/{tag}/{name}": {"name": ["share.css"]}}
        | {"/v1/referrals/{referral_id}/approve": {"referral_id": [doubtful["id"]]}}
        | {f"/v1/coupons/{{code}}{act}": coupon for act in ("", "/redeem", "/cancel")}
        | {
            f"/v1/rewards/{{reward_id}}/{act}": {"reward_id": [given[key]["id"]]}
            for act, key in (("accept", "offered"), ("fulfil", "custom"), ("void", "held"))
        },
    )


def a_share_token(api: Api, program: Any) -> str:
    """What opens the referrer's share page."""
    path = f"/v1/customers/{ALICE.customer_id}/share-tokens"
    token: str = expect(api.post(path, {"program_id": program["id"]}), 201)["token"]
    return token


def rewards_to_act_on(api: Api) -> dict[str, Any]:
    """A reward of each kind that something can be done with, by its key."""
    gives: dict[str, Any] = {
        "offered": {"give": {"kind": "points", "quantity": 5}, "accept_within_days": 30},
        "custom": {"give": {"kind": "custom", "data": {"present": "a mug"}}},
        "coupon": {"give": {"kind": "coupon", "percent_off": "15.00", "prefix": "FRIEND"}},
        "held": {"give": {"kind": "credit", "amount_minor": 500}, "hold_days": 30},
    }
    rewards = [{"key": key, "side": "referrer", "on": "converted", **give} for key, give in gives.items()]
    erin = Person("erin", "erin@example.com", "Erin")
    a_claim(api, a_code(api, a_program(api, name="Gifts", rewards=rewards)), referee=erin)
    a_purchase(api, customer=erin)
    return {reward["key"]: reward for reward in items(api, "/v1/rewards")}


def brought_home(part: Any, world: World) -> Any:
    """A part of the document with examples that name what exists: requests that are made from them then get far."""
    home = deepcopy(part)
    waiting: list[Any] = [home]
    while waiting:
        piece = waiting.pop()
        if isinstance(piece, list):
            waiting.extend(piece)
        elif isinstance(piece, dict):
            waiting.extend(piece.values())
            if piece.get("in") == "path" and piece["name"] in world.ids:
                piece["example"] = world.first(piece["name"])
            if isinstance(piece.get("program_id"), str):
                piece["program_id"] = world.first("program_id")
            if isinstance(piece.get("code"), str):
                piece["code"] = world.first("code")
    for template, operations in home.get("paths", {}).items() if isinstance(home, dict) else ():
        for parameter in operations.get("parameters", []):
            if parameter.get("in") == "path":
                parameter["example"] = world.known_to(template)[parameter["name"]][0]
    return home


def money(amount_minor: int) -> dict[str, Any]:
    return {"amount_minor": amount_minor, "currency": "USD"}


def occurred(api: Api) -> str:
    return api.now().strftime("%Y-%m-%dT%H:%M:%SZ")


def app_number(source_id: str) -> int:
    """The app's number, which a source's id carries."""
    return int(source_id.split("_")[1])
