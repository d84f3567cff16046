"""Clicks are counted into days once, dropped when they are old, and missed by nobody."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import count
from typing import Any

import pytest
from clicks.test_bots import CHROME
from flask import Flask
from sqlalchemy import func, insert, select

from builders import Api, a_code, a_customer, a_program, expect
from cast import BOB, NOON
from referral_service.clicks.models import Click
from referral_service.clicks.views import CLICKS
from referral_service.insights import tally_clicks as room
from referral_service.insights.models import Counter
from referral_service.insights.tally_clicks import drop_clicks, tally_clicks
from referral_service.kit.clock import FixedClock, SystemClock
from referral_service.kit.db.engines import Database
from referral_service.kit.http import wiring
from referral_service.kit.ids import first_id_at
from referral_service.tenants.open_app import OpenedApp
from referral_service.worker import lanes_of

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
KEPT = 90 * DAY


class Campaign:
    """A program with a code, whose clicks are written as if they had been made at a moment of our choice."""

    def __init__(self, api: Api, database: Database, app_id: int) -> None:
        self.api, self.database, self.app_id = api, database, app_id
        self.program = a_program(api)
        a_customer(api)
        self.code = a_code(api, self.program)
        self._numbers = count(1)

    def clicked(self, at: datetime, times: int = 1, *, channel: str | None = None, kind: str = "person") -> None:
        rows = [
            {
                "app_id": self.app_id, "id": f"{first_id_at('clk', at)[:-6]}{next(self._numbers):06}",
                "program_id": self.program["id"], "code_id": "rc_alice", "at": at, "kind": kind,
                "channel": channel,
            }
            for _ in range(times)
        ]  # fmt: skip
        self.database.transact(lambda session: session.execute(insert(Click), rows))

    def tally(self, now: datetime = NOON, *, limit: int = 1000) -> int:
        """Count what was written a minute before `now`, as two turns of the worker do; gives how many."""
        done = 0
        for moment in (now - MINUTE, now):
            while more := self.turn(moment, limit=limit):
                done += more
        return done

    def turn(self, now: datetime, *, limit: int = 1000) -> int:
        return self.database.transact(lambda session: tally_clicks(session, app_id=self.app_id, now=now, limit=limit))

    def drop(self, now: datetime = NOON) -> int:
        return self.database.transact(lambda session: drop_clicks(session, app_id=self.app_id, now=now, kept=KEPT))

    def kept(self) -> int:
        return self.database.read(lambda session: session.scalar(select(func.count()).select_from(Click)) or 0)

    def counted(self) -> dict[str, int]:
        """Return what the counters hold, by channel."""
        by_key = select(Counter.key, func.sum(Counter.value)).group_by(Counter.key)
        return {key: int(value) for key, value in self.database.read(lambda session: session.execute(by_key).all())}

    def stats(self, **span: str) -> Any:
        return expect(self.api.get(f"/v1/programs/{self.program['id']}/stats", **span), 200)


@pytest.fixture
def campaign(api: Api, database: Database, tenant: OpenedApp) -> Campaign:
    return Campaign(api, database, tenant.tenant.app_id)


def test_the_funnel_says_the_same_before_and_after_clicks_are_counted_and_dropped(campaign: Campaign) -> None:
    campaign.clicked(NOON - 100 * DAY, 3)
    campaign.clicked(NOON - 99 * DAY, 2, channel="mail")
    campaign.clicked(NOON - 98 * DAY, kind="bot")
    campaign.clicked(NOON - 5 * MINUTE, 4, channel="mail")
    span = {"from": "2025-11-01", "to": "2026-03-01"}
    before = campaign.stats(**span)
    assert (before["clicks"], before["by_channel"]) == (
        9,
        [{"channel": "mail", "clicks": 6}, {"channel": None, "clicks": 3}],
    )

    assert campaign.tally() == 10
    assert campaign.stats(**span) == before
    assert campaign.drop() == 6
    assert campaign.kept() == 4
    assert campaign.stats(**span) == before
    campaign.clicked(NOON, 1)
    assert campaign.stats(**span)["clicks"] == 10


def test_a_click_is_counted_once_however_often_and_in_whatever_portions_they_are_counted(campaign: Campaign) -> None:
    campaign.clicked(NOON - DAY, 7)
    assert campaign.tally(limit=3) == 7
    assert campaign.tally(NOON + DAY) == 0
    assert campaign.counted() == {"": 7}
    campaign.clicked(NOON, 2)
    assert campaign.tally(NOON + DAY + 5 * MINUTE, limit=1) == 2
    assert sum(row["clicks"] for row in campaign.stats()["by_day"]) == 9


def test_a_click_that_was_written_late_is_counted(campaign: Campaign) -> None:
    campaign.turn(NOON)
    # An hour without a database: a web process kept this one in memory, and the worker is back before it.
    campaign.turn(NOON + 60 * MINUTE)
    campaign.clicked(NOON + 10 * MINUTE)
    campaign.turn(NOON + 62 * MINUTE)
    assert campaign.counted() == {"": 1}


def test_a_click_that_may_still_have_others_before_it_waits(campaign: Campaign) -> None:
    campaign.clicked(NOON - timedelta(seconds=30))
    assert campaign.tally() == 0
    assert campaign.tally(NOON + 5 * MINUTE) == 1


def test_a_click_is_dropped_only_when_it_is_counted_and_old(campaign: Campaign) -> None:
    campaign.clicked(NOON - KEPT - DAY, 2)
    assert campaign.drop() == 0
    campaign.tally()
    campaign.clicked(NOON - KEPT + DAY)
    assert (campaign.drop(), campaign.kept()) == (2, 1)


def test_of_a_day_with_too_many_channels_the_further_ones_count_as_clicks_alone(
    campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "CHANNELS_A_DAY_MAX", 2)
    for channel in ("chat", "mail", "web", "xray", None):
        campaign.clicked(NOON - DAY, channel=channel)
    campaign.tally(limit=2)
    assert campaign.counted() == {"chat": 1, "mail": 1, "": 1, room.OTHER_CHANNELS: 2}
    told = campaign.stats()
    assert told["clicks"] == 5
    assert {row["channel"] for row in told["by_channel"]} == {"chat", "mail", None}


@pytest.mark.parametrize(
    ("start", "end", "clicks"),
    [
        ("2026-02-26T12:00:00Z", "2026-02-28T11:59:59Z", 4),
        ("2026-02-26T13:00:00Z", "2026-02-28T12:00:00Z", 5),
        ("2026-02-26T11:00:00Z", "2026-02-26T12:00:00Z", 2),
        ("2026-02-27", "2026-02-27", 2),
    ],
)
def test_a_part_of_a_day_is_counted_from_the_clicks(campaign: Campaign, start: str, end: str, clicks: int) -> None:
    for days, times in ((3, 2), (2, 2), (1, 3)):
        campaign.clicked(NOON - days * DAY, times)
    asked = {"from": start, "to": end}
    assert campaign.stats(**asked)["clicks"] == clicks
    campaign.tally()
    assert campaign.stats(**asked)["clicks"] == clicks


def test_a_claim_needs_no_click_that_is_still_there(app: Flask, campaign: Campaign) -> None:
    path = f"/r/{campaign.code['signed_code']}"
    answer = campaign.api.client.get(path, headers={"User-Agent": CHROME})
    token = answer.headers["Location"].split("ref_click=")[1].split("&")[0]
    app.extensions[CLICKS].flush()
    # Its id was made by the machine's own clock.
    later = SystemClock().now() + KEPT + DAY
    campaign.tally(later)
    assert (campaign.drop(later), campaign.kept()) == (1, 0)

    claimed = expect(campaign.api.post("/v1/referrals", {"click_token": token, "referee": BOB.document()}), 201)

    told = campaign.api.get(f"/v1/referrals/{claimed['id']}/explain").get_data(as_text=True)
    assert '"observed":"click","passed":true' in told.replace('": ', '":').replace(", ", ",")


def test_the_worker_counts_and_drops(app: Flask, campaign: Campaign, clock: FixedClock) -> None:
    campaign.clicked(NOON - 91 * DAY, 2)
    campaign.clicked(NOON - 89 * DAY)
    for _ in range(2):
        for step in lanes_of(app.extensions[wiring.EXTENSION])[0]:
            step.take_turn()
            assert not step.rests, step.name
        clock.advance(2 * MINUTE)
    assert campaign.kept() == 1
    assert sum(campaign.counted().values()) == 3
