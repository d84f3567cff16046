"""The funnel: what happened in a program within a span of time."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from clicks.test_bots import BOTS, CHROME
from flask import Flask
from insights.counting import Worker

from builders import Api, a_claim, a_code, a_customer, a_program, a_purchase, a_refund, credit, expect
from cast import ALICE, BOB, CAROL, MALLORY, NOON, Person
from referral_service.clicks.views import CLICKS
from referral_service.kit.clock import FixedClock
from referral_service.kit.db.engines import Database
from referral_service.tenants.open_app import OpenedApp

DAY = timedelta(days=1)
NOTHING = {
    "clicks": 0, "claims": 0, "conversions": 0, "reversed": 0, "rewards": {}, "by_day": [], "by_channel": [],
}  # fmt: skip


class Shop:
    """A program with Alice's code, and the days that pass in it."""

    def __init__(self, app: Flask, api: Api, clock: FixedClock, **terms: Any) -> None:
        self.app, self.api, self.clock = app, api, clock
        # Counts whatever there is before anybody asks.
        self.worker: Worker | None = None
        self.program = a_program(api, **terms)
        a_customer(api, ALICE)
        self.code = a_code(api, self.program)

    def visit(self, times: int = 1, *, user_agent: str = CHROME, **query: str) -> None:
        for _ in range(times):
            path = f"/r/{self.code['signed_code']}"
            self.api.client.get(path, headers={"User-Agent": user_agent}, query_string=query)
        self.app.extensions[CLICKS].flush()

    def stats(self, **span: str) -> Any:
        if self.worker:
            self.worker.work()
        return expect(self.api.get(f"/v1/programs/{self.program['id']}/stats", **span), 200)


@pytest.fixture(params=["not counted yet", "counted"])
def shop(
    request: pytest.FixtureRequest, app: Flask, api: Api, clock: FixedClock, database: Database, tenant: OpenedApp
) -> Shop:
    made = Shop(app, api, clock)
    made.worker = Worker(database, tenant.tenant.app_id) if request.param == "counted" else None
    return made


def test_a_new_program_has_nothing_to_tell(shop: Shop) -> None:
    assert shop.stats() == NOTHING


def test_the_funnel_is_counted_from_click_to_reward(shop: Shop) -> None:
    shop.visit(3)
    a_claim(shop.api, shop.code, referee=BOB)
    a_claim(shop.api, shop.code, referee=CAROL)
    a_purchase(shop.api, customer=BOB)

    found = shop.stats()

    assert found == {
        "clicks": 3,
        "claims": 2,
        "conversions": 1,
        "reversed": 0,
        "rewards": {"available": 2},
        "by_day": [{"day": "2026-03-01", "clicks": 3, "claims": 2, "conversions": 1}],
        "by_channel": [{"channel": None, "clicks": 3}],
    }


def test_each_thing_is_counted_on_its_day(shop: Shop) -> None:
    shop.visit()
    shop.clock.advance(DAY)
    a_claim(shop.api, shop.code, referee=BOB)
    shop.clock.advance(timedelta(hours=11, minutes=59))
    a_claim(shop.api, shop.code, referee=CAROL)
    shop.clock.advance(timedelta(minutes=1))
    a_purchase(shop.api, customer=BOB)

    assert shop.stats()["by_day"] == [
        {"day": "2026-03-01", "clicks": 1, "claims": 0, "conversions": 0},
        {"day": "2026-03-02", "clicks": 0, "claims": 2, "conversions": 0},
        {"day": "2026-03-03", "clicks": 0, "claims": 0, "conversions": 1},
    ]


def test_channels_are_counted_the_busiest_first(shop: Shop) -> None:
    shop.visit(2, ch="whatsapp")
    shop.visit(3, ch="mail")
    shop.visit(2)

    assert shop.stats()["by_channel"] == [
        {"channel": "mail", "clicks": 3},
        {"channel": "whatsapp", "clicks": 2},
        {"channel": None, "clicks": 2},
    ]


def test_of_very_many_channels_fifty_are_told(shop: Shop) -> None:
    for n in range(52):
        shop.visit(ch=f"c{n}")

    found = shop.stats()

    assert found["clicks"] == 52
    assert len(found["by_channel"]) == 50


def test_a_preview_is_no_click(shop: Shop) -> None:
    shop.visit(user_agent=next(iter(BOTS.values())))

    assert shop.stats() == NOTHING


def test_a_refused_claim_is_none(shop: Shop) -> None:
    refused = shop.api.post("/v1/referrals", {"code": shop.code["code"], "referee": ALICE.document()})
    assert refused.status_code == 409

    assert shop.stats()["claims"] == 0


