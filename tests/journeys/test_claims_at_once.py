"""Claims that come at the same time: put into one transaction, and nobody can tell."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from itertools import product
from random import Random
from threading import Event as Signal
from typing import Any

import pytest
from asked import statements
from crowd import Call, found_wrong
from flask import Flask
from patience import WAIT_SECONDS, until
from sqlalchemy import select

from builders import Api, a_code, a_customer, a_program, a_purchase, credit, expect, items
from cast import ALICE, CAROL, MALLORY, Person
from referral_service.customers.emails import Emails
from referral_service.events.given import GivenEvent
from referral_service.events.models import Event
from referral_service.journeys.claiming import claim_intake as intake_module
from referral_service.journeys.claiming.claim import claim
from referral_service.journeys.claiming.claim_newcomers import claim_newcomers
from referral_service.journeys.claiming.decide_claims import ClaimOutcome
from referral_service.journeys.claiming.given import GivenClaim, GivenTouch
from referral_service.journeys.recording.record_events import record_events
from referral_service.journeys.tools import Tools
from referral_service.journeys.views.wiring import CLAIM_INTAKE
from referral_service.kit.clock import FixedClock
from referral_service.kit.db.engines import Database
from referral_service.kit.errors import Problem
from referral_service.kit.http.wiring import EXTENSION, Service
from referral_service.kit.money import Money
from referral_service.notifications.models import Notification
from referral_service.programs.models import Budget
from referral_service.referrals.models import BudgetReservation
from referral_service.tenants.models import App
from referral_service.tenants.open_app import api_source_id, open_app
from referral_service.tenants.tenant import LIVE

PEOPLE = [Person(f"friend-{n}", f"friend-{n}@example.com", "Friend") for n in range(8)]
# What each program asks of a claim, or gives for it.
PROGRAMS: dict[str, dict[str, Any]] = {
    "plain": {},
    "welcome": {
        "rewards": [credit(key="welcome", side="referee", amount_minor=300) | {"on": "claimed"}],
        "budget": {"amount_minor": 100_000, "reserve": "claimed"},
    },
    # For the first three who come.
    "first": {
        "rewards": [credit(key="welcome", side="referee", amount_minor=300) | {"on": "claimed"}],
        "budget": {"amount_minor": 900},
    },
    # Nothing is given yet, and all that it may cost is set aside. (Were it too little, those of one transaction whom
    # it is set aside for would go before those who have bought already.)
    "promised": {"budget": {"amount_minor": 100_000, "reserve": "claimed"}},
    "only": {"eligibility": {"one_program_per_referee": True}},
    "plus": {"eligibility": {"referee_audience": {"plan": ["plus"]}}},
    "buyers": {"eligibility": {"referrer_has_purchased": True}},
    "few": {"eligibility": {"max_referees_per_referrer": 2}},
    "clicks": {"attribution": {"evidence": ["link"]}},
}
REFERRERS = [ALICE, MALLORY]


def tools_of(app: Flask) -> Tools:
    service: Service = app.extensions[EXTENSION]
    return Tools(service.key_ring, service.sealer, Emails(service.key_ring.email_index_key()))


# -- over HTTP ----------------------------------------------------------------------------------------------------


@pytest.fixture
def together(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """How many claims were put together, and how many of these were made so."""
    sizes: list[tuple[int, int]] = []

    def counted(*args: Any, **kwargs: Any) -> list[ClaimOutcome | None]:
        outcomes = claim_newcomers(*args, **kwargs)
        sizes.append((len(outcomes), len([it for it in outcomes if it is not None])))
        return outcomes

    monkeypatch.setattr(intake_module, "claim_newcomers", counted)
    return sizes


def claimed(api: Api, code: Any, referee: dict[str, Any], **more: Any) -> Call:
    own = Api(api.client.application.test_client(), key=api.key, clock=api.clock)
    return lambda: own.post("/v1/referrals", {"code": code["code"], "referee": referee}, **more)


@pytest.fixture
def at_once(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Callable[[Sequence[Call]], list[Any]]:
    """Sends claims while the first is held up: the others wait for it."""
    is_held, may_go = Signal(), Signal()

    def held(*args: Any, **kwargs: Any) -> ClaimOutcome:
        is_held.set()
        assert may_go.wait(WAIT_SECONDS)
        return claim(*args, **kwargs)

    def send(calls: Sequence[Call]) -> list[Any]:
        intake = app.extensions[CLAIM_INTAKE]
        with ThreadPoolExecutor(len(calls)) as threads:
            sent = [threads.submit(calls[0])]
            assert is_held.wait(WAIT_SECONDS)
            for number, call in enumerate(calls[1:], start=1):
                sent.append(threads.submit(call))
                until(lambda number=number: intake.waiting == number)  # type: ignore[misc]
            may_go.set()
            return [one.result() for one in sent]

    monkeypatch.setattr(intake_module, "claim", held)
    return send


def test_newcomers_that_come_together_are_each_answered_for_themselves(
    api: Api, app: Flask, clock: FixedClock, at_once: Any, together: list[tuple[int, int]]
) -> None:
    code = a_code(api, a_program(api))
    answers = at_once([claimed(api, code, person.document()) for person in PEOPLE])
    assert [answer.status_code for answer in answers] == [201] * len(PEOPLE)
    assert together == [(7, 7)]
    for answer, person in zip(answers, PEOPLE, strict=True):
        assert (answer.json["referrer"], answer.json["referee"], answer.json["state"]) == (
            {"customer_id": ALICE.customer_id},
            {"customer_id": person.customer_id},
            "pending",
        )
        assert expect(api.get(f"/v1/referrals/{answer.json['id']}"), 200) == answer.json
        assert expect(api.get(f"/v1/customers/{person.customer_id}"), 200)["email"] == person.email
    assert found_wrong(app, clock) == []


def test_who_is_known_or_comes_twice_or_brings_nothing_valid_is_answered_as_ever(
    api: Api, app: Flask, clock: FixedClock, at_once: Any, together: list[tuple[int, int]]
) -> None:
    code, other = (
        a_code(api, a_program(api)),
        a_code(api, a_program(api, eligibility={"referee_audience": {"p": ["x"]}})),
    )
    theirs = a_code(api, {"id": code["program_id"]}, referrer=MALLORY)
    a_customer(api, CAROL)
    nobody, bob = {"customer_id": "nobody"}, {"customer_id": "bob"}
    answers = at_once(
        [
            claimed(api, code, {"customer_id": "first"}),
            claimed(api, code, bob),
            claimed(api, theirs, bob),
            claimed(api, code, bob),
            claimed(api, code, CAROL.document()),
            claimed(api, {"code": "NO-SUCH-CODE"}, nobody),
            claimed(api, other, {"customer_id": "unwanted"}),
            claimed(api, code, {"customer_id": "alice"}),
            claimed(api, code, {"customer_id": "late"}),
        ]
    )
    assert [(it.status_code, it.json.get("code", it.json.get("state"))) for it in answers] == [
        (201, "pending"),
        (201, "pending"),
        (409, "already_referred"),
        (200, "pending"),
        (201, "pending"),
        (404, "code_not_found"),
        (409, "not_eligible_referee"),
        (409, "self_referral"),
        (201, "pending"),
    ]
    # Bob's first claim, the one that is refused and kept, and the last.
    assert together == [(8, 3)]
    assert api.get("/v1/customers/nobody").status_code == 404
    assert found_wrong(app, clock) == []


@pytest.mark.parametrize("email", [None, "bob@example.com"])
def test_what_a_friend_may_cost_is_set_aside_with_or_without_an_address(
    api: Api, database: Database, email: str | None
) -> None:
    code = a_code(api, a_program(api, budget={"amount_minor": 2000, "reserve": "claimed"}))
    for referee in ("bob", "carol"):
        address = {} if email is None else {"email": email.replace("bob", referee)}
        expect(claimed(api, code, {"customer_id": referee, **address})(), 201)
    (used,) = database.read(lambda session: list(session.scalars(select(Budget.used_minor))))
    set_aside = database.read(lambda session: list(session.scalars(select(BudgetReservation.amount_minor))))
    assert (used, sorted(set_aside)) == (2000, [500, 1500])


def test_claims_with_a_key_of_their_own_stay_by_themselves(api: Api, together: list[tuple[int, int]]) -> None:
    code = a_code(api, a_program(api))
    keyed = [claimed(api, code, {"customer_id": "bob"}, idempotency_key="k") for _ in range(2)]
    first, again = keyed[0](), keyed[1]()
    assert (first.status_code, again.status_code) == (201, 201)
    assert (again.data, again.headers["Idempotency-Replayed"]) == (first.data, "true")
    assert together == []


# -- as one after another -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Wish:
    """A claim that somebody makes, by the names of this test."""

    referee: str
    email: str | None
    program: str
    referrer: str


def _wishes() -> list[Wish]:
    """Everybody for every program (and for one that is not there), by both referrers."""
    wishes = []
    for number, (program, who) in enumerate(product([*PROGRAMS, "none"], REFERRERS)):
        addresses = {
            "silent": None,
            "plain": f"plain-{number}@example.com",
            "odd": "no address",
            # A mailbox of the first referrer's.
            "self": f"alice+{number}@example.com",
            # The same, so written that it is no address and is not kept.
            "dotted": f"alice+{number}@example.com..",
            # Purchases wait for them, which were made just now or long ago.
            "buyer": f"buyer-{number}@example.com",
            "veteran": f"veteran-{number}@example.com",
            # Two others have this address, too, and purchases wait for whoever it is.
            "shared": f"shared-{number}@example.com",
            "known": f"known-{number}@example.com",
        }
        wishes += [Wish(f"{kind}-{number}", email, program, who.customer_id) for kind, email in addresses.items()]
        # Two who share an address for which purchases wait, and one who is claimed by both.
        wishes.append(Wish(f"twin-{number}", f"twins-{program}@example.com", program, who.customer_id))
        wishes.append(Wish(f"again-{program}", None, program, who.customer_id))
    return wishes


WISHES = _wishes()


@dataclass(frozen=True)
class World:
    """An app with every program."""

    api: Api
    database: Database
    app_id: int
    codes: dict[tuple[str, str], str]

    def given(self, wish: Wish) -> GivenClaim:
        touches = [GivenTouch(code=self.codes.get((wish.program, wish.referrer), "NO-SUCH-CODE"))]
        return GivenClaim(touches=touches, referee_external_id=wish.referee, referee_email=wish.email)

    def told(self) -> dict[str, Any]:
        """What the app can see, without ids."""
        programs = {program["id"]: program["name"] for program in items(self.api, "/v1/programs")}
        referrals = items(self.api, "/v1/referrals")
        names = {
            row["id"]: (programs[row["program_id"]], row["referrer"]["customer_id"], row["referee"]["customer_id"])
            for row in referrals
        }
        rewards = items(self.api, "/v1/rewards")
        names |= {row["id"]: (names[row["referral_id"]], row["key"]) for row in rewards}
        notes = self.database.read(
            lambda session: list(session.scalars(select(Notification).where(Notification.app_id == self.app_id)))
        )
        events = self.database.read(
            lambda session: list(session.scalars(select(Event).where(Event.app_id == self.app_id)))
        )
        people = {wish.referee for wish in WISHES if wish.program in ("plain", "none")}
        return {
            "referrals": sorted((names[row["id"]], row["state"], row["reason"] or "") for row in referrals),
            "rewards": sorted((names[row["id"]], row["customer_id"], row["state"]) for row in rewards),
            # What several rewards of one transaction add to a balance is told once.
            "notes": sorted((it.type, str(names[it.object_id]), it.sequence) for it in notes if it.object_id in names),
            "balances": {
                who.customer_id: expect(self.api.get(f"/v1/customers/{who.customer_id}/balances"), 200)
                for who in REFERRERS
            },
            "budgets": self._rows(Budget, programs, "used_minor", "used_count", "level", "sequence"),
            "set aside": self._rows(BudgetReservation, names, "amount_minor", "count", "state"),
            "events": sorted((it.external_id, it.outcome, it.reason or "") for it in events),
            "people": {who: self.api.get(f"/v1/customers/{who}").json.get("email", "unknown") for who in people},
        }

    def _rows(self, model: Any, names: dict[str, Any], *columns: str) -> list[Any]:
        """These columns of the app's rows, by the name of what they are about."""
        rows = self.database.read(
            lambda session: list(session.scalars(select(model).where(model.app_id == self.app_id)))
        )
        about = "program_id" if model is Budget else "referral_id"
        return sorted((names[getattr(row, about)], *(getattr(row, column) for column in columns)) for row in rows)


