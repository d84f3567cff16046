"""Take in a genuine message: once per source and id for ever, and whatever it means in the same transaction."""

from __future__ import annotations

from datetime import datetime
from typing import Any, cast

from sqlalchemy import Table, select, update
from sqlalchemy.orm import Session

from referral_service.events.given import Answer, GivenEvent
from referral_service.events.models import Event
from referral_service.events.register import first_answers
from referral_service.journeys.recording.record_events import record_events
from referral_service.journeys.tools import Tools
from referral_service.kit.crypto import Sealer
from referral_service.kit.db.upsert import insert_unless_there
from referral_service.kit.ids import new_id
from referral_service.tenants.models import Source
from referral_service.webhooks_in.models import InboundEvent
from referral_service.webhooks_in.providers.provider import Ignored, Parked, Several, Translation
from referral_service.webhooks_in.read_message import Message

RECEIVED, PROCESSED, PARKED, IGNORED = "received", "processed", "parked", "ignored"
UNKNOWN_SOURCE = "unknown_source"

inbound = cast(Table, InboundEvent.__table__)


def receive(
    session: Session,
    *,
    tools: Tools,
    app_id: int,
    source_id: str,
    message: Message,
    raw: bytes,
    now: datetime,
    received_at: datetime,
) -> Answer:
    """Keep the message and carry out what it means; a second delivery gets the first one's answer.

    `now` is business time, `received_at` real time. A message that was parked before it became an event is read anew
    when it comes again: its sender may have mended it, or its time have come.
    """
    row = inbound_row(
        tools.sealer, app_id=app_id, source_id=source_id, message=message, raw=raw, received_at=received_at
    )
    is_new = session.execute(insert_unless_there(session, inbound, "id"), row).first()
    if is_new is not None:
        return apply(
            session, tools=tools, app_id=app_id, source_id=source_id, inbound_id=row["id"], message=message, now=now
        )
    return receive_again(session, tools=tools, app_id=app_id, source_id=source_id, message=message, raw=raw, now=now)


def inbound_row(
    sealer: Sealer, *, app_id: int, source_id: str, message: Message, raw: bytes, received_at: datetime
) -> dict[str, Any]:
    """Return the row of a message that has just come, under a new id."""
    inbound_id = new_id("inb")
    state, reason = _state_of(message.translation)
    return {
        "app_id": app_id, "id": inbound_id, "source_id": source_id, "external_id": message.external_id,
        "provider_type": message.provider_type, "type": message.type, "state": state, "reason": reason,
        "event_id": None, "customer_id": None, "received_at": received_at,
        "body_ct": sealed_body(sealer, app_id=app_id, inbound_id=inbound_id, raw=raw),
    }  # fmt: skip


def apply(
    session: Session, *, tools: Tools, app_id: int, source_id: str, inbound_id: str, message: Message, now: datetime
) -> Answer:
    """Carry out what a message means and note it in its row, which this transaction holds."""
    said = message.translation
    if isinstance(said, GivenEvent) and not _names_a_source(session, app_id=app_id, event=said):
        said = Parked(UNKNOWN_SOURCE, said.type)
    if isinstance(said, Ignored | Parked):
        state, reason = _state_of(said)
        _note(
            session,
            app_id=app_id,
            inbound_id=inbound_id,
            noted={"type": message.type, "state": state, "reason": reason},
        )
        return Answer("", message.external_id, state, reason)
    given = said.events if isinstance(said, Several) else [said]
    *_, answer = record_events(session, tools=tools, app_id=app_id, source_id=source_id, given=given, now=now)
    whose = select(Event.customer_id).where(Event.app_id == app_id, Event.id == answer.event_id).scalar_subquery()
    noted = {
        "type": message.type,
        "state": PARKED if answer.outcome == PARKED else PROCESSED,
        "reason": answer.reason,
        "event_id": answer.event_id,
        "customer_id": whose,
    }
    _note(session, app_id=app_id, inbound_id=inbound_id, noted=noted)
    return answer


def first_answer(session: Session, *, app_id: int, event_id: str) -> Answer:
    """Return what the event of a message was answered, for its second delivery."""
    answer = first_answers(session, app_id=app_id, ids=[event_id])[event_id]
    answer.duplicate = True
    return answer


def body_context(app_id: int, inbound_id: str) -> str:
    """Return what a sealed body is bound to: it opens in no other row."""
    return f"inbound_body:{app_id}:{inbound_id}"


def sealed_body(sealer: Sealer, *, app_id: int, inbound_id: str, raw: bytes) -> bytes:
    """Return the raw body as it is kept."""
    return sealer.seal(raw, context=body_context(app_id, inbound_id))


def receive_again(
    session: Session, *, tools: Tools, app_id: int, source_id: str, message: Message, raw: bytes, now: datetime
) -> Answer:
    """Answer a message that was here before; what has not become an event yet is read anew."""
    row = session.execute(
        select(inbound.c.id, inbound.c.state, inbound.c.reason, inbound.c.event_id)
        .where(
            inbound.c.app_id == app_id,
            inbound.c.source_id == source_id,
            inbound.c.external_id == message.external_id,
        )
        .with_for_update(key_share=True)
    ).one()
    if row.event_id is not None:
        return first_answer(session, app_id=app_id, event_id=row.event_id)
    if row.state == IGNORED:
        return Answer("", message.external_id, IGNORED, row.reason, duplicate=True)
    sealed = sealed_body(tools.sealer, app_id=app_id, inbound_id=row.id, raw=raw)
    _note(session, app_id=app_id, inbound_id=row.id, noted={"body_ct": sealed, "provider_type": message.provider_type})
    answer = apply(
        session, tools=tools, app_id=app_id, source_id=source_id, inbound_id=row.id, message=message, now=now
    )
    answer.duplicate = answer.duplicate or not answer.event_id
    return answer


def _state_of(said: Translation) -> tuple[str, str | None]:
    if isinstance(said, Ignored):
        return IGNORED, said.reason
    if isinstance(said, Parked):
        return PARKED, said.reason
    return RECEIVED, None


def _names_a_source(session: Session, *, app_id: int, event: GivenEvent) -> bool:
    """Tell whether the source whose order the event is about, where it names one, is the app's."""
    if event.order_source_id is None:
        return True
    query = select(Source.id).where(Source.app_id == app_id, Source.id == event.order_source_id)
    return session.execute(query).first() is not None


def _note(session: Session, *, app_id: int, inbound_id: str, noted: dict[str, Any]) -> None:
    session.execute(update(inbound).where(inbound.c.app_id == app_id, inbound.c.id == inbound_id).values(noted))
