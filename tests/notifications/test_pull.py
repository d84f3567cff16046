"""Notifications over HTTP."""

from __future__ import annotations

from typing import Any

import pytest

from builders import Api, a_customer, expect, items
from cast import NOON
from referral_service.kit.db.engines import Database
from referral_service.notifications.announce import Change, announce
from referral_service.notifications.place import place_notifications
from referral_service.tenants.open_app import OpenedApp

NOTIFICATIONS = "/v1/notifications"


def told(database: Database, app_id: int, *, customer_id: str, times: int = 1) -> None:
    changes = [
        Change(
            type="reward.available",
            object_id="rwd_a",
            sequence=n,
            previous_state="pending",
            state="available",
            reason="hold_ended",
            object={"id": "rwd_a", "customer_id": customer_id},
        )
        for n in range(1, times + 1)
    ]
    database.transact(lambda session: announce(session, app_id=app_id, changes=changes, now=NOON))
    database.transact(lambda session: place_notifications(session, app_id=app_id))


def test_a_notification_is_read_as_it_is_sent_with_its_position(
    api: Api, database: Database, tenant: OpenedApp
) -> None:
    told(database, tenant.tenant.app_id, customer_id=a_customer(api)["id"])
    answer = expect(api.get(NOTIFICATIONS), 200)
    assert answer["next_cursor"] is None
    (one,) = answer["items"]
    assert one.pop("id").startswith("ntf_")
    assert one == {
        "type": "reward.available",
        "timestamp": "2026-03-01T12:00:00Z",
        "api_version": "v1",
        "object_id": "rwd_a",
        "sequence": 1,
        "position": 1,
        "data": {
            "object": {"id": "rwd_a", "customer_id": "alice"},
            "previous_state": "pending",
            "state": "available",
            "reason": "hold_ended",
        },
    }


def test_a_reader_goes_on_from_the_last_position(api: Api, database: Database, tenant: OpenedApp) -> None:
    told(database, tenant.tenant.app_id, customer_id=a_customer(api)["id"], times=5)
    first = expect(api.get(NOTIFICATIONS, limit=2), 200)["items"]
    rest = expect(api.get(NOTIFICATIONS, after=first[-1]["position"]), 200)["items"]
    assert [one["position"] for one in first + rest] == [1, 2, 3, 4, 5]
    assert expect(api.get(NOTIFICATIONS, after=5), 200) == {"items": [], "next_cursor": None}


def test_pages_follow_each_other_by_cursor_as_in_every_list(api: Api, database: Database, tenant: OpenedApp) -> None:
    told(database, tenant.tenant.app_id, customer_id=a_customer(api)["id"], times=5)
    assert [one["position"] for one in items(api, NOTIFICATIONS, limit=2)] == [1, 2, 3, 4, 5]
    assert [one["position"] for one in items(api, NOTIFICATIONS, limit=1, after=3)] == [4, 5]


def test_another_apps_notifications_are_not_seen(
    api: Api, database: Database, tenant: OpenedApp, trial_tenant: OpenedApp
) -> None:
    told(database, tenant.tenant.app_id, customer_id=a_customer(api)["id"])
    stranger = api.with_key(trial_tenant.key.secret)
    assert expect(stranger.get(NOTIFICATIONS), 200)["items"] == []


@pytest.mark.parametrize("query", [{"after": -1}, {"after": "x"}, {"after": 10**30}, {"limit": 0}, {"limit": 101}])
def test_what_is_no_position_or_limit_is_refused(api: Api, query: dict[str, Any]) -> None:
    assert set(expect(api.get(NOTIFICATIONS, **query), 422)["errors"]) == set(query)
