"""Bugs that only a race shows, put into a PostgreSQL database of their own and the code that works on it. (SQLite has
one writer at a time, and races that nobody can lose.)
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import event, insert, text
from sqlalchemy.orm import Session

from referral_service.events.given import GivenEvent
from referral_service.events.register import event_ids, events, insert_new_events
from referral_service.journeys.recording import record_events
from referral_service.kit.db.engines import Database

LOCKS = re.compile(r"FOR (NO KEY UPDATE|UPDATE|SHARE|KEY SHARE)( OF [a-z_]+)?( SKIP LOCKED)?")


def drop(database: Database, what: str) -> None:
    with database.write_engine.begin() as connection:
        connection.execute(text(what))


def nothing_is_locked(database: Database) -> None:
    """Rows are read as if nobody else would change them."""

    def unlock(
        _connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: bool
    ) -> tuple[str, Any]:
        return LOCKS.sub("", statement), parameters

    event.listen(database.write_engine, "before_cursor_execute", unlock, retval=True)


def events_are_checked_and_then_inserted(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Instead of by a unique key."""
    drop(database, "ALTER TABLE events DROP CONSTRAINT uq_events_app_id_source_id_external_id")

    def check_then_insert(
        session: Session, *, app_id: int, source_id: str, given: Mapping[str, GivenEvent], now: datetime
    ) -> set[str]:
        names = [event.external_id for event in given.values()]
        known = event_ids(session, app_id=app_id, source_id=source_id, external_ids=names)
        new = {event_id: event for event_id, event in given.items() if event.external_id not in known}
        if new:
            session.execute(
                insert(events),
                [
                    {
                        "app_id": app_id, "id": event_id, "source_id": source_id, "external_id": event.external_id,
                        "type": event.type, "occurred_at": event.occurred_at, "recorded_at": now, "outcome": "parked",
                        "reason": "no_referral", "payload": event.payload(),
                    }
                    for event_id, event in new.items()
                ],
            )  # fmt: skip
        return set(new)

    monkeypatch.setattr(record_events, insert_new_events.__name__, check_then_insert)


def a_referee_is_not_held_while_claimed(database: Database, _monkeypatch: pytest.MonkeyPatch) -> None:
    """And no unique key stands behind the lock."""
    drop(database, "DROP INDEX uq_referrals_one_accepted")
    nothing_is_locked(database)


def a_wallet_is_not_held_while_spent(database: Database, _monkeypatch: pytest.MonkeyPatch) -> None:
    nothing_is_locked(database)


def a_budget_is_not_held_while_granted(database: Database, _monkeypatch: pytest.MonkeyPatch) -> None:
    nothing_is_locked(database)


def a_purchase_is_not_held_while_refunded(database: Database, _monkeypatch: pytest.MonkeyPatch) -> None:
    nothing_is_locked(database)


@dataclass(frozen=True, slots=True)
class Planted:
    """A bug, the race that must show it, and how what is wrong then begins."""

    bug: Callable[[Database, pytest.MonkeyPatch], None]
    race: str
    shows: str


PLANTED = (
    Planted(events_are_checked_and_then_inserted, "one_purchase_told_eight_times", "I2"),
    Planted(a_referee_is_not_held_while_claimed, "eight_referrers_claim_one_person", "I6"),
    Planted(a_wallet_is_not_held_while_spent, "the_last_of_a_balance_is_spent", "statuses"),
    Planted(a_purchase_is_not_held_while_refunded, "a_purchase_and_its_refund", "balances"),
    Planted(a_budget_is_not_held_while_granted, "the_last_of_a_budget", "thanks"),
)
