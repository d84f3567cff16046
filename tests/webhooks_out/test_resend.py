"""What an endpoint missed is sent again: in order, a bounded part at a time, and told how to go on."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from webhooks_out.endpoints import DELIVERIES, an_endpoint, fanned_out, path_of, told, went

from builders import Api, expect, items
from referral_service.kit.clock import FixedClock, format_rfc3339
from referral_service.kit.db.engines import Database
from referral_service.tenants.open_app import OpenedApp
from referral_service.webhooks_out.deliveries import resend

BY_HOUR = 4


@pytest.fixture
def app_id(tenant: OpenedApp) -> int:
    return tenant.tenant.app_id


@pytest.fixture
def endpoint(api: Api, database: Database, clock: FixedClock, app_id: int) -> Any:
    """An endpoint with four deliveries of each of three hours: done, dead, disabled, and leased."""
    made, _other = an_endpoint(api), an_endpoint(api)
    for hour in range(3):
        told(database, app_id, times=BY_HOUR, of=f"rwd_{hour}")
        fanned_out(database, app_id, clock)
        clock.advance(timedelta(hours=1))
    for nth, delivery_id in enumerate(it["id"] for it in of(api, made)):
        went(database, ("done", "dead", "disabled", "leased")[nth % BY_HOUR], delivery_id)
    return made


def of(api: Api, endpoint: Any) -> list[Any]:
    """The endpoint's deliveries, oldest first."""
    return items(api, DELIVERIES, endpoint_id=endpoint["id"])[::-1]


def again(api: Api, endpoint: Any, **body: Any) -> Any:
    return expect(api.post(path_of(endpoint, "/resend"), body), 200)


def moved(api: Api, endpoint: Any, before: list[Any]) -> list[int]:
    """Which of the endpoint's deliveries are scheduled now and were not before; all others are as they were."""
    found = []
    for nth, (was, now) in enumerate(zip(before, of(api, endpoint), strict=True)):
        if now != was:
            assert (now["state"], now["attempts"], now["done_at"]) == ("scheduled", 0, None)
            assert now["next_attempt_at"] == format_rfc3339(api.now())
            found.append(nth)
    return found


def test_without_a_word_what_failed_or_was_missed_is_sent_again(api: Api, endpoint: Any) -> None:
    before = of(api, endpoint)
    answer = expect(api.post(path_of(endpoint, "/resend")), 200)
    assert answer == {"scheduled": 6, "more": False, "after": None}
    assert moved(api, endpoint, before) == [1, 2, 5, 6, 9, 10]
    assert again(api, endpoint) == {"scheduled": 0, "more": False, "after": None}


def test_all_are_sent_again_but_for_what_is_being_sent(api: Api, endpoint: Any) -> None:
    before = of(api, endpoint)
    assert again(api, endpoint, what="all")["scheduled"] == 9
    assert moved(api, endpoint, before) == [0, 1, 2, 4, 5, 6, 8, 9, 10]


def test_other_endpoints_are_not_sent_anything(api: Api, endpoint: Any) -> None:
    (other,) = [it for it in items(api, "/v1/webhook-endpoints") if it["id"] != endpoint["id"]]
    before = of(api, other)
    again(api, endpoint, what="all")
    assert of(api, other) == before


@pytest.mark.parametrize(
    ("span", "hours"),
    [
        ({"from": "2026-03-01T13:00:00Z"}, [1, 2]),
        ({"from": "2026-03-01T13:00:00.000001Z"}, [2]),
        ({"to": "2026-03-01T13:00:00Z"}, [0, 1]),
        ({"to": "2026-03-01T12:59:59Z"}, [0]),
        ({"from": "2026-03-01T14:00:00+01:00", "to": "2026-03-01T13:00:00Z"}, [1]),
        ({"from": None, "to": None}, [0, 1, 2]),
        ({"from": "2027-03-01T13:00:00Z"}, []),
    ],
)
def test_a_span_bounds_when_the_deliveries_were_made(
    api: Api, endpoint: Any, span: dict[str, Any], hours: list[int]
) -> None:
    before = of(api, endpoint)
    assert again(api, endpoint, **span)["scheduled"] == 2 * len(hours)
    assert moved(api, endpoint, before) == [BY_HOUR * hour + nth for hour in hours for nth in (1, 2)]


@pytest.mark.parametrize("what", ["failed", "all"])
@pytest.mark.parametrize("at_once", [1, 2, 3, 8])
def test_a_part_at_a_time_is_scheduled_in_order_until_nothing_is_left(
    api: Api, endpoint: Any, what: str, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resend, "RESENT_MAX", at_once)
    wanted = [0, 1, 2, 4, 5, 6, 8, 9, 10] if what == "all" else [1, 2, 5, 6, 9, 10]
    before, after, parts = of(api, endpoint), None, []
    while True:
        answer = again(api, endpoint, what=what, after=after)
        parts.append(answer["scheduled"])
        assert moved(api, endpoint, before) == wanted[: sum(parts)]
        after = answer["after"]
        if not answer["more"]:
            break
    assert after is None
    assert sum(parts) == len(wanted)
    assert set(parts[:-1]) <= {at_once}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"what": "dead"}, "what"),
        ({"what": None}, "what"),
        ({"what": "FAILED"}, "what"),
        ({"from": "yesterday"}, "from"),
        ({"from": "2026-03-02T00:00:00Z", "to": "2026-03-01T00:00:00Z"}, "to"),
        ({"starts_at": "2026-03-02T00:00:00Z"}, "starts_at"),
        ({"after": ""}, "after"),
        ({"limit": 1}, "limit"),
    ],
)
def test_what_is_to_be_sent_again_is_read_strictly(api: Api, endpoint: Any, body: dict[str, Any], field: str) -> None:
    before = of(api, endpoint)
    assert list(expect(api.post(path_of(endpoint, "/resend"), body), 422)["errors"]) == [field]
    assert moved(api, endpoint, before) == []


def test_asked_twice_under_one_key_it_is_done_once(api: Api, endpoint: Any, database: Database) -> None:
    path = path_of(endpoint, "/resend")
    assert expect(api.post(path, {}, idempotency_key="k"), 200)["scheduled"] == 6
    went(database, "dead", *(it["id"] for it in of(api, endpoint) if it["state"] == "scheduled"))
    assert expect(api.post(path, {}, idempotency_key="k"), 200)["scheduled"] == 6
    assert {it["state"] for it in of(api, endpoint)} == {"done", "dead", "leased"}
