"""A kept message once more: what is done stays, what waited is done."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select, update
from webhooks_in import stripe_bodies as bodies
from webhooks_in.hooks import a_standard_source, a_stripe_source

from builders import Api, a_claim, a_code, a_program, expect, items, purchase_body
from referral_service.kit.clock import FixedClock
from referral_service.kit.db.engines import Database
from referral_service.tenants.create_key import create_key
from referral_service.tenants.open_app import OpenedApp
from referral_service.tenants.scopes import Scope
from referral_service.webhooks_in.blank_bodies import blank_bodies_of, blank_old_bodies
from referral_service.webhooks_in.models import InboundEvent


def only_one(api: Api) -> str:
    (row,) = items(api, "/v1/inbound-events")
    found: str = row["id"]
    return found


def bodies_kept(database: Database) -> list[bool]:
    with database.read_engine.connect() as connection:
        return [body is not None for body in connection.execute(select(InboundEvent.body_ct)).scalars()]


def test_replaying_what_is_done_changes_nothing(api: Api) -> None:
    a_claim(api, a_code(api, a_program(api)))
    hook = a_standard_source(api)
    first = hook.told(purchase_body(at=api.now()))
    before = items(api, "/v1/rewards")
    for _ in range(2):
        again = expect(api.post(f"/v1/inbound-events/{only_one(api)}/replay"), 200)
        assert again == {**first, "duplicate": True}
    assert items(api, "/v1/rewards") == before


def test_a_payment_that_was_ahead_of_its_time_is_taken_by_a_replay(api: Api, clock: FixedClock) -> None:
    a_claim(api, a_code(api, a_program(api)))
    a_standard_source(api).told(purchase_body(at=api.now() + timedelta(minutes=5)))
    path = f"/v1/inbound-events/{only_one(api)}/replay"
    early = expect(api.post(path), 200)
    assert (early["outcome"], early["reason"], early["duplicate"]) == ("parked", "occurred_in_future", True)
    clock.advance(timedelta(minutes=5))
    late = expect(api.post(path), 200)
    assert (late["outcome"], late["duplicate"]) == ("converted", False)
    assert [row["state"] for row in items(api, "/v1/inbound-events")] == ["processed"]


def test_a_replay_asks_for_no_fresh_signature_and_works_after_the_source_is_gone(api: Api, clock: FixedClock) -> None:
    a_claim(api, a_code(api, a_program(api)))
    hook = a_standard_source(api)
    hook.told(purchase_body(at=api.now() + timedelta(minutes=5)))
    clock.advance(timedelta(days=1))
    assert api.delete(f"/v1/sources/{hook.source['id']}").status_code == 204
    assert expect(api.post(f"/v1/inbound-events/{only_one(api)}/replay"), 200)["outcome"] == "converted"


@pytest.mark.parametrize("raw", [b"not JSON", b'{"id": 7, "type": "charge.refunded"}'])
def test_what_cannot_be_read_stays_parked(api: Api, raw: bytes) -> None:
    first = a_stripe_source(api).told(raw)
    again = expect(api.post(f"/v1/inbound-events/{only_one(api)}/replay"), 200)
    assert again == {**first, "duplicate": True}


def test_what_means_nothing_stays_ignored(api: Api) -> None:
    a_stripe_source(api).told(bodies.event("customer.created", {}))
    assert expect(api.post(f"/v1/inbound-events/{only_one(api)}/replay"), 200)["outcome"] == "ignored"


def test_another_app_replays_nothing_of_this_one(api: Api, trial_tenant: OpenedApp) -> None:
    a_standard_source(api).told(purchase_body(at=api.now()))
    other = api.with_key(trial_tenant.key.secret)
    answer = other.post(f"/v1/inbound-events/{only_one(api)}/replay")
    assert expect(answer, 404)["code"] == "inbound_event_not_found"
    assert items(other, "/v1/inbound-events") == []


@pytest.mark.parametrize("odd", ["inb_1", "%00", "evt_01k0c7q2v8f3w9n5x4z6t1r0me", "inb_01k0c7q2v8f3w9n5x4z6t1r0me"])
def test_what_is_no_inbound_event_is_not_found(api: Api, odd: str) -> None:
    assert api.post(f"/v1/inbound-events/{odd}/replay").status_code == 404


def test_a_reader_may_look_and_not_replay(api: Api, tenant: OpenedApp, database: Database, clock: FixedClock) -> None:
    a_standard_source(api).told(purchase_body(at=api.now()))
    made = database.transact(
        lambda session: create_key(
            session, tenant=tenant.tenant, name="Reader", scopes=[Scope.READ], actor="cli", now=clock.now()
        )
    )
    reader = api.with_key(made.secret)
    assert reader.post(f"/v1/inbound-events/{only_one(reader)}/replay").status_code == 403
    assert reader.post("/v1/sources", {"provider": "standard"}).status_code == 403


# --- bodies are not kept for ever ----------------------------------------------------------------------------


def test_a_body_that_is_no_longer_kept_cannot_be_replayed(api: Api, database: Database, clock: FixedClock) -> None:
    a_standard_source(api).told(purchase_body(at=api.now()))
    clock.advance(timedelta(days=30))
    assert _blank_old(database, clock) == 0
    clock.advance(timedelta(seconds=1))
    assert _blank_old(database, clock) == 1
    assert _blank_old(database, clock) == 0
    answer = api.post(f"/v1/inbound-events/{only_one(api)}/replay")
    assert expect(answer, 409)["code"] == "body_no_longer_kept"
    assert [row["state"] for row in items(api, "/v1/inbound-events")] == ["parked"]


def test_old_bodies_are_emptied_a_portion_at_a_time(api: Api, database: Database, clock: FixedClock) -> None:
    hook = a_standard_source(api)
    for _ in range(3):
        hook.told(purchase_body(at=api.now()))
    clock.advance(timedelta(days=31))
    assert [_blank_old(database, clock, limit=2) for _ in range(3)] == [2, 1, 0]


def test_a_persons_bodies_are_emptied_and_nobody_elses(api: Api, database: Database) -> None:
    hook = a_stripe_source(api)
    for who, payment in (("bob", "pi_1"), ("carol", "pi_2")):
        paid = bodies.session(id=f"cs_{who}", payment_intent=payment, metadata={"referral_customer_id": who})
        hook.told(bodies.event("checkout.session.completed", paid, event_id=f"evt_{who}"))
    # It names no person, only the payment.
    hook.told(bodies.event("charge.refunded", bodies.charge(), event_id="evt_refund"))
    with database.write_engine.begin() as connection:
        # As if the person had been found only after the messages came.
        connection.execute(update(InboundEvent).values(customer_id=None))
    assert database.transact(lambda session: blank_bodies_of(session, app_id=1, customer_id=_cus(database, "bob"))) == 2
    assert sorted(bodies_kept(database)) == [False, False, True]


def _blank_old(database: Database, clock: FixedClock, *, limit: int = 100) -> int:
    return database.transact(lambda session: blank_old_bodies(session, app_id=1, now=clock.now(), limit=limit))


def _cus(database: Database, external_id: str) -> str:
    from referral_service.customers.ensure_customers import find_customers

    return database.read(lambda session: find_customers(session, app_id=1, external_ids=[external_id]))[external_id]
