"""Lists go on where the page before ended, and nowhere else."""

from __future__ import annotations

from typing import Any

import pytest

from builders import Api, items
from referral_service.tenants.open_app import OpenedApp


def numbers(answer: Any) -> list[int]:
    return [it["number"] for it in answer.json["items"]]


def test_pages_follow_each_other_without_gap_or_overlap(api: Api) -> None:
    assert [it["number"] for it in items(api, "/probe/numbers", limit=7)] == list(range(1, 51))


def test_the_last_page_has_no_next_even_when_it_is_full(api: Api) -> None:
    answer = api.get("/probe/numbers", above=30, limit=20)
    assert numbers(answer) == list(range(31, 51))
    assert answer.json["next_cursor"] is None


def test_twenty_items_make_a_page_unless_said_otherwise(api: Api) -> None:
    assert len(numbers(api.get("/probe/numbers"))) == 20


@pytest.mark.parametrize("limit", ["0", "101", "-1", "1.5", "x", "", "9" * 400])
def test_a_limit_out_of_range_is_refused(api: Api, limit: str) -> None:
    answer = api.get("/probe/numbers", limit=limit)
    assert (answer.status_code, list(answer.json["errors"])) == (422, ["limit"])


def test_an_empty_cursor_is_refused(api: Api) -> None:
    assert api.get("/probe/numbers?cursor=").status_code == 422


def tampered(cursor: str) -> list[str]:
    flipped = [cursor[:at] + ("A" if cursor[at] != "A" else "B") + cursor[at + 1 :] for at in range(0, len(cursor), 5)]
    return [*flipped, cursor + "A", cursor[:-1], "x", "a.b", "ü", cursor.upper()]


def test_a_cursor_that_was_tampered_with_is_refused(api: Api) -> None:
    cursor = api.get("/probe/numbers", limit=5).json["next_cursor"]
    for text in tampered(cursor):
        answer = api.get("/probe/numbers", limit=5, cursor=text)
        assert (answer.status_code, answer.json["code"]) == (400, "invalid_cursor"), text


def test_a_cursor_is_good_for_its_filters_its_list_and_its_app_alone(api: Api, trial_tenant: OpenedApp) -> None:
    cursor = api.get("/probe/numbers", limit=5).json["next_cursor"]
    assert api.get("/probe/numbers", limit=9, cursor=cursor).status_code == 200
    assert api.get("/probe/numbers", above=1, cursor=cursor).status_code == 400
    assert api.get("/v1/keys", cursor=cursor).status_code == 400
    assert api.with_key(trial_tenant.key.secret).get("/probe/numbers", cursor=cursor).status_code == 400
