"""Which of the received messages are meant: by what became of them, and where and when they came from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, case

from referral_service.events.models import Event
from referral_service.tenants.models import Source
from referral_service.webhooks_in.models import InboundEvent
from referral_service.webhooks_in.receive import IGNORED, PARKED, PROCESSED

STATES = (PROCESSED, PARKED, IGNORED)
# A parked event is settled later where its referral comes; then its own row says so, and this one is behind.
state_now = case(
    (InboundEvent.event_id.is_(None), InboundEvent.state), (Event.outcome == PARKED, PARKED), else_=PROCESSED
)
reason_now = case((InboundEvent.event_id.is_(None), InboundEvent.reason), else_=Event.reason)
# What the stored state can be while the present one is the key: settled events never go back.
_STORED = {PROCESSED: (PROCESSED, PARKED), PARKED: (PARKED,), IGNORED: (IGNORED,)}


@dataclass(frozen=True, slots=True)
class Chosen:
    """A choice of messages; what is None chooses all. Times are those of arrival, and both edges count."""

    state: str | None = None
    reason: str | None = None
    source_id: str | None = None
    received_from: datetime | None = None
    received_to: datetime | None = None


def narrowed(query: Select[Any], chosen: Chosen, *, app_id: int) -> Select[Any]:
    """Return a query on inbound events with all that it needs to hold them against the choice."""
    query = (
        query.select_from(InboundEvent)
        .join(Source, (Source.app_id == InboundEvent.app_id) & (Source.id == InboundEvent.source_id))
        .outerjoin(Event, (Event.app_id == InboundEvent.app_id) & (Event.id == InboundEvent.event_id))
        .where(InboundEvent.app_id == app_id)
    )
    if chosen.state is not None:
        query = query.where(InboundEvent.state.in_(_STORED[chosen.state]), state_now == chosen.state)
    if chosen.reason is not None:
        query = query.where(reason_now == chosen.reason)
    if chosen.source_id is not None:
        query = query.where(InboundEvent.source_id == chosen.source_id)
    if chosen.received_from is not None:
        query = query.where(InboundEvent.received_at >= chosen.received_from)
    if chosen.received_to is not None:
        query = query.where(InboundEvent.received_at <= chosen.received_to)
    return query
