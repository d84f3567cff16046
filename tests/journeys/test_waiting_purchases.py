"""A purchase whose payer is known only by an e-mail waits until exactly one customer turns out to have that e-mail."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import text
from webhooks_in import stripe_bodies as bodies
from webhooks_in.hooks import Hook, a_stripe_source

from builders import Api, a_claim, a_code, a_customer, a_program, both_sides, expect, items, purchase_body
from cast import ALICE, BOB, CAROL, MALLORY
from referral_service.journeys.coming_due import run_due as the_worker
from referral_service.journeys.coming_due.run_due import STEPS, run_due
from referral_service.kit.clock import FixedClock
from referral_service.kit.db.engines import Database
from referral_service.tenants.open_app import OpenedApp


def paid_by_bob(hook: Hook, **more: Any) -> Any:
    return hook.told(bodies.event("checkout.session.completed", bodies.session(**more)))


def claims_without_address(api: Api, code: Any) -> Any:
    return expect(api.post("/v1/referrals", {"code": code["code"], "referee": {"customer_id": "bob"}}), 201)


def states(api: Api, **query: str) -> list[str]:
    return [referral["state"] for referral in items(api, "/v1/referrals", **query)]


def addresses_waiting(database: Database) -> int:
    count = text("SELECT count(*) FROM purchases WHERE payer_email_index IS NOT NULL")
    return int(database.read(lambda session: session.execute(count).scalar_one()))


def owners(database: Database) -> list[str | None]:
    of = text("SELECT c.external_id FROM purchases p LEFT JOIN customers c ON c.id = p.customer_id")
    return [row[0] for row in database.read(lambda session: session.execute(of).all())]


def test_same_claim_again_with_the_address_adopts_the_purchase_and_converts(api: Api) -> None:
    code = a_code(api, a_program(api))
    referral = claims_without_address(api, code)
    answer = paid_by_bob(a_stripe_source(api))
    assert (answer["outcome"], answer["reason"]) == ("parked", "no_customer")
    again = expect(api.post("/v1/referrals", {"code": code["code"], "referee": BOB.document()}), 200)
    assert (again["id"], again["state"]) == (referral["id"], "converted")
    assert states(api) == ["converted"]
    assert len(items(api, "/v1/rewards")) == 2


def test_a_claim_in_a_second_program_settles_the_first_program_too(api: Api) -> None:
    first, second = a_code(api, a_program(api)), a_code(api, a_program(api, name="Second"))
    claims_without_address(api, first)
    paid_by_bob(a_stripe_source(api))
    assert a_claim(api, second, referee=BOB)["state"] == "converted"
    assert states(api) == ["converted", "converted"]
    assert len(items(api, "/v1/rewards")) == 4


def test_a_claim_that_is_refused_settles_what_it_brought_to_light(api: Api) -> None:
    program = a_program(api)
    claims_without_address(api, a_code(api, program))
    carols = a_code(api, program, referrer=CAROL)
    paid_by_bob(a_stripe_source(api))
    expect(api.post("/v1/referrals", {"code": carols["code"], "referee": BOB.document()}), 409)
    assert states(api, state="converted", referrer=ALICE.customer_id) == ["converted"]
    assert len(items(api, "/v1/rewards")) == 2


def test_inbound_message_says_that_the_purchase_that_waited_has_converted(api: Api) -> None:
    code = a_code(api, a_program(api))
    claims_without_address(api, code)
    paid_by_bob(a_stripe_source(api))
    assert [row["state"] for row in items(api, "/v1/inbound-events")] == ["parked"]
    expect(api.post("/v1/referrals", {"code": code["code"], "referee": BOB.document()}), 200)
    assert [row["state"] for row in items(api, "/v1/inbound-events")] == ["processed"]


def test_a_claim_adopts_nothing_under_an_address_that_two_customers_have(
    api: Api, database: Database, clock: FixedClock
) -> None:
    code = a_code(api, a_program(api))
    a_customer(api, BOB)
    a_customer(api, MALLORY, email=BOB.email)
    answer = paid_by_bob(a_stripe_source(api))
    assert (answer["outcome"], answer["reason"]) == ("parked", "ambiguous_email")
    for person in (MALLORY, BOB):
        claim = {"code": code["code"], "referee": {"customer_id": person.customer_id, "email": BOB.email}}
        assert expect(api.post("/v1/referrals", claim), 201)["state"] == "pending"
    run_due(database, clock=clock)
    assert states(api) == ["pending", "pending"]
    assert items(api, "/v1/rewards") == []
    assert (owners(database), addresses_waiting(database)) == ([None], 1)


def test_the_worker_matches_once_exactly_one_customer_has_the_address(
    api: Api, database: Database, clock: FixedClock
) -> None:
    code = a_code(api, a_program(api))
    a_customer(api, BOB)
    a_customer(api, MALLORY, email=BOB.email)
    paid_by_bob(a_stripe_source(api))
    for person in (MALLORY, BOB):
        expect(api.post("/v1/referrals", {"code": code["code"], "referee": {"customer_id": person.customer_id}}), 201)
    a_customer(api, MALLORY)
    assert run_due(database, clock=clock) == 1
    assert states(api, referee=BOB.customer_id) == ["converted"]
    assert states(api, referee=MALLORY.customer_id) == ["pending"]
    assert (owners(database), addresses_waiting(database)) == (["bob"], 0)


def test_the_worker_forgets_an_address_that_nobody_came_for_in_thirty_days(
    api: Api, database: Database, clock: FixedClock
) -> None:
    code = a_code(api, a_program(api))
    paid_by_bob(a_stripe_source(api))
    clock.advance(timedelta(days=30))
    run_due(database, clock=clock)
    assert addresses_waiting(database) == 1
    clock.advance(timedelta(seconds=1))
    assert run_due(database, clock=clock) == 1
    assert addresses_waiting(database) == 0
    assert a_claim(api, code, referee=BOB)["state"] == "pending"
    assert owners(database) == [None]


def test_an_ambiguous_address_is_forgotten_after_thirty_days_too(
    api: Api, database: Database, clock: FixedClock
) -> None:
    a_customer(api, BOB)
    a_customer(api, MALLORY, email=BOB.email)
    paid_by_bob(a_stripe_source(api))
    clock.advance(timedelta(days=31))
    assert run_due(database, clock=clock) == 1
    assert addresses_waiting(database) == 0


def test_erasing_its_owner_forgets_the_address_a_purchase_waits_under(api: Api, database: Database) -> None:
    a_customer(api, BOB)
    a_customer(api, MALLORY, email=BOB.email)
    paid_by_bob(a_stripe_source(api))
    expect(api.delete("/v1/customers/bob"), 204)
    assert addresses_waiting(database) == 0


def test_the_worker_serves_the_other_apps_when_one_fails_and_says_so_at_the_end(
    api: Api,
    trial_api: Api,
    tenant: OpenedApp,
    database: Database,
    clock: FixedClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for one in (api, trial_api):
        a_claim(one, a_code(one, a_program(one, rewards=both_sides(hold_days=14))))
        expect(one.post("/v1/events", purchase_body(at=one.now())), 201)
    clock.advance(timedelta(days=15))
    spoiled = tenant.tenant.app_id

    def unless_spoiled(step: the_worker.Step, session: Any, **when: Any) -> int:
        if when["app_id"] == spoiled:
            raise RuntimeError("This app is spoiled.")
        return step(session, **when)

    monkeypatch.setattr(the_worker, "STEPS", tuple(partial(unless_spoiled, step) for step in STEPS))
    # The app that fails has the smaller number, so it comes first.
    with pytest.raises(RuntimeError, match="spoiled"):
        run_due(database, clock=clock)
    assert {reward["state"] for reward in items(api, "/v1/rewards")} == {"pending"}
    assert {reward["state"] for reward in items(trial_api, "/v1/rewards")} == {"available"}
