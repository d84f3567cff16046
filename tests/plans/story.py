"""What an app, its people and its worker do in a day, so that every statement of the service is carried out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import combinations
from typing import Any

from clicks.test_bots import CHROME
from contract.published import Operation, operations
from contract.routes import bodies_of, routes
from contract.world import World, a_world, app_number, money, occurred
from flask import Flask
from journeys.earned import a_dispute
from sqlalchemy.orm import Session
from webhooks_in.hooks import Hook, a_standard_source

from builders import Api, a_code, a_customer, a_program, credit, expect, items, purchase_body
from cast import ALICE, BOB, Person
from referral_service.clicks.views import CLICKS
from referral_service.codes.issue_codes import Wish, issue_codes
from referral_service.customers.emails import Emails
from referral_service.journeys.claiming.claim_newcomers import claim_newcomers
from referral_service.journeys.claiming.given import GivenClaim, GivenTouch
from referral_service.journeys.tools import Tools
from referral_service.kit.clock import FixedClock
from referral_service.kit.db.engines import Database
from referral_service.kit.http import wiring
from referral_service.webhooks_out.deliveries.claim import FIRST, claim, is_work_due, take_back
from referral_service.webhooks_out.deliveries.policy import Pace
from referral_service.webhooks_out.deliveries.settle import Attempt, settle
from referral_service.worker import lanes_of

# As many things as one program can promise, and all that bounds it.
TERMS: dict[str, Any] = {
    "eligibility": {"one_program_per_referee": True, "max_referees_per_referrer": 50_000},
    "budget": {"amount_minor": 10**9, "reserve": "claimed"},
    "rewards": [
        {"key": "mug", "side": "referrer", "on": "converted", "give": {"kind": "custom", "data": {"present": "a mug"}}},
        {"key": "off", "side": "referee", "on": "claimed", "give": {"kind": "coupon", "percent_off": "15.00"}},
        {"key": "club", "side": "self", "on": "every_purchase", "give": {"kind": "points", "quantity": 300}},
        credit(key="held", side="referrer", hold_days=10, expires_days=20),
        credit(key="prompt", side="referee", expires_days=5),
        credit(
            key="badge",
            side="referrer",
            cap={"count": 1000},
            milestones=[{"at": n, "amount_minor": 100, "badge": f"{n} friends"} for n in range(1, 10)],
        ),
        {
            "key": "asked",
            "side": "referrer",
            "on": "converted",
            "give": {"kind": "points", "quantity": 5},
            "accept_within_days": 3,
        },
    ],
}
# What cannot be called over and over, or ends the world; or is called by the story itself.
_NOT_CALLED = {
    "POST /v1/hooks/{source_id}",
    "DELETE /v1/sources/{source_id}",
    "DELETE /v1/keys/{key_id}",
    "POST /v1/test-clock/advance",
    "POST /v1/programs/{program_id}/archive",
    "POST /v1/programs/{program_id}/pause",
}


@dataclass(slots=True)
class Stage:
    """A tenant with the world of the contract's tests, and a busy program of its own."""

    app: Flask
    api: Api
    operator: Api
    clock: FixedClock
    database: Database
    world: World
    program: Any
    code: Any
    # Of a program that bounds nobody, where claims need not see each other.
    unbounded: Any
    hook: Hook
    friends: int = 0

    def friend(self) -> Person:
        """Somebody new."""
        self.friends += 1
        name = f"friend-{self.friends}"
        return Person(name, f"{name}@example.com", name.title())


def set_up(app: Flask, api: Api, operator: Api, clock: FixedClock, database: Database, slug: str) -> Stage:
    """Build the small world, and let everything happen once in it."""
    world = a_world(api.client, key=str(api.key), slug=slug, clock=clock, database=database)
    program = a_program(api, name="Busy", **TERMS)
    a_customer(api, ALICE, leaderboard_opt_in=True)
    code = a_code(api, program)
    unbounded = a_code(api, a_program(api, name="Unbounded", **TERMS | {"eligibility": {}}))
    stage = Stage(app, api, operator, clock, database, world, program, code, unbounded, a_standard_source(api))
    for _ in range(2):
        tell(stage)
    work(stage)
    return stage


