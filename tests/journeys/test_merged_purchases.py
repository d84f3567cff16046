"""Two purchases that a later message shows to be one: nothing that was known of either is lost."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from threading import Event
from typing import Any

import pytest
from journeys.earned import rows
from journeys.subscriptions import joined, paid, refunded, subscribed
from sqlalchemy import event
from webhooks_in import stripe_bodies as bodies
from webhooks_in.hooks import Hook, a_stripe_source

from builders import Api, a_claim, a_code, a_program, a_purchase, both_sides, expect, items
from cast import BOB, CAROL
from referral_service.app import create_app
from referral_service.config import Settings
from referral_service.doctor.run import examine
from referral_service.journeys.coming_due.run_due import run_due
from referral_service.kit.clock import FixedClock, format_rfc3339
from referral_service.kit.db.engines import Database

WAIT_SECONDS = 30
MERGED = "SELECT count(*) FROM purchases WHERE merged_into IS NOT NULL"
REVERSED = {("referrer", "clawed_back", "refunded"), ("referee", "clawed_back", "refunded")}
AVAILABLE = {("referrer", "available", "hold_ended"), ("referee", "available", "hold_ended")}


def disputed(hook: Hook, kind: str, *, event_id: str, **more: Any) -> Any:
    return hook.told(bodies.event(f"charge.dispute.{kind}", bodies.dispute(**more), event_id=event_id))


def rewards(api: Api) -> set[tuple[str, str, str | None]]:
    return {(reward["side"], reward["state"], reward["reason"]) for reward in items(api, "/v1/rewards")}


def states(api: Api) -> list[str]:
    return [referral["state"] for referral in items(api, "/v1/referrals")]


def faults(database: Database, clock: FixedClock) -> list[str]:
    """What the doctor finds wrong with the books, whatever the tests' database is configured like."""
    report = database.read(lambda session: examine(session, settings=None, now=clock.now()))
    return [
        f"{check.invariant} {one}" for check in report.checks if check.invariant != "I15" for one in check.violations
    ]


def test_a_repeating_message_brings_the_refund_that_waited_to_its_purchase(
    api: Api, database: Database, clock: FixedClock
) -> None:
    a_claim(api, a_code(api, a_program(api)))
    hook = a_stripe_source(api)
    assert subscribed(hook)["outcome"] == "converted"
    waiting = refunded(hook)
    assert (waiting["outcome"], waiting["reason"]) == ("parked", "no_purchase")
    assert rewards(api) == AVAILABLE
    joined(hook)
    assert rewards(api) == REVERSED
    assert [(row["state"], row["reason"]) for row in items(api, "/v1/referrals")] == [("reversed", "refunded")]
    assert rows(database, "SELECT outcome, reason FROM events WHERE external_id = 'evt_refund'") == [
        ("reversed", "refunded")
    ]
    assert {row["state"] for row in items(api, "/v1/inbound-events")} == {"processed"}
    assert faults(database, clock) == []


@pytest.mark.parametrize("hold_days", [0, 14])
def test_names_that_lead_to_two_peoples_purchases_merge_nothing(
    api: Api, database: Database, clock: FixedClock, hold_days: int
) -> None:
    code = a_code(api, a_program(api, rewards=both_sides(hold_days=hold_days)))
    mine, hers = a_claim(api, code, referee=BOB), a_claim(api, code, referee=CAROL)
    hook = a_stripe_source(api)
    assert subscribed(hook)["outcome"] == "converted"
    assert paid(hook, receipt_email=CAROL.email)["outcome"] == "converted"
    assert joined(hook)["duplicate"] is True
    assert states(api) == ["converted", "converted"]
    assert rows(database, f"{MERGED} OR customer_id IS NULL") == [(0,)]
    clock.advance(timedelta(hours=1))
    for referral, person in ((mine, BOB), (hers, CAROL)):
        expect(api.get(f"/v1/referrals/{referral['id']}/explain"), 200)
        assert a_purchase(api, customer=person)["outcome"] == "recorded"
    signup = {"id": "e-signup", "type": "signup", "customer_id": "carol", "occurred_at": format_rfc3339(api.now())}
    expect(api.post("/v1/events", signup), 201)
    clock.advance(timedelta(days=15))
    run_due(database, clock=clock)
    assert rewards(api) == AVAILABLE
    assert len(items(api, "/v1/rewards")) == 4
    assert faults(database, clock) == []


def test_a_refund_of_one_of_two_peoples_purchases_takes_only_that_one_back(api: Api) -> None:
    code = a_code(api, a_program(api))
    a_claim(api, code, referee=BOB)
    hers = a_claim(api, code, referee=CAROL)
    hook = a_stripe_source(api)
    subscribed(hook)
    paid(hook, receipt_email=CAROL.email)
    joined(hook)
    assert refunded(hook)["outcome"] == "reversed"
    assert {(row["id"] == hers["id"], row["state"]) for row in items(api, "/v1/referrals")} == {
        (True, "reversed"),
        (False, "converted"),
    }


