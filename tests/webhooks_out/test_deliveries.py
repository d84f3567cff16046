"""Deliveries: listed, read, and sent again one by one."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from webhooks_out.endpoints import DELIVERIES, an_endpoint, fanned_out, path_of, switched, told, went

from builders import Api, expect, items
from referral_service.kit.clock import FixedClock
from referral_service.kit.db.engines import Database
from referral_service.tenants.open_app import OpenedApp

STATES = ("scheduled", "leased", "done", "dead", "disabled")


@pytest.fixture
def app_id(tenant: OpenedApp) -> int:
    return tenant.tenant.app_id


@pytest.fixture
def ids(api: Api, database: Database, clock: FixedClock, app_id: int) -> list[str]:
    """The deliveries of one endpoint, oldest first, one in each of STATES."""
    an_endpoint(api)
    told(database, app_id, times=len(STATES))
    fanned_out(database, app_id, clock)
    found = [it["id"] for it in reversed(items(api, DELIVERIES))]
    for delivery_id, state in zip(found, STATES, strict=True):
        if state != "scheduled":
            went(database, state, delivery_id)
    clock.advance(timedelta(hours=1))
    return found


def read(api: Api, delivery_id: str) -> Any:
    return expect(api.get(f"{DELIVERIES}/{delivery_id}"), 200)


def resent(api: Api, delivery_id: str, status: int = 200) -> Any:
    return expect(api.post(f"{DELIVERIES}/{delivery_id}/resend"), status)


def test_a_delivery_that_waits_says_until_when(api: Api, ids: list[str]) -> None:
    shown = read(api, ids[0])
    assert shown.pop("notification_id").startswith("ntf_")
    assert shown.pop("endpoint_id").startswith("whe_")
    assert shown == {
        "id": ids[0],
        "type": "reward.available",
        "state": "scheduled",
        "attempts": 0,
        "next_attempt_at": "2026-03-01T12:00:00Z",
        "last_attempt_at": None,
        "last_status": None,
        "last_error": None,
        "last_duration_ms": None,
        "created_at": "2026-03-01T12:00:00Z",
        "done_at": None,
    }


def test_a_delivery_says_how_its_last_attempt_went(api: Api, ids: list[str]) -> None:
    done, dead = read(api, ids[2]), read(api, ids[3])
    assert (done["state"], done["last_status"], done["done_at"]) == ("done", 200, "2026-03-01T12:00:00Z")
    assert (dead["state"], dead["last_status"], dead["done_at"]) == ("dead", 503, None)
    assert (dead["attempts"], dead["last_duration_ms"], dead["last_attempt_at"]) == (3, 12, "2026-03-01T12:00:00Z")


def test_only_what_is_tried_again_says_when(api: Api, ids: list[str]) -> None:
    assert [read(api, each)["next_attempt_at"] is not None for each in ids] == [True, True, False, False, False]


def test_the_newest_come_first_and_filters_narrow_the_list(
    api: Api, database: Database, clock: FixedClock, app_id: int, ids: list[str]
) -> None:
    second = an_endpoint(api, events=["balance.*"])
    told(database, app_id, event="balance.changed", of="acc_1")
    fanned_out(database, app_id, clock)
    everything = items(api, DELIVERIES, limit=2)
    assert [it["id"] for it in everything[2:]] == ids[::-1]
    assert {it["type"] for it in everything[:2]} == {"balance.changed"}
    assert [it["type"] for it in items(api, DELIVERIES, endpoint_id=second["id"])] == ["balance.changed"]
    told_once = everything[0]["notification_id"]
    assert len(items(api, DELIVERIES, notification_id=told_once)) == 2
    assert len(items(api, DELIVERIES, notification_id=told_once, endpoint_id=second["id"])) == 1
    for state, delivery_id in zip(STATES[1:], ids[1:], strict=True):
        assert [it["id"] for it in items(api, DELIVERIES, state=state)] == [delivery_id]
        assert items(api, DELIVERIES, state=state, endpoint_id=second["id"]) == []
    assert len(items(api, DELIVERIES, state="scheduled")) == 3
    assert items(api, DELIVERIES, endpoint_id="whe_unknown") == []


@pytest.mark.parametrize("query", [{"state": "lost"}, {"endpoint_id": ""}, {"type": "reward.available"}])
def test_a_list_of_deliveries_is_asked_for_strictly(api: Api, query: dict[str, str]) -> None:
    assert list(expect(api.get(DELIVERIES, **query), 422)["errors"]) == list(query)


def test_what_is_sent_again_is_due_at_once_with_all_its_attempts(api: Api, ids: list[str]) -> None:
    for delivery_id in (ids[0], *ids[2:]):
        before = read(api, delivery_id)
        after = resent(api, delivery_id)
        assert after == read(api, delivery_id)
        assert after == before | {
            "state": "scheduled",
            "attempts": 0,
            "next_attempt_at": "2026-03-01T13:00:00Z",
            "done_at": None,
        }


def test_what_is_being_sent_is_left_to_that(api: Api, ids: list[str]) -> None:
    before = read(api, ids[1])
    assert before["state"] == "leased"
    assert resent(api, ids[1]) == before == read(api, ids[1])


def test_a_delivery_is_not_sent_again_to_an_endpoint_that_is_off_or_gone(api: Api, ids: list[str]) -> None:
    endpoint = {"id": read(api, ids[0])["endpoint_id"]}
    switched(api, endpoint, "disabled")
    before = [read(api, each) for each in ids]
    refused = resent(api, ids[3], 409)
    assert (refused["code"], refused["endpoint_id"], refused["reason"]) == (
        *("endpoint_disabled", endpoint["id"], "by_app"),
    )
    assert api.delete(path_of(endpoint)).status_code == 204
    assert resent(api, ids[3], 409)["code"] == "endpoint_deleted"
    # What was sent, and what was not, can be read for ever.
    assert [read(api, each) for each in ids] == before
    assert len(items(api, DELIVERIES, endpoint_id=endpoint["id"])) == len(ids)


def test_another_app_neither_sees_nor_sends_a_delivery(api: Api, trial_tenant: OpenedApp, ids: list[str]) -> None:
    other = api.with_key(trial_tenant.key.secret)
    before = [read(api, each) for each in ids]
    for delivery_id in ids:
        assert expect(other.get(f"{DELIVERIES}/{delivery_id}"), 404)["code"] == "delivery_not_found"
        assert resent(other, delivery_id, 404)["code"] == "delivery_not_found"
    assert items(other, DELIVERIES) == []
    assert [read(api, each) for each in ids] == before


@pytest.mark.parametrize("odd", ["dlv_1", "dlv_01kq2m9a5gf4bs2t1v0w9x8y7z", "%00", "dlv_%00", "x" * 300])
def test_what_is_no_delivery_is_not_found(api: Api, odd: str) -> None:
    assert expect(api.get(f"{DELIVERIES}/{odd}"), 404)["code"] in {"delivery_not_found", "not_found"}
    assert resent(api, odd, 404)["code"] in {"delivery_not_found", "not_found"}
