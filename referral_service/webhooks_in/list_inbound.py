"""Show what arrived, and what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from referral_service.tenants.models import Source
from referral_service.webhooks_in.choose_inbound import Chosen, narrowed, reason_now, state_now
from referral_service.webhooks_in.models import InboundEvent


def list_inbound(
    session: Session, *, app_id: int, chosen: Chosen, after: list[Any] | None, limit: int
) -> Sequence[Row[Any]]:
    """Return up to `limit` messages, the newest first, those before the id in `after`, with their present state."""
    query = select(
        InboundEvent.id,
        InboundEvent.source_id,
        Source.provider,
        InboundEvent.external_id,
        InboundEvent.provider_type,
        InboundEvent.type,
        state_now.label("state"),
        reason_now.label("reason"),
        InboundEvent.received_at,
    )
    query = narrowed(query, chosen, app_id=app_id).order_by(InboundEvent.id.desc()).limit(limit)
    if after is not None:
        query = query.where(InboundEvent.id < after[0])
    return session.execute(query).all()
