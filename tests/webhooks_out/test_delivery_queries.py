"""However many deliveries there are, a page of them and what is to be sent again are found by an index."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from plans.grown import think_large
from sqlalchemy import Connection, event, insert, text
from sqlalchemy.orm import Session

from cast import NOON
from referral_service.kit.db.engines import Database
from referral_service.notifications.models import Notification
from referral_service.webhooks_out.deliveries.claim import FIRST, claim, is_work_due, take_back
from referral_service.webhooks_out.deliveries.list_deliveries import list_deliveries
from referral_service.webhooks_out.deliveries.policy import Pace
from referral_service.webhooks_out.deliveries.resend import What, resend_to_endpoint
from referral_service.webhooks_out.deliveries.settle import Attempt, settle
from referral_service.webhooks_out.models import Delivery, WebhookEndpoint

MANY, APP = 6000, 7
A, B = "whe_0000000000000000000000000a", "whe_0000000000000000000000000b"
Asking = Callable[[Session], Any]


@pytest.fixture
def full(database: Database) -> Database:
    """Two endpoints, one with 6,000 deliveries and one with every tenth of these, nearly all of them done.

    The smaller one's are a small part, so that walking through all of them is plainly worse than its own index: where
    each has half, two plans cost the same, and which one PostgreSQL takes is chance.
    """
    with database.write_engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
        else:
            connection.exec_driver_sql("PRAGMA defer_foreign_keys = ON")
        _fill(connection)
    if not database.is_sqlite:
        # PostgreSQL does this by itself, SQLite never. The dead rows of earlier tests would count as room.
        with database.write_engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("VACUUM (ANALYZE) notifications, deliveries, webhook_endpoints")
            # So few rows it would rightly read through; it is asked what it does with millions.
            for table in ("notifications", "deliveries"):
                think_large(connection, table)
    return database


def _fill(connection: Connection) -> None:
    connection.execute(
        text(
            "INSERT INTO apps (id, public_id, slug, name, mode, clock_offset_us, created_at) "
            "VALUES (7, 'app_7', 'seven', 'Seven', 'live', 0, '2026-03-01 12:00:00')"
        )
    )
    health = {"failing_since": None, "failures": 0, "paused_until": None, "deleted_at": None}
    connection.execute(
        insert(WebhookEndpoint),
        [
            {
                "app_id": APP,
                "id": each,
                "url": "https://shop.example/",
                "events": ["*"],
                "state": "enabled",
                "reason": None,
                "sequence": 0,
                "created_at": NOON,
                **health,
            }
            for each in (A, B)
        ],
    )
    connection.execute(
        insert(Notification),
        [
            {
                "app_id": APP,
                "id": f"ntf_{n:026}",
                "type": "reward.available",
                "object_id": f"rwd_{n}",
                "sequence": 1,
                "previous_state": None,
                "state": "available",
                "reason": None,
                "object": {},
                "created_at": NOON,
                "position": n + 1,
            }
            for n in range(MANY)
        ],
    )
    unknown = {"last_attempt_at": None, "last_status": None, "last_error": None, "last_duration_ms": None}
    connection.execute(
        insert(Delivery),
        [
            {
                "app_id": APP,
                "id": f"dlv_{2 * n + (endpoint == B):026}",
                "notification_id": f"ntf_{n:026}",
                "endpoint_id": endpoint,
                "state": (state := _state(n)),
                "attempts": 1,
                "next_attempt_at": NOON,
                "created_at": NOON,
                "done_at": NOON if state == "done" else None,
                **unknown,
            }
            for n in range(MANY)
            for endpoint in ((A, B) if n % 10 == 0 else (B,))
        ],
    )


def _state(n: int) -> str:
    return {10: "dead", 20: "disabled", 30: "scheduled", 40: "leased"}.get(n % 1000, "done")


def listing(**given: Any) -> Asking:
    filters = {"endpoint_id": None, "notification_id": None, "state": None, "after": None, **given}
    return lambda session: list_deliveries(session, app_id=APP, limit=21, **filters)


def resending(what: What, after: str | None = None) -> Asking:
    return lambda session: resend_to_endpoint(
        session, app_id=APP, endpoint_id=A, what=what, starts_at=None, ends_at=None, after=after, now=NOON
    )


UNDONE = "ix_deliveries_undone"
OF_ENDPOINT = "ix_deliveries_app_id_endpoint_id_id"
KEY = {"sqlite": "sqlite_autoindex_deliveries_1", "postgresql": "pk_deliveries"}
OF_NOTIFICATION = {
    "sqlite": "sqlite_autoindex_deliveries_2",
    "postgresql": "uq_deliveries_app_id_notification_id_endpoint_id",
}
# What is asked, and the index that finds it: what is done is most of all, so that walking past the rest is cheap.
ASKED: dict[str, tuple[Asking, str | dict[str, str]]] = {
    "all": (listing(), KEY),
    "a later page": (listing(after=[f"dlv_{MANY:026}"]), KEY),
    "a notification's": (listing(notification_id=f"ntf_{MANY // 2:026}"), OF_NOTIFICATION),
    "done": (listing(state="done"), KEY),
    "dead": (listing(state="dead"), UNDONE),
    "an endpoint's": (listing(endpoint_id=A), OF_ENDPOINT),
    "an endpoint's done": (listing(endpoint_id=A, state="done"), OF_ENDPOINT),
    "an endpoint's dead": (listing(endpoint_id=A, state="dead"), UNDONE),
    "an endpoint's scheduled": (
        listing(endpoint_id=A, state="scheduled"),
        {"sqlite": UNDONE, "postgresql": "ix_deliveries_due"},
    ),
    "a page of an endpoint's dead": (listing(endpoint_id=A, state="dead", after=[f"dlv_{MANY:026}"]), UNDONE),
    "what failed": (resending(What.FAILED), UNDONE),
    "what comes after": (resending(What.ALL, after=f"dlv_{2 * MANY - 50:026}"), OF_ENDPOINT),
}


def plans(database: Database, ask: Asking) -> list[str]:
    """The plan of each statement that touches deliveries, told by the database for the very parameters."""
    told: list[str] = []

    def explain(connection: Connection, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if "deliveries" not in statement or statement.startswith("EXPLAIN"):
            return
        how = "EXPLAIN QUERY PLAN" if connection.dialect.name == "sqlite" else "EXPLAIN"
        rows = connection.exec_driver_sql(f"{how} {statement}", parameters).all()
        told.append("\n".join(str(row[-1]) for row in rows))

    with Session(database.write_engine) as session:
        session.connection()
        event.listen(database.write_engine, "before_cursor_execute", explain)
        try:
            ask(session)
        finally:
            event.remove(database.write_engine, "before_cursor_execute", explain)
            session.rollback()
    return told


@pytest.mark.parametrize("name", ASKED)
def test_what_is_asked_for_is_found_by_its_index(full: Database, database_kind: str, name: str) -> None:
    ask, index = ASKED[name]
    found = plans(full, ask)
    assert found
    for plan in found:
        assert f" {index if isinstance(index, str) else index[database_kind]} " in plan, plan


def test_a_turn_of_the_courier_reads_no_table_through(full: Database) -> None:
    def turn(session: Session) -> None:
        assert is_work_due(session, now=NOON)
        take_back(session, now=NOON)
        claimed, _ = claim(session, now=NOON, lease=timedelta(seconds=30), after=FIRST, limit=200)
        assert len(claimed) == 10
        attempts = [
            Attempt(
                app_id=one.app_id, delivery_id=one.id, endpoint_id=one.endpoint_id, number=one.attempt,
                started_at=NOON, ended_at=NOON, duration_ms=1, status=status, error=None, retry_after=None,
            )
            for one, status in zip(claimed, [204, 500] * 5, strict=True)
        ]  # fmt: skip
        settle(session, attempts, pace=Pace(), now=NOON)

    found = plans(full, turn)
    assert len(found) >= 6
    for plan in found:
        assert "Seq Scan on deliveries" not in plan
        assert not re.search(r"SCAN (deliveries|mine|leased)(?! USING)", plan), plan
