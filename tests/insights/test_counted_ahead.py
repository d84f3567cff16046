"""What is counted ahead and what is not yet make up what the rows say: at every moment, in whatever portions."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from threading import Event, Thread
from typing import Any

import pytest
from flask import Flask
from insights.counting import TALLIES, Worker, faults, recounted, stats_of
from journeys.earned import a_dispute
from sqlalchemy import func, select

from builders import Api, a_claim, a_code, a_customer, a_program, a_purchase, a_refund, credit, expect, items
from cast import ALICE, BOB, CAROL, MALLORY, Person
from referral_service.insights.models import Counter
from referral_service.insights.tally_conversions import tally_conversions
from referral_service.insights.tally_ranks import tally_ranks
from referral_service.kit.clock import FixedClock
from referral_service.kit.db.batch import Batch
from referral_service.kit.db.engines import Database
from referral_service.kit.http import wiring
from referral_service.tenants.open_app import OpenedApp
from referral_service.worker import lanes_of, work_off

DAY = timedelta(days=1)
HELD = [credit(key="held", side="referrer", hold_days=30), credit(key="prompt", side="referee")]


class Shop:
    """A program, and a worker that counts when it is told to."""

    def __init__(self, api: Api, database: Database, clock: FixedClock, app_id: int, **terms: Any) -> None:
        self.api, self.database, self.clock = api, database, clock
        self.worker = Worker(database, app_id)
        self.program = str(a_program(api, **terms)["id"])
        a_customer(api, ALICE, leaderboard_opt_in=True)
        self.code = a_code(api, {"id": self.program})

    def stats(self, **span: str) -> dict[str, Any]:
        return stats_of(self.api, self.program, **span)

    def is_exact(self) -> dict[str, Any]:
        """See that the answer is that of the rows, and the doctor content; gives the answer."""
        told = self.stats()
        assert told == recounted(self.database, self.program)
        assert faults(self.database, self.clock) == []
        return told

    def counted(self, name: str) -> int:
        total = select(func.coalesce(func.sum(Counter.value), 0)).where(Counter.name == name)
        return self.database.read(lambda session: int(session.scalars(total).one()))


@pytest.fixture
def shop(api: Api, database: Database, clock: FixedClock, tenant: OpenedApp) -> Shop:
    return Shop(api, database, clock, tenant.tenant.app_id)


@pytest.fixture
def patient(api: Api, database: Database, clock: FixedClock, tenant: OpenedApp) -> Shop:
    """Its referrers wait for a month, so that an earlier purchase may take the place of the one that counts."""
    return Shop(api, database, clock, tenant.tenant.app_id, rewards=[HELD[0]])


@pytest.mark.parametrize("step", ["nothing", "placed", "counted", "counted in part"])
def test_a_journey_reads_the_same_whatever_the_worker_has_done_of_it(shop: Shop, step: str) -> None:
    def work() -> None:
        if step != "nothing":
            shop.worker.place()
        if step == "counted":
            shop.worker.count()
        if step == "counted in part":
            shop.worker.count(limit=2, turns=1)

    for person in (BOB, CAROL, MALLORY):
        a_claim(shop.api, shop.code, referee=person)
        work()
        a_purchase(shop.api, customer=person, order_id=person.customer_id)
        work()
        shop.clock.advance(DAY)
    assert shop.is_exact()["conversions"] == 3
    a_refund(shop.api, order_id="bob")
    work()
    assert shop.is_exact()["reversed"] == 1
    a_dispute(shop.api, "carol", "opened")
    work()
    assert shop.is_exact()["reversed"] == 2
    a_dispute(shop.api, "carol", "won")
    work()
    assert shop.is_exact()["rewards"] == {"available": 4, "clawed_back": 2}
    shop.worker.work()
    shop.is_exact()


def test_what_is_counted_needs_no_row_and_what_is_not_is_the_tail(shop: Shop) -> None:
    a_claim(shop.api, shop.code)
    a_purchase(shop.api)
    before = shop.is_exact()
    assert (shop.counted("claims"), shop.counted("conversions"), shop.counted("rewards")) == (0, 0, 0)

    shop.worker.work()

    assert (shop.counted("claims"), shop.counted("conversions"), shop.counted("rewards")) == (1, 1, 2)
    assert shop.is_exact() == before
    assert shop.worker.is_idle()


def test_a_change_is_counted_once_however_often_and_in_whatever_portions(shop: Shop) -> None:
    for person in (BOB, CAROL):
        a_claim(shop.api, shop.code, referee=person)
        a_purchase(shop.api, customer=person, order_id=person.customer_id)
    shop.worker.place()
    while shop.worker.count(limit=1, turns=1):
        shop.is_exact()
    assert (shop.counted("claims"), shop.counted("conversions"), shop.counted("rewards")) == (2, 2, 4)
    assert shop.worker.count() == 0


@pytest.mark.parametrize("tally", [tally_conversions, tally_ranks])
def test_a_batch_begins_behind_the_one_before_and_what_changes_before_it_has_its_turn_later(
    shop: Shop, tally: Callable[..., Batch[Any]]
) -> None:
    referrers = (BOB, CAROL, MALLORY)
    for person in referrers:
        friend = Person(f"{person.customer_id}-friend", f"friend-of-{person.email}", "Friend")
        a_customer(shop.api, person, leaderboard_opt_in=True)
        a_claim(shop.api, a_code(shop.api, {"id": shop.program}, referrer=person), referee=friend)
        a_purchase(shop.api, customer=friend, order_id=person.customer_id)

    def batch(**where: Any) -> Batch[Any]:
        return shop.database.transact(partial(tally, app_id=shop.worker.app_id, **where))

    first = batch(limit=2)
    assert (first.done, batch(limit=2).done) == (2, 1)
    for person in referrers:
        a_refund(shop.api, order_id=person.customer_id)
    assert batch(after=first.last) == Batch(1, None)
    assert batch() == Batch(2, None)
    assert batch() == Batch(0, None)
    shop.worker.work()
    shop.is_exact()


def test_a_conversion_that_moves_to_the_day_of_an_earlier_purchase_moves_in_the_counters(patient: Shop) -> None:
    a_claim(patient.api, patient.code)
    patient.clock.advance(5 * DAY)
    a_purchase(patient.api, order_id="late")
    patient.worker.work()
    assert [row["day"] for row in patient.is_exact()["by_day"] if row["conversions"]] == ["2026-03-06"]

    # No state changes, and nothing is announced of the referral.
    a_purchase(patient.api, order_id="early", at=patient.clock.now() - 3 * DAY)

    assert [row["day"] for row in patient.is_exact()["by_day"] if row["conversions"]] == ["2026-03-03"]
    patient.worker.work()
    assert [row["day"] for row in patient.is_exact()["by_day"] if row["conversions"]] == ["2026-03-03"]


def test_a_day_that_everything_has_left_is_left_out(patient: Shop) -> None:
    a_claim(patient.api, patient.code)
    patient.clock.advance(5 * DAY)
    a_purchase(patient.api, order_id="late")
    a_purchase(patient.api, order_id="late too")
    patient.worker.work()
    a_purchase(patient.api, order_id="early", at=patient.clock.now() - 3 * DAY)
    a_refund(patient.api, order_id="early")
    patient.worker.work()

    told = patient.is_exact()

    assert all(row["claims"] or row["conversions"] for row in told["by_day"])
    assert all(told["rewards"].values())


def test_a_part_of_a_day_is_counted_from_the_rows_and_whole_days_beside_it_are_not(shop: Shop) -> None:
    for person in (BOB, CAROL, MALLORY):
        a_claim(shop.api, shop.code, referee=person)
        a_purchase(shop.api, customer=person, order_id=person.customer_id)
        shop.clock.advance(DAY)
    a_refund(shop.api, order_id="carol")
    asked = (
        {"from": "2026-03-01T12:00:00Z", "to": "2026-03-03T11:59:59Z"},
        {"from": "2026-03-01T12:00:01Z", "to": "2026-03-03T12:00:00Z"},
        {"from": "2026-03-02T11:00:00Z", "to": "2026-03-02T13:00:00Z"},
        {"from": "2026-03-02", "to": "2026-03-02"},
    )
    before = [shop.stats(**span) for span in asked]
    assert [told["claims"] for told in before] == [2, 2, 1, 1]
    assert [told["reversed"] for told in before] == [1, 1, 1, 1]
    assert [sum(told["rewards"].values()) for told in before] == [4, 4, 2, 2]

    shop.worker.work()

    assert [shop.stats(**span) for span in asked] == before


def test_a_refused_claim_and_another_program_are_not_counted(shop: Shop) -> None:
    other = a_program(shop.api, name="Other")
    a_claim(shop.api, a_code(shop.api, other, referrer=CAROL), referee=BOB)
    expect(shop.api.post("/v1/referrals", {"code": shop.code["code"], "referee": ALICE.document()}), 409)
    a_purchase(shop.api)
    for _ in range(2):
        told = stats_of(shop.api, other["id"])
        assert (told["claims"], told["conversions"], told["rewards"]) == (1, 1, {"available": 2})
        assert shop.is_exact()["claims"] == 0
        shop.worker.work()


def test_who_is_erased_leaves_what_was_counted_and_no_rank(shop: Shop) -> None:
    a_customer(shop.api, CAROL, leaderboard_opt_in=True)
    for referrer, friends in ((ALICE, [BOB, MALLORY]), (CAROL, [Person("dave", "dave@example.com", "Dave")])):
        for friend in friends:
            a_claim(shop.api, a_code(shop.api, {"id": shop.program}, referrer=referrer), referee=friend)
            a_purchase(shop.api, customer=friend, order_id=friend.customer_id)
    shop.worker.work()
    before = shop.is_exact()
    expect(shop.api.delete("/v1/customers/alice"), 200, 204)

    for _ in range(2):
        assert shop.is_exact() == before
        ranks = items(shop.api, f"/v1/programs/{shop.program}/leaderboard")
        assert [(line["customer_id"], line["rank"]) for line in ranks] == [("carol", 1)]
        shop.worker.work()
    # What she brought may still be taken back.
    a_refund(shop.api, order_id="bob")
    for _ in range(2):
        assert shop.is_exact()["reversed"] == 1
        shop.worker.work()


def test_workers_beside_each_other_and_beside_the_shop_count_everything_once(shop: Shop) -> None:
    people = [Person(f"p{n}", f"p{n}@example.com", f"P{n}") for n in range(6)]
    stop = Event()
    failures: list[BaseException] = []

    def count() -> None:
        try:
            # SQLite has one writer, and whoever asks at once again would leave nothing to the shop.
            while not stop.wait(0.01):
                shop.worker.place()
                shop.worker.count(limit=3)
        except BaseException as failure:  # noqa: BLE001
            failures.append(failure)

    threads = [Thread(target=count) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        for person in people:
            a_claim(shop.api, shop.code, referee=person)
            a_purchase(shop.api, customer=person, order_id=person.customer_id)
            assert shop.stats() == recounted(shop.database, shop.program)
        for person in people[::2]:
            a_refund(shop.api, order_id=person.customer_id)
            assert shop.stats() == recounted(shop.database, shop.program)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert failures == []
    shop.worker.work()
    assert shop.is_exact()["reversed"] == 3
    assert (shop.counted("claims"), shop.counted("conversions"), shop.counted("rewards")) == (6, 6, 12)


def test_the_worker_counts_by_itself(app: Flask, shop: Shop) -> None:
    a_claim(shop.api, shop.code)
    a_purchase(shop.api)
    service = app.extensions[wiring.EXTENSION]

    _, failed = work_off(service, stop=Event())

    assert failed == []
    assert shop.worker.is_idle()
    assert (shop.counted("claims"), shop.counted("conversions"), shop.counted("rewards")) == (1, 1, 2)
    shop.is_exact()
    steps = lanes_of(service)[-1]
    assert [step.name for step in steps] == [tally.__name__ for tally in TALLIES]
