"""The leaderboard: who opted in, ranked among all."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from insights.counting import Worker
from sqlalchemy import insert

from builders import Api, a_claim, a_code, a_customer, a_program, a_purchase, a_refund, expect, items
from cast import ALICE, BOB, CAROL, MALLORY, NOON, Person
from referral_service.customers.ensure_customers import find_customers
from referral_service.kit.db.engines import Database
from referral_service.kit.ids import new_id
from referral_service.referrals.ranks import count_conversions
from referral_service.rewards.models import Reward
from referral_service.tenants.open_app import OpenedApp

DAVE = Person("dave", "dave@example.com", "Dave")


class Contest:
    """A program in which people have conversions."""

    def __init__(self, database: Database, api: Api, app_id: int) -> None:
        self.database, self.api, self.app_id = database, api, app_id
        # Counts whatever there is before anybody asks.
        self.worker: Worker | None = None
        self.program = str(a_program(api)["id"])

    def has(self, person: Person, conversions: int, *, opted_in: bool = True, program: str | None = None) -> None:
        a_customer(self.api, person, leaderboard_opt_in=opted_in)
        deltas = {(program or self.program, self.inside_id(person)): conversions}
        self.database.transact(lambda session: count_conversions(session, app_id=self.app_id, deltas=deltas))

    def inside_id(self, person: Person) -> str:
        names = [person.customer_id]
        return self.database.read(lambda session: find_customers(session, app_id=self.app_id, external_ids=names))[
            person.customer_id
        ]

    def won(
        self,
        person: Person,
        badge: str | None,
        *,
        released_at: datetime | None = NOON,
        ordinal: int = 1,
        state: str = "available",
        program: str | None = None,
    ) -> None:
        """A reward of the person, with a badge or without."""
        row = {
            "app_id": self.app_id, "id": new_id("rwd"), "program_id": program or self.program, "version": 1,
            "recipient_id": self.inside_id(person), "reward_key": "friends", "subject": f"nth:{ordinal}",
            "side": "referrer", "ordinal": ordinal, "state": state, "kind": "points", "unit": "points",
            "granted": 1, "reversed": 1 if state == "clawed_back" else 0, "badge": badge, "occurred_at": NOON,
            "hold_ends_at": NOON, "released_at": released_at, "created_at": NOON, "updated_at": NOON,
        }  # fmt: skip
        self.database.transact(lambda session: session.execute(insert(Reward).values(row)))

    def board(self, **query: Any) -> list[Any]:
        if self.worker:
            self.worker.work()
        return items(self.api, f"/v1/programs/{self.program}/leaderboard", **query)

    def ranks(self) -> list[tuple[str, int]]:
        return [(item["customer_id"], item["rank"]) for item in self.board()]


@pytest.fixture(params=["not counted yet", "counted"])
def contest(request: pytest.FixtureRequest, database: Database, api: Api, tenant: OpenedApp) -> Contest:
    made = Contest(database, api, tenant.tenant.app_id)
    made.worker = Worker(database, tenant.tenant.app_id) if request.param == "counted" else None
    return made


def test_a_line_tells_rank_name_and_number(contest: Contest) -> None:
    contest.has(ALICE, 7)

    assert contest.board() == [
        {"rank": 1, "customer_id": "alice", "display_name": "Alice", "conversions": 7, "badge": None}
    ]


def test_equal_numbers_share_a_rank_and_the_next_one_skips(contest: Contest) -> None:
    contest.has(CAROL, 1)
    contest.has(ALICE, 4)
    contest.has(DAVE, 4)
    contest.has(BOB, 9)

    found = contest.ranks()

    assert [rank for _, rank in found] == [1, 2, 2, 4]
    assert found[0][0] == "bob"
    assert {name for name, _ in found[1:3]} == {"alice", "dave"}


def test_who_did_not_opt_in_is_not_shown_and_keeps_their_rank(contest: Contest) -> None:
    contest.has(BOB, 9, opted_in=False)
    contest.has(ALICE, 4)
    contest.has(MALLORY, 3, opted_in=False)
    contest.has(DAVE, 3, opted_in=False)
    contest.has(CAROL, 2)

    assert contest.ranks() == [("alice", 2), ("carol", 5)]


def test_who_opts_out_again_is_gone(contest: Contest) -> None:
    contest.has(ALICE, 4)
    contest.has(BOB, 9)

    a_customer(contest.api, BOB, leaderboard_opt_in=False)

    assert contest.ranks() == [("alice", 2)]


def test_who_was_erased_is_gone_and_takes_no_rank(contest: Contest) -> None:
    contest.has(BOB, 9)
    contest.has(ALICE, 4)
    contest.has(MALLORY, 3, opted_in=False)
    contest.has(CAROL, 2)

    for person in (BOB, MALLORY):
        expect(contest.api.delete(f"/v1/customers/{person.customer_id}"), 200, 204)

    assert contest.ranks() == [("alice", 1), ("carol", 2)]


def test_who_has_no_conversion_left_is_not_ranked(contest: Contest) -> None:
    contest.has(ALICE, 1)
    contest.has(BOB, 0)
    contest.has(ALICE, -1)

    assert contest.ranks() == []


def test_numbers_that_go_up_and_down_are_counted_where_they_are_now(contest: Contest) -> None:
    contest.has(ALICE, 3)
    contest.has(BOB, 2)
    contest.has(CAROL, 1)
    assert contest.ranks() == [("alice", 1), ("bob", 2), ("carol", 3)]
    for person, more, ranks in (
        (CAROL, 2, [("alice", 1), ("carol", 1), ("bob", 3)]),
        (ALICE, -2, [("carol", 1), ("bob", 2), ("alice", 3)]),
        (CAROL, -3, [("bob", 1), ("alice", 2)]),
        (MALLORY, 2, [("bob", 1), ("mallory", 1), ("alice", 3)]),
    ):
        contest.has(person, more)
        assert sorted(contest.ranks()) == sorted(ranks)
    expect(contest.api.delete("/v1/customers/bob"), 200, 204)
    assert contest.ranks() == [("mallory", 1), ("alice", 2)]


def test_each_program_has_its_own(contest: Contest) -> None:
    other = a_program(contest.api)["id"]
    contest.has(ALICE, 1)
    contest.has(BOB, 5, program=other)

    assert contest.ranks() == [("alice", 1)]


def test_pages_of_every_size_make_the_whole_list(contest: Contest) -> None:
    for n in range(12):
        contest.has(Person(f"p{n}", f"p{n}@example.com", f"P{n}"), 1 + n // 3, opted_in=n != 11)
    whole = contest.board(limit=100)

    assert [item["rank"] for item in whole] == [1, 1, 4, 4, 4, 7, 7, 7, 10, 10, 10]
    for limit in (1, 2, 3, 5):
        assert contest.board(limit=limit) == whole


def test_the_badge_is_that_of_the_latest_released_reward(contest: Contest) -> None:
    contest.has(ALICE, 10)
    contest.won(ALICE, "bronze", ordinal=1, released_at=NOON)
    contest.won(ALICE, "silver", ordinal=3, released_at=NOON + timedelta(days=2))
    contest.won(ALICE, None, ordinal=4, released_at=NOON + timedelta(days=3))
    contest.won(ALICE, "gold", ordinal=10, released_at=None, state="pending")

    assert contest.board()[0]["badge"] == "silver"


def test_of_badges_released_at_one_moment_the_later_ordinal_counts(contest: Contest) -> None:
    contest.has(ALICE, 10)
    contest.won(ALICE, "gold", ordinal=10)
    contest.won(ALICE, "silver", ordinal=3)

    assert contest.board()[0]["badge"] == "gold"


@pytest.mark.parametrize(("state", "badge"), [("clawed_back", "bronze"), ("redeemed", "silver"), ("expired", "silver")])
def test_a_badge_that_was_taken_back_is_none(contest: Contest, state: str, badge: str) -> None:
    contest.has(ALICE, 3)
    contest.won(ALICE, "bronze", ordinal=1)
    contest.won(ALICE, "silver", ordinal=3, released_at=NOON + timedelta(days=1), state=state)

    assert contest.board()[0]["badge"] == badge


def test_a_badge_of_another_program_or_person_is_not_shown(contest: Contest) -> None:
    other = a_program(contest.api)["id"]
    contest.has(ALICE, 3)
    contest.has(BOB, 1)
    contest.won(ALICE, "bronze", program=other)
    contest.won(BOB, "silver")

    assert [item["badge"] for item in contest.board()] == [None, "silver"]


def test_a_cursor_of_one_program_leads_nowhere_in_another(contest: Contest) -> None:
    contest.has(ALICE, 2)
    contest.has(BOB, 1)
    path = f"/v1/programs/{contest.program}/leaderboard"
    cursor = expect(contest.api.get(path, limit=1), 200)["next_cursor"]
    other = a_program(contest.api)["id"]

    answer = contest.api.get(f"/v1/programs/{other}/leaderboard", cursor=cursor)

    assert answer.json["code"] == "invalid_cursor"


def test_a_program_that_is_not_there_is_not_found(api: Api, trial_api: Api) -> None:
    theirs = a_program(trial_api)["id"]

    for program in (theirs, "prg_01k0c7q2v8f3w9n5x4z6t1r0me", "x"):
        for what in ("leaderboard", "stats", "liability"):
            assert api.get(f"/v1/programs/{program}/{what}").status_code == 404


def test_conversions_are_counted_where_they_happen_and_taken_off_where_they_are_reversed(api: Api) -> None:
    program = a_program(api)
    for referrer, friends in ((ALICE, [BOB, CAROL]), (DAVE, [MALLORY])):
        a_customer(api, referrer, leaderboard_opt_in=True)
        for friend in friends:
            a_claim(api, a_code(api, program, referrer=referrer), referee=friend)
            a_purchase(api, customer=friend, order_id=friend.customer_id)

    def board() -> list[tuple[int, str, int]]:
        found = items(api, f"/v1/programs/{program['id']}/leaderboard")
        return [(item["rank"], item["customer_id"], item["conversions"]) for item in found]

    assert board() == [(1, "alice", 2), (2, "dave", 1)]
    for order in ("bob", "carol"):
        a_refund(api, order_id=order)
    assert board() == [(1, "dave", 1)]


def test_a_milestone_shows_its_badge(api: Api) -> None:
    milestones = [{"at": 1, "quantity": 5, "badge": "bronze"}, {"at": 2, "quantity": 50, "badge": "silver"}]
    points = {"kind": "points", "quantity": 1}
    friends = {"key": "friends", "side": "referrer", "on": "converted", "give": points, "milestones": milestones}
    program = a_program(api, rewards=[friends])
    a_customer(api, ALICE, leaderboard_opt_in=True)
    seen = []
    for friend in (BOB, CAROL, MALLORY):
        a_claim(api, a_code(api, program), referee=friend)
        a_purchase(api, customer=friend, order_id=friend.customer_id)
        (line,) = items(api, f"/v1/programs/{program['id']}/leaderboard")
        seen.append((line["conversions"], line["badge"]))

    assert seen == [(1, "bronze"), (2, "silver"), (3, "silver")]
    a_refund(api, order_id="carol")
    assert items(api, f"/v1/programs/{program['id']}/leaderboard")[0]["badge"] == "bronze"
