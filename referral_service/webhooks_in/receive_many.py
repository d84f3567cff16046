"""Take in many messages of one source in one transaction: what `receive` does, in as few statements as for one.

A backfill brings a list; the edge brings what arrived together (`inbox.py`). Their messages are recorded in the order
in which they came, each is answered for what it did itself, and what cannot be done with others is done alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from referral_service.events.given import Answer, GivenEvent
from referral_service.events.register import events
from referral_service.journeys.recording.record_events import record_events
from referral_service.journeys.tools import Tools
from referral_service.kit.db.among import among
from referral_service.kit.db.write_rows import insert_new, update_rows
from referral_service.webhooks_in.providers.provider import Ignored, Parked, Several
from referral_service.webhooks_in.read_message import Message
from referral_service.webhooks_in.receive import (
    IGNORED,
    PARKED,
    PROCESSED,
    apply,
    inbound,
    inbound_row,
    receive_again,
)

OWNERS = select(events.c.id, events.c.customer_id).where(
    events.c.app_id == bindparam("app_id"), among(events.c.id, "ids")
)


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message that has been read, and its body."""

    message: Message
    raw: bytes


@dataclass(frozen=True, slots=True)
class _TakenIn:
    """What became of messages, by external id: their rows, which of them are new, and the answers of the events of
    those that were recorded."""

    rows: Mapping[str, Mapping[str, Any]]
    new: frozenset[str]
    answers: Mapping[str, Sequence[Answer]]


def known_messages(session: Session, *, app_id: int, source_id: str, external_ids: Sequence[str]) -> set[str]:
    """Return those of these ids whose message has been taken in: it became an event, or means nothing."""
    if not external_ids:
        return set()
    rows = session.execute(
        select(inbound.c.external_id, inbound.c.event_id, inbound.c.state).where(
            inbound.c.app_id == app_id,
            inbound.c.source_id == source_id,
            inbound.c.external_id.in_(sorted(set(external_ids))),
        )
    )
    return {row.external_id for row in rows if row.event_id is not None or row.state == IGNORED}


def receive_many(
    session: Session,
    *,
    tools: Tools,
    app_id: int,
    source_id: str,
    incoming: Sequence[Incoming],
    now: datetime,
    received_at: datetime,
) -> dict[str, Answer]:
    """Keep the messages and carry out what they mean; gives each answer by the message's external id.

    The ids must differ. `now` is business time, `received_at` real time.
    """
    by_name = {one.message.external_id: one for one in incoming}
    call: dict[str, Any] = {"tools": tools, "app_id": app_id, "source_id": source_id, "now": now}
    taken = _take_in(session, by_name, received_at=received_at, **call)
    answers: dict[str, Answer] = {}
    for name, row in taken.rows.items():
        one, recorded = by_name[name], taken.answers.get(name)
        if recorded is not None:
            # A message repeats something only where each of its events does.
            answers[name] = replace(recorded[-1], duplicate=all(answer.duplicate for answer in recorded))
        elif name in taken.new:
            answers[name] = apply(session, inbound_id=row["id"], message=one.message, **call)
        else:
            answers[name] = receive_again(session, message=one.message, raw=one.raw, **call)
    return answers


def receive_arrived(
    session: Session,
    *,
    tools: Tools,
    app_id: int,
    source_id: str,
    incoming: Sequence[Incoming],
    now: datetime,
    received_at: datetime,
) -> list[Answer | None]:
    """Take in what arrived at the same time, as `receive` would one after the other; None for what it leaves to that.

    Those are messages that were here before, that come twice in `incoming`, or that speak of another source: after the
    locks of the others, theirs could be taken in a wrong order.
    """
    by_name: dict[str, Incoming] = {}
    for one in incoming:
        if _is_of_its_own_source(one.message):
            by_name.setdefault(one.message.external_id, one)
    taken = _take_in(
        session, by_name, tools=tools, app_id=app_id, source_id=source_id, now=now, received_at=received_at
    )
    answers = {name: recorded[-1] for name, recorded in taken.answers.items()}
    for name in taken.new - answers.keys():
        row = taken.rows[name]
        answers[name] = Answer("", name, row["state"], row["reason"])
    return [
        answers.get(one.message.external_id) if by_name.get(one.message.external_id) is one else None
        for one in incoming
    ]


def _take_in(
    session: Session,
    by_name: Mapping[str, Incoming],
    *,
    tools: Tools,
    app_id: int,
    source_id: str,
    now: datetime,
    received_at: datetime,
) -> _TakenIn:
    """Keep the messages, and record the events of those that are new."""
    rows = {
        name: inbound_row(
            tools.sealer,
            app_id=app_id,
            source_id=source_id,
            message=one.message,
            raw=one.raw,
            received_at=received_at,
        )
        # In one order for everybody: whoever inserts the same at the same time is waited for, never in a circle.
        for name, one in sorted(by_name.items())
    }
    if not rows:
        return _TakenIn({}, frozenset(), {})
    inserted = {row.id for row in insert_new(session, inbound, list(rows.values()), "id")}
    # What is new is recorded in the order it came in: a refund behind its purchase.
    new = {name: one.message for name, one in by_name.items() if rows[name]["id"] in inserted}
    told = {name: given for name, message in new.items() if (given := _events_of(message))}
    answers = _record(session, told, rows, tools=tools, app_id=app_id, source_id=source_id, now=now)
    return _TakenIn(rows, frozenset(new), answers)


def _is_of_its_own_source(message: Message) -> bool:
    return isinstance(message.translation, Ignored | Parked) or bool(_events_of(message))


def _events_of(message: Message) -> Sequence[GivenEvent]:
    """Return what can be recorded together with others: a message that names another source is looked at alone."""
    said = message.translation
    if isinstance(said, Ignored | Parked):
        return ()
    given = said.events if isinstance(said, Several) else (said,)
    return () if any(event.order_source_id is not None for event in given) else given


def _record(
    session: Session,
    told: Mapping[str, Sequence[GivenEvent]],
    rows: Mapping[str, Mapping[str, Any]],
    *,
    tools: Tools,
    app_id: int,
    source_id: str,
    now: datetime,
) -> dict[str, list[Answer]]:
    """Record the events of all messages in one go; gives the answers of each message's events."""
    given = [event for several in told.values() for event in several]
    recorded = iter(record_events(session, tools=tools, app_id=app_id, source_id=source_id, given=given, now=now))
    answers = {name: [next(recorded) for _ in several] for name, several in told.items()}
    if not answers:
        return {}
    ids = sorted({answer.event_id for *_, answer in answers.values()})
    whose = {row.id: row.customer_id for row in session.execute(OWNERS, {"app_id": app_id, "ids": ids})}
    update_rows(
        session,
        inbound,
        [
            {
                "app_id": app_id, "id": rows[name]["id"], "reason": answer.reason,
                "state": PARKED if answer.outcome == PARKED else PROCESSED,
                "event_id": answer.event_id, "customer_id": whose.get(answer.event_id),
            }
            for name, (*_, answer) in sorted(answers.items())
        ],
    )  # fmt: skip
    return answers
