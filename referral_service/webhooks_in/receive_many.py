"""Take in many messages of one source in one transaction: what `receive` does, in as few statements as for one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select, update
from sqlalchemy.orm import Session

from referral_service.events.given import Answer, GivenEvent
from referral_service.events.register import events
from referral_service.journeys.recording.record_events import record_events
from referral_service.journeys.tools import Tools
from referral_service.kit.db.upsert import insert_unless_there
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

_NOTED = ("state", "reason", "event_id", "customer_id")
_NOTE = (
    update(inbound)
    .where(inbound.c.app_id == bindparam("b_app_id"), inbound.c.id == bindparam("b_id"))
    .values({name: bindparam(f"b_{name}") for name in _NOTED})
)


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message that has been read, and its body."""

    message: Message
    raw: bytes


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
        return {}
    inserted = {row.id for row in session.execute(insert_unless_there(session, inbound, "id"), list(rows.values()))}
    # What is new is recorded in the order it came in: a refund behind its purchase.
    new = {name: one.message for name, one in by_name.items() if rows[name]["id"] in inserted}
    told = {name: _events_of(message) for name, message in new.items()}
    call: dict[str, Any] = {"tools": tools, "app_id": app_id, "source_id": source_id, "now": now}
    answers = _record(session, {name: given for name, given in told.items() if given}, rows, **call)
    for name, row in rows.items():
        one = by_name[name]
        if name not in new:
            answers[name] = receive_again(session, message=one.message, raw=one.raw, **call)
        elif name not in answers:
            answers[name] = apply(session, inbound_id=row["id"], message=one.message, **call)
    return answers


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
) -> dict[str, Answer]:
    """Record the events of all messages in one go; a message's answer is that of its last event, and it repeats
    something only where each of its events does.
    """
    given = [event for several in told.values() for event in several]
    recorded = iter(record_events(session, tools=tools, app_id=app_id, source_id=source_id, given=given, now=now))
    answers: dict[str, Answer] = {}
    for name, several in told.items():
        *_, last = mine = [next(recorded) for _ in several]
        answers[name] = replace(last, duplicate=all(answer.duplicate for answer in mine))
    if not answers:
        return {}
    ids = sorted({answer.event_id for answer in answers.values()})
    whose = {
        row.id: row.customer_id
        for row in session.execute(
            select(events.c.id, events.c.customer_id).where(events.c.app_id == app_id, events.c.id.in_(ids))
        )
    }
    session.connection().execute(
        _NOTE,
        [
            {
                "b_app_id": app_id, "b_id": rows[name]["id"], "b_reason": answer.reason,
                "b_state": PARKED if answer.outcome == PARKED else PROCESSED,
                "b_event_id": answer.event_id, "b_customer_id": whose.get(answer.event_id),
            }
            for name, answer in sorted(answers.items())
        ],
    )  # fmt: skip
    return answers
