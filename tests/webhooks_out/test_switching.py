"""Endpoints are switched on and off, tried out, and told of it: never silently, and nothing is lost."""

from __future__ import annotations

from typing import Any

import pytest
from webhooks_out.endpoints import DELIVERIES, ENDPOINTS, an_endpoint, fanned_out, path_of, switched, told, went

from builders import Api, expect, items
from referral_service.kit.clock import FixedClock
from referral_service.kit.db.engines import Database
from referral_service.tenants.open_app import OpenedApp


@pytest.fixture
def app_id(tenant: OpenedApp) -> int:
    return tenant.tenant.app_id


def announced(api: Api) -> list[tuple[Any, ...]]:
    """What was said of endpoints, in its order: type, sequence, before, after, reason."""
    return [
        (it["type"], it["sequence"], it["data"]["previous_state"], it["data"]["state"], it["data"]["reason"])
        for it in items(api, "/v1/notifications")
        if it["type"].startswith("endpoint.")
    ]


def states(api: Api, endpoint: Any, **query: Any) -> list[tuple[str, str]]:
    """The type and state of each delivery to the endpoint, oldest first."""
    found = items(api, DELIVERIES, endpoint_id=endpoint["id"], **query)
    return [(it["type"], it["state"]) for it in reversed(found)]


def test_switching_off_and_on_is_announced_with_its_reason(
    api: Api, database: Database, clock: FixedClock, app_id: int
) -> None:
    made = an_endpoint(api)
    for state in ("disabled", "disabled", "enabled", "enabled", "disabled"):
        switched(api, made, state)
    fanned_out(database, app_id, clock)
    assert announced(api) == [
        ("endpoint.disabled", 1, "enabled", "disabled", "by_app"),
        ("endpoint.enabled", 2, "disabled", "enabled", "by_app"),
        ("endpoint.disabled", 3, "enabled", "disabled", "by_app"),
    ]
    (last,) = [it for it in items(api, "/v1/notifications") if it["sequence"] == 3]
    assert last["data"]["object"] == expect(api.get(path_of(made)), 200)


def test_another_endpoint_hears_that_one_was_deleted(
    api: Api, database: Database, clock: FixedClock, app_id: int
) -> None:
    gone, stays = an_endpoint(api), an_endpoint(api, events=["endpoint.*"])
    told(database, app_id)
    fanned_out(database, app_id, clock)
    api.delete(path_of(gone))
    fanned_out(database, app_id, clock)
    assert announced(api) == [("endpoint.disabled", 1, "enabled", "disabled", "deleted")]
    assert states(api, stays) == [("endpoint.disabled", "scheduled")]
    # What waited for the deleted one is not lost from sight, and nothing more is added to it.
    assert states(api, gone) == [("reward.available", "disabled")]


def test_one_that_is_deleted_while_it_is_disabled_was_announced_already(
    api: Api, database: Database, clock: FixedClock, app_id: int
) -> None:
    made = an_endpoint(api)
    switched(api, made, "disabled")
    api.delete(path_of(made))
    fanned_out(database, app_id, clock)
    assert announced(api) == [("endpoint.disabled", 1, "enabled", "disabled", "by_app")]


def test_what_a_disabled_endpoint_misses_is_kept_and_comes_when_it_is_asked_for(
    api: Api, database: Database, clock: FixedClock, app_id: int
) -> None:
    made = an_endpoint(api, events=["reward.*"])
    told(database, app_id, of="rwd_before")
    fanned_out(database, app_id, clock)
    switched(api, made, "disabled")
    told(database, app_id, times=2, of="rwd_while")
    fanned_out(database, app_id, clock)
    assert states(api, made) == [("reward.available", "disabled")] * 3
    switched(api, made, "enabled")
    told(database, app_id, of="rwd_after")
    fanned_out(database, app_id, clock)
    assert [state for _, state in states(api, made)] == ["disabled"] * 3 + ["scheduled"]
    answer = expect(api.post(path_of(made, "/resend")), 200)
    assert answer == {"scheduled": 3, "more": False, "after": None}
    assert [state for _, state in states(api, made)] == ["scheduled"] * 4


def test_what_is_under_way_is_left_to_who_sends_it(
    api: Api, database: Database, clock: FixedClock, app_id: int
) -> None:
    made = an_endpoint(api)
    told(database, app_id, times=4)
    fanned_out(database, app_id, clock)
    ids = [it["id"] for it in reversed(items(api, DELIVERIES))]
    for delivery_id, state in zip(ids, ("leased", "done", "dead"), strict=False):
        went(database, state, delivery_id)
    switched(api, made, "disabled")
    assert [state for _, state in states(api, made)] == ["leased", "done", "dead", "disabled"]


def test_other_filters_apply_from_the_next_notification(
    api: Api, database: Database, clock: FixedClock, app_id: int
) -> None:
    made = an_endpoint(api, events=["reward.*"])
    told(database, app_id, of="rwd_1")
    told(database, app_id, of="ref_1", event="referral.created")
    fanned_out(database, app_id, clock)
    expect(api.patch(path_of(made), {"events": ["referral.created"]}), 200)
    told(database, app_id, of="rwd_2")
    told(database, app_id, of="ref_2", event="referral.created")
    fanned_out(database, app_id, clock)
    assert states(api, made) == [("reward.available", "scheduled"), ("referral.created", "scheduled")]
    assert [it["data"]["object"]["id"] for it in items(api, "/v1/notifications")] == [
        *["rwd_1", "ref_1", "rwd_2", "ref_2"]
    ]


def test_a_test_goes_to_its_endpoint_alone_whatever_the_filters_are(
    api: Api, database: Database, clock: FixedClock, app_id: int
) -> None:
    tried, other = an_endpoint(api, events=["balance.*"]), an_endpoint(api)
    notification_id = expect(api.post(path_of(tried, "/test")), 202)["notification_id"]
    fanned_out(database, app_id, clock)
    (delivery,) = items(api, DELIVERIES)
    assert (delivery["notification_id"], delivery["endpoint_id"]) == (notification_id, tried["id"])
    assert (delivery["type"], delivery["state"]) == ("endpoint.test", "scheduled")
    assert announced(api) == [("endpoint.test", 1, "enabled", "enabled", "test")]
    assert states(api, other) == []


def test_a_disabled_endpoint_is_neither_tested_nor_sent_to_again(api: Api) -> None:
    made = an_endpoint(api)
    switched(api, made, "disabled")
    for act in ("/test", "/resend"):
        problem = expect(api.post(path_of(made, act)), 409)
        assert (problem["code"], problem["endpoint_id"], problem["reason"]) == (
            *("endpoint_disabled", made["id"], "by_app"),
        )
    assert expect(api.get(f"{ENDPOINTS}/{made['id']}"), 200)["state"] == "disabled"


def test_an_endpoint_of_a_test_app_lives_in_real_time(
    trial_api: Api, database: Database, clock: FixedClock, trial_tenant: OpenedApp
) -> None:
    expect(trial_api.post("/v1/test-clock/advance", {"seconds": 30 * 86400}), 200)
    made = an_endpoint(trial_api)
    assert made["created_at"] == "2026-03-01T12:00:00Z"
    expect(trial_api.post(path_of(made, "/test")), 202)
    fanned_out(database, trial_tenant.tenant.app_id, clock)
    (delivery,) = items(trial_api, DELIVERIES)
    assert delivery["next_attempt_at"] == delivery["created_at"] == "2026-03-01T12:00:00Z"
