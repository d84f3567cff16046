"""Events as rows: once per source and external id, with what became of each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Table, select
from sqlalchemy.orm import Session

from referral_service.events.given import Answer, GivenEvent, Result
from referral_service.events.models import Event, EventResult
from referral_service.kit.db.write_rows import insert_new, insert_rows, update_rows

events = cast(Table, Event.__table__)
event_results = cast(Table, EventResult.__table__)

# What most events that nobody is referred by turn out to be; the others are updated once their outcome is known.
FIRST_OUTCOME, FIRST_REASON = "parked", "no_referral"


def insert_new_events(
    session: Session, *, app_id: int, source_id: str, given: Mapping[str, GivenEvent], now: datetime
) -> set[str]:
    """Insert events (new event id -> event); gives the ids that are new. The rest were seen before.

    The unique key decides, not a look beforehand: a second sender of the same id waits here for the first.
    """
    rows = insert_new(
        session,
        events,
        [
            {
                "app_id": app_id, "id": event_id, "source_id": source_id, "external_id": event.external_id,
                "type": event.type, "customer_id": None, "purchase_id": None, "occurred_at": event.occurred_at,
                "recorded_at": now, "outcome": FIRST_OUTCOME, "reason": FIRST_REASON, "duplicate_of": None,
                "payload": event.payload(), "first_answer": None,
            }
            for event_id, event in sorted(given.items(), key=lambda pair: pair[1].external_id)
        ],
        "id",
    )  # fmt: skip
    return {event_id for (event_id,) in rows}


def assign_customers(session: Session, *, app_id: int, owners: Mapping[str, str]) -> None:
    """Say whose events these are, by event id: before anything is judged by them."""
    update_rows(
        session,
        events,
        [{"app_id": app_id, "id": event_id, "customer_id": owner} for event_id, owner in sorted(owners.items())],
    )


def event_ids(session: Session, *, app_id: int, source_id: str, external_ids: Iterable[str]) -> dict[str, str]:
    """The ids of events seen before: external id -> event id. An event that only repeated another leads to that one."""
    rows = session.execute(
        select(events.c.external_id, events.c.id, events.c.duplicate_of).where(
            events.c.app_id == app_id, events.c.source_id == source_id, events.c.external_id.in_(sorted(external_ids))
        )
    )
    return {row.external_id: row.duplicate_of or row.id for row in rows}


def first_answers(session: Session, *, app_id: int, ids: Iterable[str]) -> dict[str, Answer]:
    """What was answered to these events the first time, by event id, whatever has become of them since."""
    rows = session.execute(
        select(events.c.id, events.c.external_id, events.c.first_answer).where(
            events.c.app_id == app_id, events.c.id.in_(sorted(set(ids)))
        )
    )
    return {row.id: _read(row.id, row.external_id, row.first_answer) for row in rows}


def _read(event_id: str, external_id: str, document: dict[str, Any]) -> Answer:
    results = [Result(**result) for result in document["results"]]
    return Answer(event_id, external_id, document["outcome"], document["reason"], results=results)


def _written(answer: Answer) -> dict[str, Any]:
    return {
        "outcome": answer.outcome,
        "reason": answer.reason,
        "results": [
            {
                "program_id": result.program_id, "referral_id": result.referral_id, "outcome": result.outcome,
                "reason": result.reason, "reward_ids": result.reward_ids,
            }
            for result in answer.results
        ],
    }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Told:
    """An answer to be kept, with the customer and the purchase that its event turned out to be about."""

    answer: Answer
    customer_id: str | None
    purchase_id: str | None
    duplicate_of: str | None = None


def write_answers(session: Session, *, app_id: int, told: Sequence[Told], is_first: bool) -> None:
    """Write what became of events. The first answer is kept apart: it is repeated to whoever sends the event again."""
    update_rows(
        session,
        events,
        [
            {
                "app_id": app_id, "id": item.answer.event_id, "outcome": item.answer.outcome,
                "reason": item.answer.reason, "customer_id": item.customer_id, "purchase_id": item.purchase_id,
            }
            | ({"duplicate_of": item.duplicate_of, "first_answer": _written(item.answer)} if is_first else {})
            for item in told
        ],
    )  # fmt: skip
    results = [
        {"app_id": app_id, "event_id": item.answer.event_id, **result}
        for item in told
        for result in _written(item.answer)["results"]
    ]
    insert_rows(session, event_results, results, overwrite=("referral_id", "outcome", "reason", "reward_ids"))
