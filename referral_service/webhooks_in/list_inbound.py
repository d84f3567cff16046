"""Show what arrived, and what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, case, select
from sqlalchemy.orm import Session

from referral_service.events.models import Event
from referral_service.tenants.models import Source
from referral_service.webhooks_in.models import InboundEvent
from referral_service.webhooks_in.receive import IGNORED, PARKED, PROCESSED

STATES = (PROCESSED, PARKED, IGNORED)
# A parked event is settled later where its referral comes; then its own row says so, and this one is behind.
_state_now = case(
    (InboundEvent.event_id.is_(None), InboundEvent.state), (Event.outcome == PARKED, PARKED), else_=PROCESSED
)
_reason_now = case((InboundEvent.event_id.is_(None), InboundEvent.reason), else_=Event.reason)
# What the stored state can be while the present one is the key: settled events never go back.
_STORED = {PROCESSED: (PROCESSED, PARKED), PARKED: (PARKED,), IGNORED: (IGNORED,)}


def list_inbound(
    session: Session,
    *,
    app_id: int,
    state: str | None,
    reason: str | None,
    source_id: str | None,
    after: list[Any] | None,
    limit: int,
) -> Sequence[Row[Any]]:
    """Return up to `limit` messages, the newest first, those before the id in `after`, with their present state."""
    query = (
        select(
            InboundEvent.id,
            InboundEvent.source_id,
            Source.provider,
            InboundEvent.external_id,
            InboundEvent.provider_type,
            InboundEvent.type,
            _state_now.label("state"),
            _reason_now.label("reason"),
            InboundEvent.received_at,
        )
        .join(Source, (Source.app_id == InboundEvent.app_id) & (Source.id == InboundEvent.source_id))
        .outerjoin(Event, (Event.app_id == InboundEvent.app_id) & (Event.id == InboundEvent.event_id))
        .where(InboundEvent.app_id == app_id)
        .order_by(InboundEvent.id.desc())
        .limit(limit)
    )
    if state is not None:
        query = query.where(InboundEvent.state.in_(_STORED[state]), _state_now == state)
    if reason is not None:
        query = query.where(_reason_now == reason)
    if source_id is not None:
        query = query.where(InboundEvent.source_id == source_id)
    if after is not None:
        query = query.where(InboundEvent.id < after[0])
    return session.execute(query).all()
