"""Whatever happens in whatever order, and whenever the worker counts how much of it: reports say what the rows say."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from itertools import count, pairwise

from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from insights.counting import Worker, recounted, stats_of

from builders import Api, a_code, a_customer, a_program, a_purchase, a_refund, credit, expect, items
from cast import Person
from referral_service.insights.add_up import Cell
from referral_service.insights.tally_changes import CLAIM_TYPE, REWARDS, Told, cells_of
from referral_service.kit.clock import FixedClock, format_rfc3339
from referral_service.kit.db.engines import Database
from referral_service.tenants.open_app import OpenedApp

HELD = [credit(key="held", side="referrer", hold_days=20), credit(key="later", side="referee", hold_days=3)]
DEEDS = ("claim", "claim", "buy", "buy", "buy before", "refund", "dispute", "win", "erase", "place", "count", "days")
REFERRERS, FRIENDS = 3, 5
histories = st.lists(
    st.tuples(st.sampled_from(DEEDS), st.integers(0, REFERRERS - 1), st.integers(0, FRIENDS - 1)),
    min_size=4, max_size=24,
)  # fmt: skip
_shops = count(1)


class Shop:
    """A program of its own, with people of its own, in which anything may be tried."""

    def __init__(self, api: Api, worker: Worker, clock: FixedClock) -> None:
        self.api, self.worker, self.clock = api, worker, clock
        number = next(_shops)
        self.program = a_program(api, rewards=HELD)
        self.people = [self._person(f"r{number}-{n}") for n in range(REFERRERS)]
        self.friends = [self._person(f"f{number}-{n}") for n in range(FRIENDS)]
        for person in self.people:
            a_customer(api, person, leaderboard_opt_in=True)
        self.codes = [a_code(api, self.program, referrer=person) for person in self.people]
        self.orders = count(1)
        self.bought: dict[int, str] = {}

    def _person(self, name: str) -> Person:
        return Person(name, f"{name}@example.com", name.title())

    def does(self, deed: str, referrer: int, friend: int) -> None:
        if deed == "claim":
            # A code may be gone, and a friend may have claimed before.
            body = {"code": self.codes[referrer]["code"], "referee": self.friends[friend].document()}
            expect(self.api.post("/v1/referrals", body), 200, 201, 404, 409, 410)
        elif deed in ("buy", "buy before"):
            order, ago = f"{self.friends[friend].customer_id}-{next(self.orders)}", timedelta(days=deed != "buy")
            a_purchase(self.api, customer=self.friends[friend], order_id=order, at=self.clock.now() - ago)
            self.bought[friend] = order
        elif deed == "refund" and friend in self.bought:
            a_refund(self.api, order_id=self.bought[friend])
        elif deed in ("dispute", "win") and friend in self.bought:
            status = "opened" if deed == "dispute" else "won"
            order = self.bought[friend]
            told = {"type": "dispute", "id": f"{order}-{next(self.orders)}", "order_id": order, "status": status}
            now = format_rfc3339(self.clock.now())
            expect(self.api.post("/v1/events", {**told, "occurred_at": now}), 200, 201)
        elif deed == "erase" and friend == 0:
            self.api.delete(f"/v1/customers/{self.people[referrer].customer_id}")
        elif deed == "place":
            self.worker.place()
        elif deed == "count":
            self.worker.count(limit=1 + friend, turns=1 + referrer)
        elif deed == "days":
            self.clock.advance(timedelta(days=1 + friend))

    def ranks(self) -> list[tuple[int, int]]:
        lines = items(self.api, f"/v1/programs/{self.program['id']}/leaderboard", limit=1)
        return [(line["rank"], line["conversions"]) for line in lines]


@given(history=histories)
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_reports_say_what_the_rows_say_after_any_history(
    database: Database, client: FlaskClient, tenant: OpenedApp, clock: FixedClock, history: list[tuple[str, int, int]]
) -> None:
    api = Api(client, key=tenant.key.secret, clock=clock)
    shop = Shop(api, Worker(database, tenant.tenant.app_id), clock)
    for deed, referrer, friend in history:
        shop.does(deed, referrer, friend)
    told, ranks = stats_of(api, shop.program["id"], **_around(clock)), shop.ranks()
    assert told == recounted(database, shop.program["id"])
    # Everybody left opted in, so the rank of each is one more than how many stand before with more.
    numbers = [conversions for _, conversions in ranks]
    assert ranks == [(1 + sum(other > n for other in numbers), n) for n in sorted(numbers, reverse=True)]
    shop.worker.work()
    assert stats_of(api, shop.program["id"], **_around(clock)) == told
    assert shop.ranks() == ranks


def _around(clock: FixedClock) -> dict[str, str]:
    """Examples go on in time where the last one ended; each lasts some months at most."""
    now = clock.now()
    return {"from": str((now - timedelta(days=200)).date()), "to": str((now + timedelta(days=1)).date())}


states = st.lists(st.sampled_from(("pending", "available", "redeemed", "voided", "clawed_back")), min_size=1)


@given(lives=st.lists(st.tuples(st.sampled_from(("2026-03-01", "2026-03-02")), states)))
def test_what_is_announced_of_rewards_comes_to_the_states_they_are_in(lives: list[tuple[str, list[str]]]) -> None:
    told = [
        Told("prg", day, "reward.x", before, state, 1)
        for day, life in lives
        for before, state in pairwise([None, *life])
        if state is not None
    ]
    claims = [Told("prg", day, CLAIM_TYPE, None, "pending", 2) for day, _ in lives]

    cells = {cell: n for cell, n in cells_of([*told, *claims]).items() if n and cell.name == REWARDS}

    assert cells == Counter(Cell("prg", REWARDS, day, life[-1]) for day, life in lives)