def test_a_conversion_that_was_reversed_is_told_as_both(shop: Shop) -> None:
    for person in (BOB, CAROL):
        a_claim(shop.api, shop.code, referee=person)
        a_purchase(shop.api, customer=person, order_id=person.customer_id)
    a_refund(shop.api, order_id="bob")

    found = shop.stats()

    assert (found["conversions"], found["reversed"]) == (2, 1)
    assert found["rewards"] == {"available": 2, "clawed_back": 2}
    assert found["by_day"][0]["conversions"] == 2


def test_rewards_are_told_by_the_state_they_are_in_now(app: Flask, api: Api, clock: FixedClock) -> None:
    held = credit(key="held", side="referrer", hold_days=14)
    shop = Shop(app, api, clock, rewards=[held, credit(key="free", side="referee")])
    a_claim(api, shop.code, referee=BOB)
    a_purchase(api, customer=BOB)

    assert shop.stats()["rewards"] == {"available": 1, "pending": 1}


def test_only_what_lies_in_the_span_is_counted_and_both_edges_do(shop: Shop) -> None:
    shop.visit()
    shop.clock.advance(DAY)
    shop.visit(2)
    shop.clock.advance(DAY)
    shop.visit(4)

    def clicks(**span: str) -> int:
        return int(shop.stats(**span)["clicks"])

    assert clicks() == 7
    assert clicks(**{"from": "2026-03-02"}) == 6
    assert clicks(to="2026-03-02") == 3
    assert clicks(**{"from": "2026-03-02", "to": "2026-03-02"}) == 2
    assert clicks(**{"from": "2026-03-01T12:00:00Z", "to": "2026-03-02T12:00:00Z"}) == 3
    assert clicks(**{"from": "2026-03-01T12:00:01Z", "to": "2026-03-02T11:59:59Z"}) == 0
    assert clicks(**{"from": "2026-03-02T13:00:00+01:00", "to": "2026-03-02T12:00:00Z"}) == 2
    assert clicks(**{"from": "2026-02-01", "to": "2026-02-28"}) == 0


def test_what_is_older_than_thirty_days_is_told_when_asked_for(shop: Shop) -> None:
    a_claim(shop.api, shop.code, referee=BOB)
    shop.clock.advance(30 * DAY)
    assert shop.stats()["claims"] == 0

    assert shop.stats(**{"from": "2026-03-01"})["claims"] == 1


@pytest.mark.parametrize(
    ("span", "wrong"),
    [
        ({"from": "2026-03-02"}, "from"),
        ({"from": "2025-02-01", "to": "2026-02-28"}, "from"),
        ({"from": "2024-01-01"}, "from"),
        ({"from": "yesterday"}, "from"),
        ({"from": "2026-02-30"}, "from"),
        ({"to": "1999-12-31"}, "to"),
        ({"to": "2026-03-01T12:00:00"}, "to"),
        ({"to": ""}, "to"),
        ({"until": "2026-03-01"}, "until"),
    ],
)
def test_a_span_that_is_none_is_refused_by_name(shop: Shop, span: dict[str, str], wrong: str) -> None:
    answer = shop.api.get(f"/v1/programs/{shop.program['id']}/stats", **span)

    assert (answer.status_code, list(answer.json["errors"])) == (422, [wrong])


def test_another_program_is_counted_apart(shop: Shop) -> None:
    other = a_program(shop.api, name="Other")
    shop.visit()
    a_claim(shop.api, a_code(shop.api, other, referrer=MALLORY), referee=BOB)
    a_purchase(shop.api, customer=BOB)

    found = expect(shop.api.get(f"/v1/programs/{other['id']}/stats"), 200)

    assert (found["clicks"], found["claims"], found["conversions"]) == (0, 1, 1)
    assert shop.stats()["by_day"] == [{"day": "2026-03-01", "clicks": 1, "claims": 0, "conversions": 0}]


def test_a_test_app_counts_by_its_own_clock(app: Flask, trial_api: Api, clock: FixedClock) -> None:
    shop = Shop(app, trial_api, clock)
    expect(trial_api.post("/v1/test-clock/advance", {"seconds": 86_400 * 40}), 200)
    shop.visit()
    a_claim(trial_api, shop.code, referee=Person("dave", "dave@example.com", "Dave"))

    found = shop.stats()

    assert (found["clicks"], found["claims"]) == (1, 1)
    assert found["by_day"][0]["day"] == (NOON + 40 * DAY).date().isoformat()
