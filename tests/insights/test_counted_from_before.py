"""What was there before anything was counted ahead is counted by the migration, whatever of it is announced."""

from __future__ import annotations

from datetime import timedelta

import pytest
from insights.counting import Worker, faults, recounted, stats_of
from sqlalchemy import func, select

from builders import Api, a_claim, a_code, a_customer, a_program, a_purchase, a_refund, expect, items
from cast import ALICE, BOB, CAROL, MALLORY, Person
from referral_service import migrations
from referral_service.insights.models import Counter
from referral_service.kit.clock import FixedClock
from referral_service.kit.db.engines import Database
from referral_service.tenants.open_app import OpenedApp

DAVE = Person("dave", "dave@example.com", "Dave")


@pytest.mark.parametrize("placed", ["nothing", "some", "all"])
def test_the_migration_counts_what_is_there(
    api: Api, database: Database, clock: FixedClock, tenant: OpenedApp, placed: str
) -> None:
    worker = Worker(database, tenant.tenant.app_id)
    program = a_program(api)
    for referrer, friends in ((ALICE, [BOB, CAROL]), (BOB, [MALLORY]), (MALLORY, [DAVE])):
        a_customer(api, referrer, leaderboard_opt_in=True)
        for friend in friends:
            a_claim(api, a_code(api, program, referrer=referrer), referee=friend)
            a_purchase(api, customer=friend, order_id=friend.customer_id)
            clock.advance(timedelta(days=1))
    if placed != "nothing":
        worker.place()
    a_refund(api, order_id="carol")
    expect(api.delete("/v1/customers/mallory"), 200, 204)
    if placed == "all":
        worker.work()
    path = f"/v1/programs/{program['id']}"
    stats, board = stats_of(api, program["id"]), items(api, f"{path}/leaderboard")
    assert stats == recounted(database, program["id"])
    assert stats["reversed"] == 1
    assert {(line["customer_id"], line["rank"]) for line in board} == {("alice", 1), ("bob", 1)}

    migrations.downgrade(database.write_engine, "0010")
    migrations.upgrade(database.write_engine)

    for _ in range(2):
        assert stats_of(api, program["id"]) == stats
        assert items(api, f"{path}/leaderboard") == board
        assert faults(database, clock) == []
        worker.work()
    if placed == "all":
        counted = select(Counter.name, func.sum(Counter.value)).group_by(Counter.name)
        told = {name: int(total) for name, total in database.read(lambda session: session.execute(counted).all())}
        assert told == {"claims": 4, "conversions": 4, "rewards": 8}
