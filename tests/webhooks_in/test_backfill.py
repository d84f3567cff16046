"""A provider's history, read in: each fact once, whether a webhook, the API or a file tells it, and however often."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session
from webhooks_in import shop_bodies
from webhooks_in.hooks import a_shopify_source, a_standard_source, a_stripe_source, a_woocommerce_source
from webhooks_in.paddle_bodies import a_paddle_source
from webhooks_in.reading_in import GRANTED, Reading, counted, referred, rewarded
from webhooks_in.tables import table

from builders import Api, expect, items
from cast import NOON
from referral_service.journeys.recording.record_events import record_events
from referral_service.kit.clock import FixedClock
from referral_service.kit.db.engines import Database
from referral_service.tenants.errors import SourceNotFound
from referral_service.webhooks_in.models import InboundEvent

PAYLOADS = Path(__file__).parents[2].parent / "shared" / "payloads"
BOBS = {"referral_customer_id": "bob"}


# --- what a file holds beside ------------------------------------------------------------------------------------


def test_what_means_nothing_is_counted_and_not_kept(api: Api, reading: Reading) -> None:
    source = a_woocommerce_source(api).source["id"]
    unpaid = shop_bodies.woo_order(status="pending", date_paid_gmt=None)
    tally = reading.read(source, [unpaid, shop_bodies.woo_order(id=2, status="cancelled"), {"id": 3}, 7])
    assert (dict(tally.fates), tally.is_whole) == ({"ignored": 2, "unreadable": 2}, False)
    assert dict(tally.reasons) == {"unpaid": 1, "not_relevant": 1}
    assert [fault.line for fault in tally.faults] == [3, 4]
    assert items(api, "/v1/inbound-events") == []
    # Once it is paid, it is another thing to say.
    assert reading.read(source, [shop_bodies.woo_order()]).fates["new"] == 1


def test_a_record_twice_in_one_file_counts_once(api: Api, reading: Reading, database: Database) -> None:
    referred(api)
    source = a_woocommerce_source(api).source["id"]
    order = shop_bodies.woo_order(meta_data=shop_bodies.meta_data(**BOBS))
    tally = reading.read(source, [order, order, {**order, "note": "saved again"}])
    assert dict(tally.fates) == {"new": 1, "already": 2}
    assert tally.outcomes["converted"] == 1
    assert counted(database)["purchases"] == 1


def test_what_could_not_be_used_is_parked_and_read_anew_the_next_time(
    api: Api, reading: Reading, clock: FixedClock
) -> None:
    referred(api)
    source = a_woocommerce_source(api).source["id"]
    ahead = shop_bodies.woo_order(at=clock.now() + timedelta(minutes=5), meta_data=shop_bodies.meta_data(**BOBS))
    tally = reading.read(source, [ahead])
    assert (tally.outcomes["parked"], tally.reasons["occurred_in_future"]) == (1, 1)
    (parked,) = items(api, "/v1/inbound-events")
    assert (parked["state"], parked["reason"]) == ("parked", "occurred_in_future")
    clock.advance(timedelta(minutes=5))
    assert reading.read(source, [ahead]).outcomes["converted"] == 1
    assert len(items(api, "/v1/inbound-events")) == 1


@pytest.mark.parametrize("how", ["one", "all"])
def test_a_parked_row_of_a_table_is_replayed_as_what_it_is(
    api: Api, reading: Reading, clock: FixedClock, how: str
) -> None:
    referred(api)
    source = a_stripe_source(api).source["id"]
    row = {"order_id": "o-1", "amount": "50.00", "currency": "USD", "customer_id": "bob"}
    row["occurred_at"] = (clock.now() + timedelta(minutes=5)).isoformat()
    assert reading.read(source, table(list(row), row)).outcomes["parked"] == 1
    (parked,) = items(api, "/v1/inbound-events")
    clock.advance(timedelta(minutes=5))
    if how == "one":
        answer = expect(api.post(f"/v1/inbound-events/{parked['id']}/replay"), 200)
    else:
        (item,) = expect(api.post("/v1/inbound-events/replay"), 200)["items"]
        answer = item["answer"]
    assert (answer["outcome"], rewarded(api)) == ("converted", GRANTED)


def test_a_webhook_that_calls_itself_a_row_is_none_and_none_when_it_is_replayed(api: Api) -> None:
    referred(api)
    row = {
        "order_id": "o-1",
        "amount": "50.00",
        "currency": "USD",
        "customer_id": "bob",
        "occurred_at": NOON.isoformat(),
    }
    answer = a_standard_source(api).told({"type": "backfill:row", **row})
    assert (answer["outcome"], answer["reason"]) == ("parked", "invalid_event")
    (item,) = expect(api.post("/v1/inbound-events/replay"), 200)["items"]
    assert (item["answer"]["reason"], rewarded(api)) == ("invalid_event", {})


def test_test_payments_never_touch_a_live_app(api: Api, trial_api: Api, reading: Reading) -> None:
    order = shop_bodies.shopify_order(test=True, note_attributes=shop_bodies.note_attributes(**BOBS))
    for caller, outcome in ((api, "parked"), (trial_api, "converted")):
        referred(caller)
        tally = reading.read(a_shopify_source(caller).source["id"], [order])
        assert dict(tally.outcomes) == {outcome: 1}
    assert rewarded(api) == {}
    assert rewarded(trial_api) == GRANTED


def test_a_test_apps_own_clock_judges_what_lies_ahead(trial_api: Api, reading: Reading) -> None:
    referred(trial_api)
    source = a_woocommerce_source(trial_api).source["id"]
    later = shop_bodies.woo_order(at=NOON + timedelta(days=3), meta_data=shop_bodies.meta_data(**BOBS))
    assert reading.read(source, [later]).reasons["occurred_in_future"] == 1
    expect(trial_api.post("/v1/test-clock/advance", {"seconds": 4 * 24 * 3600}), 200)
    assert reading.read(source, [later]).outcomes["converted"] == 1


def test_a_dry_run_says_what_would_be_and_writes_nothing(api: Api, reading: Reading, database: Database) -> None:
    referred(api)
    hook = a_woocommerce_source(api)
    known = shop_bodies.woo_order(id=1)
    hook.told(known)
    before = counted(database)
    records = [known, shop_bodies.woo_order(id=2), shop_bodies.woo_order(id=3, status="pending"), {}]
    tally = reading.read(hook.source["id"], records, dry_run=True)
    assert dict(tally.fates) == {"already": 1, "new": 1, "ignored": 1, "unreadable": 1}
    assert (dict(tally.outcomes), counted(database)) == ({}, before)


def test_a_source_that_is_gone_takes_nothing_in(api: Api, trial_api: Api, reading: Reading) -> None:
    source = a_woocommerce_source(api).source["id"]
    assert api.delete(f"/v1/sources/{source}").status_code == 204
    for gone in (source, "src_1_api", "src_9_01m80698t4ev2t708d6myb5js9", "x\0"):
        with pytest.raises(SourceNotFound):
            reading.read(gone, [shop_bodies.woo_order()])
    assert items(trial_api, "/v1/inbound-events") == []


# --- what goes wrong ---------------------------------------------------------------------------------------------


def test_one_message_that_breaks_something_keeps_no_other_of_its_batch_out(
    api: Api, reading: Reading, monkeypatch: pytest.MonkeyPatch, database: Database
) -> None:
    referred(api)
    source = a_woocommerce_source(api).source["id"]

    def breaking(session: Session, **how: Any) -> Any:
        if any(event.aliases[0] == "2" for event in how["given"]):
            raise ArithmeticError
        return record_events(session, **how)

    records = [shop_bodies.woo_order(id=number, order_key=f"k{number}") for number in (1, 2, 3)]
    with monkeypatch.context() as broken:
        broken.setattr("referral_service.webhooks_in.receive_many.record_events", breaking)
        tally = reading.read(source, records)
    assert dict(tally.fates) == {"new": 2, "failed": 1}
    assert [fault.line for fault in tally.faults] == [2]
    assert counted(database)["inbound_events"] == 2
    assert dict(reading.read(source, records).fates) == {"new": 1, "already": 2}


def orders(many: int) -> list[dict[str, Any]]:
    """Orders of Bob and of others, each tenth half refunded."""
    return [
        shop_bodies.woo_order(
            id=number,
            order_key=f"k{number}",
            meta_data=shop_bodies.meta_data(referral_customer_id="bob" if number % 3 == 0 else f"c{number % 7}"),
            billing={"email": f"c{number % 7}@example.com"},
            refunds=[{"id": number, "total": "-25.00"}] if number % 10 == 0 else [],
        )
        for number in range(1, many + 1)
    ]


def test_two_who_read_the_same_file_at_once_take_it_in_once(api: Api, reading: Reading, database: Database) -> None:
    referred(api)
    hook = a_woocommerce_source(api)
    records = orders(60)
    barrier = Barrier(3)

    def read_all(backwards: bool) -> Any:
        barrier.wait()
        return reading.read(hook.source["id"], records[::-1] if backwards else records, at_once=20)

    def send_some() -> list[Any]:
        barrier.wait()
        return [hook.told(record) for record in records[::4]]

    with ThreadPoolExecutor(3) as threads:
        runs = [threads.submit(read_all, False), threads.submit(read_all, True)]
        sending = threads.submit(send_some)
        tallies = [run.result() for run in runs]
        sending.result()
    assert all(tally.is_whole for tally in tallies)
    # What one of them was first to say is new for nobody else.
    assert sum(tally.fates["new"] for tally in tallies) <= 60
    rows = counted(database)
    assert (rows["purchases"], rows["inbound_events"], rows["refunds"]) == (60, 60, 6)
    assert {row["state"] for row in items(api, "/v1/inbound-events")} <= {"processed", "parked"}
    assert len(items(api, "/v1/rewards")) == 2
    again = reading.read(hook.source["id"], records)
    assert (again.fates["already"], counted(database)) == (60, rows)


def test_a_batch_ends_where_one_by_one_would_have(api: Api, trial_api: Api, reading: Reading) -> None:
    ends = []
    for caller, at_once in ((api, 50), (trial_api, 1)):
        referred(caller)
        tally = reading.read(a_woocommerce_source(caller).source["id"], orders(40), at_once=at_once)
        inbound = [
            (row["external_id"], row["provider_type"], row["type"], row["state"], row["reason"])
            for row in items(caller, "/v1/inbound-events")
        ]
        ends.append((dict(tally.outcomes), dict(tally.reasons), rewarded(caller), sorted(inbound)))
    assert ends[0] == ends[1]


def test_the_customer_of_a_record_is_noted_so_that_erasure_finds_it(
    api: Api, reading: Reading, database: Database
) -> None:
    referred(api)
    reading.read(a_woocommerce_source(api).source["id"], orders(3))
    with database.read_engine.connect() as connection:
        rows = connection.execute(select(InboundEvent.customer_id, InboundEvent.body_ct)).all()
    assert len(rows) == 3
    assert all(row.customer_id and b"example.com" not in row.body_ct for row in rows)


# --- real bodies ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("add", "name", "outcome"),
    [
        (a_woocommerce_source, "woocommerce_order.created_processing.json", "parked"),
        (a_shopify_source, "shopify_rest_order_mit.json", None),
        (a_stripe_source, "stripe_charge.refunded.json", "parked"),
        (a_stripe_source, "stripe_checkout.session.completed.json", "parked"),
        (a_paddle_source, "paddle_transaction.completed.data.json", "parked"),
    ],
)
def test_real_records_are_read(api: Api, reading: Reading, add: Any, name: str, outcome: str | None) -> None:
    if not PAYLOADS.is_dir():
        pytest.skip("needs ../shared/payloads")
    record = json.loads((PAYLOADS / name).read_bytes())
    source = add(api).source["id"]
    tally = reading.read(source, [record])
    assert tally.is_whole, tally.faults
    assert dict(tally.outcomes) == ({} if outcome is None else {outcome: tally.outcomes.total()})
    again = reading.read(source, [record])
    assert again.fates["unreadable"] == 0
