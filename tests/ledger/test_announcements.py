"""Each changed wallet is announced once for each call, with the figures that its GET shows."""

from __future__ import annotations

from typing import Any

from ledger.people import Given, do, spend, wallet
from sqlalchemy import text
from sqlalchemy.orm import Session

from referral_service.kit.db.engines import Database
from referral_service.ledger.accounts import account_id
from referral_service.notifications.list_after import Announced, list_after
from referral_service.notifications.place import place_notifications


def told(database: Database, app_id: int) -> list[Announced]:
    def work(session: Session) -> list[Announced]:
        place_notifications(session, app_id=app_id)
        return list_after(session, app_id=app_id)

    return database.transact(work)


def stored(database: Database, app_id: int) -> list[dict[str, Any]]:
    query = text(
        "SELECT type, object_id, sequence, previous_state, state, reason FROM notifications "
        "WHERE app_id = :app ORDER BY object_id, sequence"
    )
    return database.read(lambda session: [dict(row._mapping) for row in session.execute(query, {"app": app_id})])


def test_a_release_announces_the_new_balance_once(database: Database, app_id: int) -> None:
    reward = Given()
    database.transact(lambda session: do(session, app_id, reward.grant(1000), reward.release(1000)))
    assert stored(database, app_id) == [
        {
            "type": "balance.changed",
            "object_id": account_id(reward.recipient_id, "available", "USD"),
            "sequence": 1,
            "previous_state": None,
            "state": "changed",
            "reason": "hold_ended",
        }
    ]


def test_a_held_grant_changes_nothing_that_can_be_spent_and_announces_no_balance(
    database: Database, app_id: int
) -> None:
    reward = Given()
    database.transact(lambda session: do(session, app_id, reward.grant(1000), reward.void(400)))
    assert stored(database, app_id) == []


def test_the_figures_are_those_of_the_balances(database: Database, app_id: int) -> None:
    reward = Given()
    held = Given(reward.recipient_id)
    database.transact(lambda session: do(session, app_id, reward.grant(1000), reward.release(1000), held.grant(30)))
    database.transact(lambda session: do(session, app_id, reward.claw_back(400)))
    figures = [(one.sequence, one.object["available"], one.object["pending"]) for one in told(database, app_id)]
    assert figures == [(1, 1000, 30), (2, 600, 30)]
    assert database.read(lambda session: wallet(session, app_id, reward.recipient_id)) == {"USD": (600, 30)}


def test_a_debt_alone_is_announced_on_the_same_count(database: Database, app_id: int) -> None:
    reward = Given()
    database.transact(lambda session: do(session, app_id, reward.grant(10), reward.release(10)))
    database.transact(lambda session: spend(session, app_id, reward, 10))
    database.transact(lambda session: do(session, app_id, reward.claw_back(10)))
    assert [(one.sequence, one.object["available"], one.reason) for one in told(database, app_id)] == [
        (1, 10, "hold_ended"),
        (2, 0, "redeemed"),
        (3, -10, "refunded"),
    ]


def test_what_leaves_the_balance_as_it_was_is_not_announced(database: Database, app_id: int) -> None:
    reward = Given()
    database.transact(lambda session: do(session, app_id, reward.grant(10), reward.release(10), reward.claw_back(10)))
    assert stored(database, app_id) == []