def a_world(api: Api, database: Database, clock: FixedClock, tools: Tools) -> World:
    tenant = database.transact(lambda session: open_app(session, name="Shop", mode=LIVE, actor="cli", now=clock.now()))
    own = api.with_key(tenant.key.secret)
    codes: dict[tuple[str, str], str] = {}
    for name, terms in PROGRAMS.items():
        program = a_program(own, name=name, **terms)
        codes |= {(name, who.customer_id): a_code(own, program, referrer=who)["code"] for who in REFERRERS}
    a_customer(own, ALICE)
    a_purchase(own, customer=MALLORY, event_id="e-mallory")
    for wish in WISHES:
        kind = wish.referee.split("-")[0]
        for name in {"known": [wish.referee], "shared": [f"one-{wish.email}", f"other-{wish.email}"]}.get(kind, []):
            a_customer(own, Person(name, wish.email or "", "Known"))
    app_id = tenant.tenant.app_id
    long_ago = own.now() - timedelta(days=90)
    bought = [
        GivenEvent(
            external_id=f"e-{wish.referee}",
            type="purchase",
            occurred_at=long_ago if wish.referee.startswith("veteran") else own.now(),
            email=wish.email,
            aliases=[wish.referee],
            amount=Money(5000, "USD"),
        )
        for wish in WISHES
        if wish.referee.startswith(("buyer", "veteran", "shared", "twin"))
    ]
    answers = database.transact(
        lambda session: record_events(
            session, tools=tools, app_id=app_id, source_id=api_source_id(app_id), given=bought, now=own.now()
        )
    )
    assert {answer.outcome for answer in answers} == {"parked"}
    return World(own, database, app_id, codes)


