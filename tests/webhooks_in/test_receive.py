"""What a genuine message becomes, once; and that nothing else becomes anything."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select, text
from webhooks_in import stripe_bodies as bodies
from webhooks_in.forgeries import spoiled_bodies, spoiled_texts
from webhooks_in.hooks import Hook, a_standard_source, a_stripe_source

from builders import Api, a_claim, a_code, a_customer, a_program, a_purchase, a_refund, expect, items, purchase_body
from cast import BOB, CAROL
from referral_service.all_models import metadata
from referral_service.app import create_app
from referral_service.config import Settings
from referral_service.kit.clock import FixedClock, format_rfc3339
from referral_service.kit.db.engines import Database
from referral_service.webhooks_in.models import InboundEvent
from referral_service.webhooks_in.receive import body_context


def counted(database: Database) -> dict[str, int]:
    """How many rows each table has: what a refused message must not change."""
    with database.read_engine.connect() as connection:
        return {
            table.name: connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in metadata.sorted_tables
        }


def can_be_sent(text: str) -> bool:
    """Whether HTTP can carry this in a header that is not too large."""
    return len(text) < 8192 and "\n" not in text and all(ord(character) < 256 for character in text)


def referred(api: Api) -> Any:
    """Bob is referred by Alice; his first purchase will reward both."""
    return a_claim(api, a_code(api, a_program(api)))


def test_a_purchase_by_the_apps_own_webhook_rewards_both_sides(api: Api) -> None:
    referral = referred(api)
    hook = a_standard_source(api)
    body = purchase_body(at=api.now(), event_id="e-1")
    answer = hook.told(body)
    assert (answer["id"], answer["outcome"], answer["duplicate"]) == ("e-1", "converted", False)
    assert answer["referral_id"] == referral["id"]
    assert len(answer["reward_ids"]) == 2
    assert len(items(api, "/v1/rewards")) == 2


def test_the_answer_is_that_of_the_events_endpoint(api: Api) -> None:
    referred(api)
    told = a_standard_source(api).told(purchase_body(at=api.now()))
    posted = a_purchase(api, customer=CAROL)
    assert told.keys() == posted.keys()


def test_a_second_delivery_is_answered_as_the_first_and_does_nothing(api: Api, database: Database) -> None:
    referred(api)
    hook = a_standard_source(api)
    body = purchase_body(at=api.now())
    first = hook.told(body, message_id="msg_1")
    before = counted(database)
    assert hook.told(body, message_id="msg_1") == {**first, "duplicate": True}
    assert counted(database) == before


def test_a_messages_id_is_used_once_whatever_its_body_says_later(api: Api, database: Database) -> None:
    referred(api)
    hook = a_standard_source(api)
    first = hook.told(purchase_body(at=api.now(), event_id="e-1"), message_id="msg_1")
    before = counted(database)
    again = hook.told(purchase_body(at=api.now(), event_id="e-2", customer=CAROL), message_id="msg_1")
    assert again == {**first, "duplicate": True}
    assert counted(database) == before


def test_the_same_event_under_another_messages_id_is_a_duplicate(api: Api) -> None:
    referred(api)
    hook = a_standard_source(api)
    body = purchase_body(at=api.now(), event_id="e-1")
    first = hook.told(body)
    assert hook.told(body) == {**first, "duplicate": True}
    assert len(items(api, "/v1/inbound-events")) == 2
    assert len(items(api, "/v1/rewards")) == 2


def test_the_messages_id_is_the_events_where_the_body_has_none(api: Api) -> None:
    body = purchase_body(at=api.now())
    del body["id"]
    assert a_standard_source(api).told(body, message_id="msg_77")["id"] == "msg_77"


def test_two_sources_may_use_the_same_ids(api: Api) -> None:
    referred(api)
    body = purchase_body(at=api.now(), event_id="e-1", order_id="o-1")
    first = a_standard_source(api).told(body, message_id="msg_1")
    second = a_standard_source(api).told(body, message_id="msg_1")
    assert (first["outcome"], first["duplicate"]) == ("converted", False)
    assert (second["outcome"], second["duplicate"]) == ("recorded", False)


def test_a_refund_from_the_app_finds_the_order_of_the_source_it_names(api: Api) -> None:
    referred(api)
    stripe = a_stripe_source(api)
    stripe.told(bodies.event("checkout.session.completed", bodies.session(metadata={"referral_customer_id": "bob"})))
    body = {
        "id": "e-9",
        "type": "refund",
        "source_id": stripe.source["id"],
        "order_id": "pi_1",
        "refunded_total": {"amount_minor": 5000, "currency": "USD"},
        "occurred_at": format_rfc3339(api.now()),
    }
    assert a_standard_source(api).told(body)["outcome"] == "reversed"


def test_an_order_of_a_source_that_is_not_there_is_parked(api: Api) -> None:
    body = purchase_body(at=api.now(), source_id="src_1_01kq2m8v6wf8dr0c1h3zb2n4xj")
    answer = a_standard_source(api).told(body)
    assert (answer["outcome"], answer["reason"]) == ("parked", "unknown_source")


# --- what is not genuine -------------------------------------------------------------------------------------


def test_nothing_that_is_not_genuine_changes_anything(api: Api, database: Database) -> None:
    referred(api)
    raw = json.dumps(purchase_body(at=api.now())).encode()
    for hook in (a_standard_source(api), a_stripe_source(api)):
        genuine = hook.signed(raw)
        before = counted(database)
        refused = [(spoiled, genuine) for _, spoiled in spoiled_bodies(raw)]
        for name, value in genuine.items():
            refused.append((raw, {other: text for other, text in genuine.items() if other != name}))
            refused += [
                (raw, genuine | {name: text})
                for _, text in spoiled_texts(value)
                if text.strip() != value and can_be_sent(text)
            ]
        for body, headers in refused:
            answer = hook.post(body, headers)
            assert answer.status_code == 401, (body, headers)
            assert expect(answer, 401)["code"] == "bad_signature"
        assert counted(database) == before
    assert items(api, "/v1/rewards") == []


def test_a_message_signed_for_one_source_is_not_taken_at_another(api: Api) -> None:
    one, other = a_standard_source(api), a_standard_source(api)
    raw = json.dumps(purchase_body(at=api.now())).encode()
    assert other.post(raw, one.signed(raw)).status_code == 401
    assert one.post(raw, one.signed(raw)).status_code == 200


def test_an_old_message_and_one_from_the_future_are_refused(api: Api) -> None:
    body = purchase_body(at=api.now())
    for hook in (a_standard_source(api), a_stripe_source(api)):
        for seconds in (-301, 301):
            assert hook.send(body, at=api.now() + timedelta(seconds=seconds)).status_code == 401


def test_a_test_apps_signatures_are_judged_by_real_time(trial_api: Api) -> None:
    expect(trial_api.post("/v1/test-clock/advance", {"seconds": 86_400}), 200)
    hook = a_standard_source(trial_api)
    assert hook.send(purchase_body(at=trial_api.now())).status_code == 200
    assert hook.send(purchase_body(at=trial_api.now()), at=trial_api.now() + timedelta(days=1)).status_code == 401


def test_a_body_of_one_mebibyte_is_read_and_a_larger_one_refused(api: Api) -> None:
    hook = a_stripe_source(api)
    body = json.dumps(bodies.event("customer.created", {})).encode()
    assert hook.told(body + b" " * (1024 * 1024 - len(body)))["outcome"] == "ignored"
    answer = hook.send(body + b" " * (1024 * 1024 + 1 - len(body)))
    assert expect(answer, 413)["code"] == "body_too_large"


@pytest.mark.parametrize("content_type", ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
def test_the_content_type_does_not_matter(api: Api, content_type: str) -> None:
    hook = a_standard_source(api)
    raw = json.dumps(purchase_body(at=api.now())).encode()
    assert hook.post(raw, {**hook.signed(raw), "Content-Type": content_type}).status_code == 200


def test_bad_signatures_are_limited_and_genuine_senders_never(
    api: Api, settings: Settings, clock: FixedClock, database: Database
) -> None:
    hook = a_standard_source(api)
    limited: Flask = create_app(replace(settings, rate_limits=True), clock=clock, database=database)
    client: FlaskClient = limited.test_client()
    raw = json.dumps(purchase_body(at=api.now())).encode()
    bad = [client.post(hook.path, data=raw, headers=hook.signed(raw + b" ")) for _ in range(60)]
    assert {answer.status_code for answer in bad} == {401}
    one_too_many = client.post(hook.path, data=raw, headers={})
    assert expect(one_too_many, 429)["code"] == "rate_limited"
    assert int(one_too_many.headers["Retry-After"]) > 0
    # Who guesses at addresses is counted as well.
    assert client.post("/v1/hooks/src_1_nothing", data=raw).status_code == 429
    for _ in range(3):
        assert client.post(hook.path, data=raw, headers=hook.signed(raw)).status_code == 200


# --- what is genuine and cannot be used ----------------------------------------------------------------------


@pytest.mark.parametrize("raw", [b"", b"not JSON", b"[1]", b'{"type": NaN}', b"[" * 100_000])
def test_a_genuine_body_that_cannot_be_read_is_parked_and_answered_with_200(api: Api, raw: bytes) -> None:
    for hook in (a_standard_source(api), a_stripe_source(api)):
        answer = hook.told(raw, message_id="msg_1")
        assert (answer["outcome"], answer["reason"], answer["results"]) == ("parked", "malformed_body", [])
        assert hook.told(raw, message_id="msg_1") == {**answer, "duplicate": True}
    assert [(row["state"], row["reason"]) for row in items(api, "/v1/inbound-events")] == [
        ("parked", "malformed_body")
    ] * 2


def test_a_parked_message_that_its_sender_has_mended_is_taken_when_it_comes_again(api: Api) -> None:
    referred(api)
    hook = a_standard_source(api)
    good = purchase_body(at=api.now(), event_id="e-1")
    parked = hook.told({**good, "amount": "fifty dollars"}, message_id="msg_1")
    assert (parked["outcome"], parked["reason"]) == ("parked", "invalid_event")
    mended = hook.told(good, message_id="msg_1")
    assert (mended["outcome"], mended["duplicate"]) == ("converted", False)
    assert [row["state"] for row in items(api, "/v1/inbound-events")] == ["processed"]


def test_a_message_that_means_nothing_is_kept_and_ignored(api: Api, database: Database) -> None:
    hook = a_stripe_source(api)
    answer = hook.told(bodies.event("customer.created", {}, event_id="evt_9"))
    assert (answer["id"], answer["outcome"], answer["duplicate"]) == ("evt_9", "ignored", False)
    assert hook.told(bodies.event("customer.created", {}, event_id="evt_9"))["duplicate"] is True
    assert counted(database)["events"] == 0
    (row,) = items(api, "/v1/inbound-events")
    assert (row["state"], row["provider_type"], row["type"]) == ("ignored", "customer.created", "")


def test_a_test_payment_sent_to_a_live_app_changes_nothing(api: Api, database: Database) -> None:
    referred(api)
    a_customer(api, BOB)
    hook = a_stripe_source(api)
    before = counted(database)
    answer = hook.told(bodies.event("checkout.session.completed", bodies.session(), livemode=False))
    assert (answer["outcome"], answer["reason"]) == ("parked", "test_mode")
    assert counted(database) == {**before, "inbound_events": 1}


def test_a_live_payment_sent_to_a_test_app_changes_nothing(trial_api: Api) -> None:
    answer = a_stripe_source(trial_api).told(bodies.event("checkout.session.completed", bodies.session()))
    assert (answer["outcome"], answer["reason"]) == ("parked", "live_mode")


def test_an_unpaid_session_is_parked_and_the_payment_that_follows_converts(api: Api) -> None:
    referred(api)
    hook = a_stripe_source(api)
    said = {"referral_customer_id": "bob"}
    unpaid = bodies.session(payment_status="unpaid", metadata=said)
    parked = hook.told(bodies.event("checkout.session.completed", unpaid, event_id="evt_1"))
    assert (parked["outcome"], parked["reason"]) == ("parked", "unpaid")
    paid = bodies.session(metadata=said)
    answer = hook.told(bodies.event("checkout.session.async_payment_succeeded", paid, event_id="evt_2"))
    assert answer["outcome"] == "converted"


def test_a_payment_dated_ahead_is_parked_and_taken_when_its_time_has_come(api: Api, clock: FixedClock) -> None:
    referred(api)
    hook = a_standard_source(api)
    body = purchase_body(at=api.now() + timedelta(minutes=5))
    parked = hook.told(body, message_id="msg_1")
    assert (parked["outcome"], parked["reason"]) == ("parked", "occurred_in_future")
    clock.advance(timedelta(minutes=5))
    assert hook.told(body, message_id="msg_1")["outcome"] == "converted"


# --- what is kept --------------------------------------------------------------------------------------------


def test_the_raw_body_is_kept_sealed_and_opens_in_its_own_row_only(api: Api, app: Flask, database: Database) -> None:
    hook = a_standard_source(api)
    hook.told(purchase_body(at=api.now()))
    hook.told(purchase_body(at=api.now()))
    sealer = app.extensions["referral_service"].sealer
    with database.read_engine.connect() as connection:
        rows = connection.execute(
            select(InboundEvent.app_id, InboundEvent.id, InboundEvent.body_ct).order_by(InboundEvent.id)
        ).all()
    assert len(rows) == 2
    for row, raw in zip(rows, hook.sent, strict=True):
        assert b"bob" not in row.body_ct
        assert sealer.open(row.body_ct, context=body_context(row.app_id, row.id)) == raw


def test_the_customer_of_a_message_is_noted_with_it(api: Api, database: Database) -> None:
    a_standard_source(api).told(purchase_body(at=api.now()))
    with database.read_engine.connect() as connection:
        noted = connection.execute(select(InboundEvent.customer_id)).scalar_one()
        bob = connection.execute(text("SELECT id FROM customers WHERE external_id = 'bob'")).scalar_one()
    assert noted == bob


def test_messages_are_received_in_real_time_also_by_a_test_app(trial_api: Api, clock: FixedClock) -> None:
    expect(trial_api.post("/v1/test-clock/advance", {"seconds": 86_400}), 200)
    a_standard_source(trial_api).told(purchase_body(at=trial_api.now()))
    (row,) = items(trial_api, "/v1/inbound-events")
    assert row["received_at"] == format_rfc3339(clock.now())


def test_refunds_of_the_api_and_of_a_hook_are_not_mixed_up(api: Api) -> None:
    """The order o-1 of one source is not the order o-1 of another."""
    referred(api)
    hook: Hook = a_standard_source(api)
    hook.told(purchase_body(at=api.now(), order_id="o-1"))
    assert a_refund(api, order_id="o-1")["outcome"] == "parked"
    assert {row["state"] for row in items(api, "/v1/rewards")} == {"available"}
