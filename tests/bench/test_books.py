"""Books that are loaded in bulk are books the service could have written: the doctor says so, and life goes on."""

from __future__ import annotations

from typing import Any

import pytest
from conftest import MASTER_KEYS
from sqlalchemy import func, select

from benchmarks import stencil
from benchmarks.asks import purchase_message
from benchmarks.growth import load_book
from benchmarks.stage import Cast
from referral_service.app import close, create_app
from referral_service.config import Settings
from referral_service.doctor.run import examine
from referral_service.kit.clock import SystemClock
from referral_service.kit.db.engines import Database
from referral_service.kit.ids import is_id
from referral_service.referrals.models import Rank, Referral

# What the service was asked for is rounded up to whole circles; two circles were played to copy from.
ASKED, LOADED, PLAYED = 120, 150, 100
# The PostgreSQL of the tests runs without fsync, which I15 rightly names.
ON_ANY_SERVER = "I15"


def faults(database: Database) -> list[str]:
    report = database.read(lambda session: examine(session, settings=None, now=SystemClock().now()))
    assert sum(check.checked for check in report.checks) > 10 * LOADED
    return [
        f"{check.invariant} {each.object_id}: {each.says}"
        for check in report.checks
        if check.invariant != ON_ANY_SERVER
        for each in check.violations
    ]


class Service:
    """The application over a loaded book, in real time."""

    def __init__(self, database: Database, cast: Cast) -> None:
        settings = Settings(
            database_url=database.url.render_as_string(hide_password=False), base_url="http://127.0.0.1",
            master_keys=MASTER_KEYS, rate_limits=False,
        )  # fmt: skip
        self.app = create_app(settings, database=database)
        self.client, self.cast = self.app.test_client(), cast

    def get(self, path: str) -> Any:
        answer = self.client.get(path, headers={"Authorization": f"Bearer {self.cast.api_key}"})
        assert answer.status_code == 200, answer.get_data(as_text=True)
        return answer.json

    def buys(self, friend: str) -> Any:
        body, headers = purchase_message(self.cast, friend, now=SystemClock().now())
        answer = self.client.post(f"/v1/hooks/{self.cast.source_id}", data=body, headers=headers)
        assert answer.status_code == 200, answer.get_data(as_text=True)
        return answer.json


def test_a_loaded_book_is_in_order_and_the_service_goes_on_with_it(database: Database) -> None:
    told: list[int] = []
    cast, book = load_book(database, MASTER_KEYS, referrals=ASKED, advance=told.append)

    assert sum(told) == LOADED
    assert faults(database) == []
    ids = database.read(lambda session: session.scalars(select(Referral.id)).all())
    assert len(ids) == len(set(ids)) == LOADED + PLAYED
    assert all(is_id(each, "ref") for each in ids)

    service = Service(database, cast)
    try:
        copied = book.stencil.ids("referrals", copy=2, day=book.day_of(2))
        assert len(copied) == stencil.FRIENDS
        assert set(copied) <= set(ids)
        assert service.get(f"/v1/referrals/{copied[0]}/explain")["referral_id"] == copied[0]
        owners, friends = stencil.names(2)
        first = service.buys(friends[0])
        assert first["outcome"] == "converted"
        assert len(first["reward_ids"]) == 2
        # Those of the circle who have bought are known as such: a second order is no second conversion.
        owner, conversions = owners[-1], stencil.CIRCLE[-1][1]
        listed = service.get(f"/v1/programs/{cast.program_id}/leaderboard?limit=100")["items"]
        assert {each["customer_id"]: each["conversions"] for each in listed}[owner] == conversions
        assert service.get(f"/v1/customers/{owner}/balances")["items"][0]["available"] == conversions * 1000
        assert service.get(f"/v1/programs/{cast.program_id}/stats")["claims"] >= stencil.FRIENDS
    finally:
        close(service.app)
    assert faults(database) == []


def test_a_total_that_the_loader_does_not_know_stops_it(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stencil, "TOTALS", {})
    with pytest.raises(stencil.StencilFault, match="notification_heads"):
        load_book(database, MASTER_KEYS, referrals=ASKED, advance=lambda _: None)
    ranks = database.read(lambda session: session.scalar(select(func.count()).select_from(Rank)))
    assert ranks == 2 * sum(buyers > 0 for _, buyers in stencil.CIRCLE)