def test_a_merge_keeps_the_address_a_purchase_waits_under(api: Api, database: Database) -> None:
    code = a_code(api, a_program(api))
    hook = a_stripe_source(api)
    assert subscribed(hook)["reason"] == "no_customer"
    paid(hook)
    joined(hook)
    assert rows(database, MERGED) == [(1,)]
    assert a_claim(api, code, referee=BOB)["state"] == "converted"
    assert len(items(api, "/v1/rewards")) == 2


def test_a_merge_keeps_the_address_that_only_the_younger_purchase_has(api: Api) -> None:
    code = a_code(api, a_program(api))
    hook = a_stripe_source(api)
    subscribed(hook, customer_details=None)
    paid(hook, receipt_email=BOB.email)
    joined(hook)
    assert a_claim(api, code, referee=BOB)["state"] == "converted"


@pytest.mark.parametrize("lost_came_first", [False, True])
def test_a_merge_keeps_the_further_state_of_a_dispute_that_both_have(
    api: Api, database: Database, clock: FixedClock, lost_came_first: bool
) -> None:
    a_claim(api, a_code(api, a_program(api)))
    hook = a_stripe_source(api)
    told = [
        lambda: disputed(hook, "created", event_id="evt_opened", payment_intent=None),
        lambda: disputed(hook, "closed", event_id="evt_lost", charge=None, status="lost"),
    ]
    for tell in reversed(told) if lost_came_first else told:
        tell()
    assert sorted(rows(database, "SELECT dispute_key, state FROM disputes")) == [("du_1", "lost"), ("du_1", "opened")]
    # This one names both the charge and the payment intent.
    paid(hook, receipt_email=BOB.email)
    assert rows(database, "SELECT dispute_key, state FROM disputes") == [("du_1", "lost")]
    assert {(state, reason) for _, state, reason in rewards(api)} == {("voided", "dispute_lost")}
    assert [(row["state"], row["reason"]) for row in items(api, "/v1/referrals")] == [("reversed", "dispute_lost")]
    assert faults(database, clock) == []


def test_a_refund_that_waited_for_the_merger_lands_on_the_purchase_that_carries_on(
    api: Api, settings: Settings, database: Database, database_kind: str, clock: FixedClock
) -> None:
    a_claim(api, a_code(api, a_program(api)))
    hook = a_stripe_source(api)
    subscribed(hook)
    paid(hook, receipt_email=BOB.email)
    if database_kind == "sqlite":
        # There is one writer: whoever waits has not looked yet.
        joined(hook)
        answer = refunded(hook)
    else:
        # In one process they would wait for each other before either asks the database.
        other_process = create_app(settings, clock=clock, database=database)
        other = Api(other_process.test_client(), key=api.key, clock=clock)
        answer = _refunded_during_the_merger(hook, replace(hook, api=other), database)
    assert (answer["outcome"], answer["reason"]) == ("reversed", "refunded")
    landed = "SELECT p.merged_into, p.refunded_minor FROM refunds r JOIN purchases p ON p.id = r.purchase_id"
    assert rows(database, landed) == [(None, 5000)]
    assert rewards(api) == REVERSED
    again = refunded(hook, event_id="evt_refund_again")
    assert (again["outcome"], again["duplicate"]) == ("reversed", True)
    assert faults(database, clock) == []


def _refunded_during_the_merger(hook: Hook, other: Hook, database: Database) -> Any:
    """Send the refund while another transaction has merged its purchase away and not yet committed."""
    has_merged, may_go_on = Event(), Event()

    def hold(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith("UPDATE purchases") and "merged_into=" in statement:
            has_merged.set()
            assert may_go_on.wait(WAIT_SECONDS)

    event.listen(database.write_engine, "after_cursor_execute", hold)
    try:
        with ThreadPoolExecutor(2) as senders:
            try:
                merger = senders.submit(joined, hook)
                assert has_merged.wait(WAIT_SECONDS)
                refund = senders.submit(refunded, other)
                _until_someone_waits_for_a_lock(database)
            finally:
                may_go_on.set()
            merger.result(WAIT_SECONDS)
            return refund.result(WAIT_SECONDS)
    finally:
        event.remove(database.write_engine, "after_cursor_execute", hold)


def _until_someone_waits_for_a_lock(database: Database) -> None:
    waiting = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    for _ in range(WAIT_SECONDS * 50):
        if rows(database, waiting):
            return
        time.sleep(0.02)
    raise AssertionError("The refund did not wait for the merger.")