@pytest.mark.parametrize("seed", [1, 2])
def test_claims_made_together_come_to_what_they_come_to_one_after_another(
    api: Api, app: Flask, database: Database, clock: FixedClock, seed: int
) -> None:
    tools = tools_of(app)
    now = clock.now()
    wishes = Random(seed).sample(WISHES, len(WISHES))

    def one(world: World, wish: Wish) -> tuple[str, str]:
        try:
            outcome = database.transact(
                lambda session: claim(session, tools=tools, app_id=world.app_id, given=world.given(wish), now=now)
            )
        except Problem as problem:
            return problem.code, ""
        return _told(outcome)

    several, each = (a_world(api, database, clock, tools) for _ in range(2))
    outcomes = database.transact(
        lambda session: claim_newcomers(
            session, tools=tools, app_id=several.app_id, given=[several.given(wish) for wish in wishes], now=now
        )
    )
    made = {wish: _told(outcome) for wish, outcome in zip(wishes, outcomes, strict=True) if outcome is not None}
    left = [wish for wish in wishes if wish not in made]
    assert made == {wish: one(each, wish) for wish in made}
    assert {wish: one(several, wish) for wish in left} == {wish: one(each, wish) for wish in left}
    assert several.told() == each.told()
    assert found_wrong(app, clock) == []
    kinds = {wish.referee.split("-")[0] for wish in made}
    assert kinds == {"dotted", "silent", "plain", "odd", "self", "buyer", "veteran", "shared", "twin", "again"}
    assert {wish.program for wish in made} == PROGRAMS.keys() - {"few", "clicks"}


def _told(outcome: ClaimOutcome) -> tuple[str, str]:
    return outcome.kind, f"{outcome.referral.state} {outcome.reason} {outcome.referral.sequence}"


def test_many_newcomers_take_as_many_statements_as_two(api: Api, app: Flask, database: Database) -> None:
    tools = tools_of(app)
    code = a_code(api, a_program(api))["code"]
    app_id = _app_of(database)

    def asked(*referees: str) -> int:
        given = [GivenClaim(touches=[GivenTouch(code=code)], referee_external_id=referee) for referee in referees]
        with statements(database) as counted:
            outcomes = database.transact(
                lambda session: claim_newcomers(session, tools=tools, app_id=app_id, given=given, now=api.now())
            )
        assert None not in outcomes
        return len(counted)

    asked("warm", "up")
    assert asked(*(f"c{n}" for n in range(40))) == asked("a", "b") <= 8


def _app_of(database: Database) -> int:
    return database.read(lambda session: session.execute(select(App.id)).scalar_one())