def tell(stage: Stage) -> None:
    """One more friend: visits, signs up, buys, is refunded in part, spends, buys again, and disputes that."""
    api, friend = stage.api, stage.friend()
    click_token = visit(stage)
    body = {"click_token": click_token, "referee": friend.document()}
    claimed = expect(api.post("/v1/referrals", body, idempotency_key=f"claim-{friend.customer_id}"), 201)
    expect(api.post("/v1/referrals", {"code": stage.code["code"], "referee": ALICE.document()}), 409)
    first, second = f"o-{friend.customer_id}-1", f"o-{friend.customer_id}-2"
    buy(stage, friend, first)
    buy(stage, friend, first)
    expect(api.post("/v1/events", {"events": [purchase_of(stage, friend, f"{first}-{n}") for n in range(3)]}), 200, 207)
    stage.hook.told(refund_of(stage, first, 1000))
    stage.hook.told({"type": "signup", "customer_id": friend.customer_id, "occurred_at": occurred(api)})
    spent = {"unit": "USD", "amount": 100, "reference": "order 7"}
    expect(api.post(f"/v1/customers/{friend.customer_id}/redemptions", spent), 201)
    given = items(api, "/v1/rewards", referral_id=claimed["id"])
    by_key = {reward["key"]: reward for reward in given}
    expect(api.post(f"/v1/rewards/{by_key['mug']['id']}/fulfil"), 200)
    expect(api.post(f"/v1/rewards/{by_key['asked']['id']}/accept"), 200)
    coupon = by_key["off"]["coupon"]["code"]
    expect(api.post(f"/v1/coupons/{coupon}/redeem", {"order_id": second}), 200, 201)
    buy(stage, friend, second)
    a_dispute(api, second, "opened")
    a_dispute(api, second, "won")
    # A purchase whose payer comes later, one whose payer never comes, and a refund before its purchase.
    late = stage.friend()
    stage.hook.told(purchase_of(stage, None, f"o-{late.customer_id}", email=late.email))
    stage.hook.told(purchase_of(stage, None, f"o-{late.customer_id}-x", email=f"x-{late.email}"))
    stage.hook.told(refund_of(stage, f"o-{late.customer_id}-y", 500))
    a_customer(api, late)
    come_together(stage)
    work(stage)


def come_together(stage: Stage) -> None:
    """Several newcomers ask for codes, and others are claimed, in one transaction each; for one a purchase waits."""
    now, app_id = stage.api.now(), app_number(stage.hook.source["id"])
    wishes = [Wish(program_id=stage.program["id"], customer_external_id=stage.friend().customer_id) for _ in range(3)]
    stage.database.transact(lambda session: issue_codes(session, app_id=app_id, wishes=wishes, now=now))
    friends = [stage.friend() for _ in range(3)]
    stage.hook.told(purchase_of(stage, None, f"o-{friends[0].customer_id}", email=friends[0].email))
    service = stage.app.extensions[wiring.EXTENSION]
    tools = Tools(service.key_ring, service.sealer, Emails(service.key_ring.email_index_key()))
    touches = [GivenTouch(code=stage.unbounded["code"])]
    given = [GivenClaim(touches=touches, referee_external_id=it.customer_id, referee_email=it.email) for it in friends]
    outcomes = stage.database.transact(
        lambda session: claim_newcomers(session, tools=tools, app_id=app_id, given=given, now=now)
    )
    assert None not in outcomes


def visit(stage: Stage) -> str:
    """Follow the link, and return the click token."""
    answer = stage.api.client.get(f"/r/{stage.code['signed_code']}?ch=mail", headers={"User-Agent": CHROME})
    stage.app.extensions[CLICKS].flush()
    token: str = answer.headers["Location"].split("ref_click=")[1].split("&")[0]
    return token


def buy(stage: Stage, friend: Person, order_id: str) -> None:
    stage.hook.told(purchase_of(stage, friend, order_id))


def purchase_of(stage: Stage, friend: Person | None, order_id: str, **more: Any) -> dict[str, Any]:
    body = purchase_body(at=stage.api.now(), customer=friend or BOB, order_id=order_id, **more)
    if friend is None:
        del body["customer_id"]
    return body


def refund_of(stage: Stage, order_id: str, amount_minor: int) -> dict[str, Any]:
    told = {"type": "refund", "order_id": order_id, "refunded_total": money(amount_minor)}
    return {**told, "occurred_at": occurred(stage.api)}


def work(stage: Stage) -> None:
    """Let the worker take a turn, and a courier, whose messages arrive or not."""
    service = stage.app.extensions[wiring.EXTENSION]
    for lane in lanes_of(service):
        for step in lane:
            step.take_turn()
            assert not step.rests, step.name
    now = stage.clock.now()
    stage.database.read(lambda session: is_work_due(session, now=now))
    stage.database.transact(lambda session: take_back(session, now=now))
    while stage.database.transact(lambda session: deliver(session, now=now)):
        pass


