"""Events as rows: once per source and external id, with what became of each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import cast

from sqlalchemy import Table, bindparam, select, update
from sqlalchemy.orm import Session

from referral_service.events.given import Answer, GivenEvent, Result
from referral_service.events.models import Event, EventResult
from referral_service.kit.db.upsert import insert_or_overwrite, insert_unless_there

events = cast(Table, Event.__table__)
event_results = cast(Table, EventResult.__table__)

SETTLE_EVENT = (
    update(events)
    .where(events.c.app_id == bindparam("b_app_id"), events.c.id == bindparam("b_id"))
    .values(
        {name: bindparam(f"b_{name}") for name in ("outcome", "reason", "customer_id", "purchase_id", "duplicate_of")}
    )
)
# What most events that nobody is referred by turn out to be; the others are updated once their outcome is known.
FIRST_OUTCOME, FIRST_REASON = "parked", "no_referral"


def insert_new_events(
    session: Session, *, app_id: int, source_id: str, given: Mapping[str, GivenEvent], now: datetime
) -> set[str]:
    """Insert events (new event id -> event); gives the ids that are new. The rest were seen before.

    The unique key decides, not a look beforehand: a second sender of the same id waits here for the first.
    """
    rows = session.execute(
        insert_unless_there(session, events, "id"),
        [
            {
                "app_id": app_id, "id": event_id, "source_id": source_id, "external_id": event.external_id,
                "type": event.type, "customer_id": None, "purchase_id": None, "occurred_at": event.occurred_at,
                "recorded_at": now, "outcome": FIRST_OUTCOME, "reason": FIRST_REASON, "duplicate_of": None,
                "payload": event.payload(),
            }
            for event_id, event in sorted(given.items(), key=lambda pair: pair[1].external_id)
        ],
    )  # fmt: skip
    return {event_id for (event_id,) in rows}


def event_ids(session: Session, *, app_id: int, source_id: str, external_ids: Iterable[str]) -> dict[str, str]:
    """The ids of events seen before: external id -> event id. An event that only repeated another leads to that one."""
    rows = session.execute(
        select(events.c.external_id, events.c.id, events.c.duplicate_of).where(
            events.c.app_id == app_id, events.c.source_id == source_id, events.c.external_id.in_(sorted(external_ids))
        )
    )
    return {row.external_id: row.duplicate_of or row.id for row in rows}


def stored_answers(session: Session, *, app_id: int, ids: Iterable[str]) -> dict[str, Answer]:
    """What was answered to these events, by event id."""
    wanted = sorted(set(ids))
    answers = {
        row.id: Answer(row.id, row.external_id, row.outcome, row.reason)
        for row in session.execute(
            select(events.c.id, events.c.external_id, events.c.outcome, events.c.reason).where(
                events.c.app_id == app_id, events.c.id.in_(wanted)
            )
        )
    }
    rows = session.execute(
        select(event_results)
        .where(event_results.c.app_id == app_id, event_results.c.event_id.in_(wanted))
        .order_by(event_results.c.event_id, event_results.c.program_id)
    )
    for row in rows:
        answers[row.event_id].results.append(
            Result(row.program_id, row.referral_id, row.outcome, row.reason, list(row.reward_ids))
        )
    return answers


def write_answers(
    session: Session,
    *,
    app_id: int,
    answers: Sequence[Answer],
    customers: Mapping[str, str | None],
    purchases: Mapping[str, str | None],
    duplicates: Mapping[str, str],
) -> None:
    """Write what became of events, with the customer and the purchase each turned out to be about."""
    parameters = [
        {
            "b_app_id": app_id, "b_id": answer.event_id, "b_outcome": answer.outcome, "b_reason": answer.reason,
            "b_customer_id": customers.get(answer.event_id), "b_purchase_id": purchases.get(answer.event_id),
            "b_duplicate_of": duplicates.get(answer.event_id),
        }
        for answer in answers
    ]  # fmt: skip
    if parameters:
        session.connection().execute(SETTLE_EVENT, parameters)
    results = [
        {
            "app_id": app_id, "event_id": answer.event_id, "program_id": result.program_id,
            "referral_id": result.referral_id, "outcome": result.outcome, "reason": result.reason,
            "reward_ids": result.reward_ids,
        }
        for answer in answers
        for result in answer.results
    ]  # fmt: skip
    if results:
        session.execute(
            insert_or_overwrite(session, event_results, "referral_id", "outcome", "reason", "reward_ids"), results
        )
