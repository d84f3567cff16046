"""All kept messages of a filter once more: page by page, each for itself, and harmless to repeat."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete, update
from webhooks_in.hooks import a_standard_source

from builders import Api, a_claim, a_code, a_customer, a_program, expect, items, purchase_body
from cast import ALICE, BOB
from referral_service.kit.clock import FixedClock, format_rfc3339
from referral_service.kit.db.engines import Database
from referral_service.tenants.open_app import OpenedApp
from referral_service.webhooks_in.models import InboundEvent, SourceSecret

REPLAY = "/v1/inbound-events/replay"


def some_ahead_of_their_time(api: Api, many: int, **more: Any) -> list[str]:
    """Purchases that are parked until five minutes from now, the oldest first."""
    hook = a_standard_source(api)
    before = {row["id"] for row in items(api, "/v1/inbound-events")}
    for _ in range(many):
        hook.told(purchase_body(at=api.now() + timedelta(minutes=5), **more))
    return [row["id"] for row in reversed(items(api, "/v1/inbound-events")) if row["id"] not in before]


def walk(api: Api, **filter_and_limit: Any) -> list[dict[str, Any]]:
    """Follow the cursor to its end."""
    found: list[dict[str, Any]] = []
    cursor = None
    for _ in range(100):
        page = expect(api.post(REPLAY, {**filter_and_limit, "cursor": cursor}), 200)
        found += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            return found
    raise AssertionError("it never ends")


def outcomes(done: list[dict[str, Any]]) -> list[str]:
    return [item["answer"]["outcome"] if item["answer"] else item["error"]["code"] for item in done]


def test_what_was_parked_is_taken_in_page_by_page_the_oldest_first(api: Api, clock: FixedClock) -> None:
    a_claim(api, a_code(api, a_program(api)))
    parked = some_ahead_of_their_time(api, 5)
    clock.advance(timedelta(minutes=5))
    # Each page settles what it replays, so the filter no longer chooses it: the next page must not skip anything.
    done = walk(api, limit=2)
    assert [item["inbound_event_id"] for item in done] == parked
    assert outcomes(done) == ["converted", *["recorded"] * 4]
    assert {row["state"] for row in items(api, "/v1/inbound-events")} == {"processed"}
    assert walk(api) == []


def test_replaying_all_twice_pays_once(api: Api) -> None:
    a_claim(api, a_code(api, a_program(api)))
    hook = a_standard_source(api)
    hook.told(purchase_body(at=api.now()))
    before = items(api, "/v1/rewards")
    for _ in range(2):
        (done,) = walk(api, state="processed")
        assert (done["answer"]["outcome"], done["answer"]["duplicate"]) == ("converted", True)
    assert items(api, "/v1/rewards") == before


def test_without_a_body_all_that_is_parked_is_replayed(api: Api, clock: FixedClock) -> None:
    some_ahead_of_their_time(api, 2)
    clock.advance(timedelta(minutes=5))
    page = expect(api.call("POST", REPLAY), 200)
    assert (outcomes(page["items"]), page["next_cursor"]) == (["parked", "parked"], None)


def test_a_reason_a_source_and_the_time_of_arrival_narrow_it(api: Api, clock: FixedClock) -> None:
    early = some_ahead_of_their_time(api, 1)
    since = format_rfc3339(clock.now() + timedelta(seconds=1))
    clock.advance(timedelta(minutes=1))
    late = some_ahead_of_their_time(api, 1)
    a_standard_source(api).told({"type": "purchase"})
    source = items(api, "/v1/inbound-events")[-1]["source_id"]

    def chosen(**narrowed: Any) -> list[str]:
        return [item["inbound_event_id"] for item in walk(api, **narrowed)]

    assert chosen(reason="occurred_in_future") == early + late
    assert chosen(source_id=source) == early
    assert chosen(received_from=since, reason="occurred_in_future") == late
    assert chosen(received_to=since) == early
    assert chosen(state="ignored") == []
    assert outcomes(walk(api, reason="invalid_event")) == ["parked"]


def test_one_that_cannot_be_replayed_says_so_and_spoils_no_other(
    api: Api, clock: FixedClock, database: Database
) -> None:
    a_customer(api, ALICE)
    a_claim(api, a_code(api, a_program(api)), referee=BOB)
    gone, broken, fine = some_ahead_of_their_time(api, 3)
    with database.write_engine.begin() as connection:
        connection.execute(update(InboundEvent).where(InboundEvent.id == gone).values(body_ct=None))
        connection.execute(update(InboundEvent).where(InboundEvent.id == broken).values(body_ct=b"not what was sealed"))
    clock.advance(timedelta(minutes=5))
    done = walk(api)
    assert outcomes(done) == ["body_no_longer_kept", "internal_error", "converted"]
    assert [item["inbound_event_id"] for item in done] == [gone, broken, fine]
    assert [(item["answer"] is None, item["error"] is None) for item in done] == [
        (True, False),
        (True, False),
        (False, True),
    ]


def test_what_arrives_during_the_walk_does_not_lengthen_it(api: Api, clock: FixedClock) -> None:
    parked = some_ahead_of_their_time(api, 2)
    page = expect(api.post(REPLAY, {"limit": 1}), 200)
    clock.advance(timedelta(seconds=1))
    some_ahead_of_their_time(api, 1)
    last = expect(api.post(REPLAY, {"limit": 1, "cursor": page["next_cursor"]}), 200)
    assert [item["inbound_event_id"] for item in last["items"]] == parked[1:]
    assert last["next_cursor"] is None


def test_a_cursor_is_good_for_its_own_filter_and_app_alone(api: Api, trial_api: Api) -> None:
    some_ahead_of_their_time(api, 2)
    cursor = expect(api.post(REPLAY, {"limit": 1}), 200)["next_cursor"]
    for caller, body in (
        (api, {"state": "ignored", "cursor": cursor}),
        (trial_api, {"cursor": cursor}),
        (api, {"cursor": "x"}),
    ):
        assert expect(caller.post(REPLAY, body), 400)["code"] == "invalid_cursor"


def test_another_app_replays_nothing_of_this_one(api: Api, trial_api: Api) -> None:
    some_ahead_of_their_time(api, 1)
    (row,) = items(api, "/v1/inbound-events")
    assert walk(trial_api) == []
    assert walk(trial_api, source_id=row["source_id"]) == []


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"limit": 0}, "limit"),
        ({"limit": 101}, "limit"),
        ({"state": "received"}, "state"),
        ({"state": None}, "state"),
        ({"received_from": "yesterday"}, "received_from"),
        ({"everything": True}, "everything"),
    ],
)
def test_a_filter_that_cannot_be_meant_is_refused(api: Api, body: dict[str, Any], field: str) -> None:
    assert list(expect(api.post(REPLAY, body), 422)["errors"]) == [field]


def test_a_source_that_is_gone_does_not_hinder_it(
    api: Api, clock: FixedClock, database: Database, tenant: OpenedApp
) -> None:
    a_claim(api, a_code(api, a_program(api)))
    some_ahead_of_their_time(api, 1)
    with database.write_engine.begin() as connection:
        connection.execute(delete(SourceSecret).where(SourceSecret.app_id == tenant.tenant.app_id))
    clock.advance(timedelta(days=1))
    assert outcomes(walk(api)) == ["converted"]