def deliver(session: Session, *, now: datetime) -> int:
    """Do what a courier does with what is due, as if all of it arrived; gives how much that was."""
    taken, _ = claim(session, now=now, lease=timedelta(seconds=30), after=FIRST, limit=200)
    attempts = [
        Attempt(
            app_id=one.app_id, delivery_id=one.id, endpoint_id=one.endpoint_id, number=one.attempt,
            started_at=now, ended_at=now, duration_ms=1, status=204, error=None, retry_after=None,
        )
        for one in taken
    ]  # fmt: skip
    settle(session, attempts, pace=Pace(), now=now)
    return len(taken)


def read_lists(stage: Stage) -> None:
    """Every list, with every filter, two together, and its second page."""
    for operation in operations():
        names = {it["name"] for it in operation.parameters}
        if "limit" not in names or "cursor" not in names:
            continue
        caller = stage.operator if operation.definition["x-required-scope"] == "operator" else stage.api
        path = operation.path.replace("{program_id}", str(stage.program["id"]))
        for query in _queries(stage, operation):
            page = expect(caller.get(path, limit=20, **query), 200)
            if page["next_cursor"]:
                expect(caller.get(path, limit=20, cursor=page["next_cursor"], **query), 200)


def _queries(stage: Stage, operation: Operation) -> Iterator[dict[str, str]]:
    filters = {
        it["name"]: _values(stage, it)
        for it in operation.parameters
        if it["in"] == "query" and it["name"] not in {"cursor", "limit", "after"}
    }
    yield {}
    for name, values in filters.items():
        for value in values:
            yield {name: value}
    for (one, its), (other, theirs) in combinations(filters.items(), 2):
        for value in its[:3]:
            for another in theirs[:3]:
                yield {one: value, other: another}


def _values(stage: Stage, parameter: dict[str, Any]) -> list[str]:
    known = {"program_id": [stage.program["id"]], "referrer": ["alice", "nobody"], "referee": ["friend-1", "nobody"]}
    known |= {"customer_id": ["alice", "friend-1"], "reason": ["not_new", "unmatched"]}
    known |= {"source_id": [stage.hook.source["id"]]}
    name = parameter["name"]
    return list(parameter["schema"].get("enum") or known.get(name) or stage.world.ids[name][:1])


def read_reports(stage: Stage) -> None:
    """What the busy program has brought, of the last month and of the last year, and who has brought it, from the
    middle on."""
    path, today = f"/v1/programs/{stage.program['id']}", stage.clock.now().date()
    year = {"from": str(today - timedelta(days=300)), "to": str(today)}
    for span in ({}, year):
        told = expect(stage.api.get(f"{path}/stats", **span), 200)
        assert all(told[name] for name in ("clicks", "claims", "conversions", "rewards")), told
    expect(stage.api.get(f"{path}/liability"), 200)
    query: dict[str, Any] = {"limit": 1}
    for _ in range(20):
        page = expect(stage.api.get(f"{path}/leaderboard", **query), 200)
        query["cursor"] = page["next_cursor"]


def open_pages(stage: Stage) -> None:
    """Alice looks at her page of the busy program, and a friend at her invitation."""
    token = expect(stage.api.post("/v1/customers/alice/share-tokens", {"program_id": stage.program["id"]}), 201)[
        "token"
    ]
    for path in (f"/me/{token}", f"/me/{token}/embed", f"/i/{stage.code['signed_code']}"):
        assert stage.api.client.get(path, headers={"User-Agent": CHROME}).status_code == 200, path


def call_everything(stage: Stage) -> None:
    """Every route as its description shows it, what destroys at the very end."""
    for route in sorted(routes(stage.app), key=lambda route: route.method == "DELETE"):
        if route.name in _NOT_CALLED or route.path.startswith("/docs"):
            continue
        caller = stage.operator if route.access and str(route.access.scope) == "operator" else stage.api
        for body in bodies_of(route, stage.world) or [None]:
            answer = caller.call(route.method, stage.world.path(route.path), json=body, headers={"User-Agent": CHROME})
            assert answer.status_code < 500, (route.name, answer.get_data(as_text=True))


def let_time_pass(stage: Stage) -> None:
    """Holds end, offers and credit lapse, deadlines pass, and what is old is put away."""
    for days in (4, 8, 30, 100):
        expect(stage.api.post("/v1/test-clock/advance", {"seconds": days * 86_400}), 200)
        work(stage)
