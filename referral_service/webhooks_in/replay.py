"""Take in a kept message once more: after a referral was added, or a program or this service was put right."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from referral_service.events.given import Answer
from referral_service.journeys.tools import Tools
from referral_service.kit.ids import is_id
from referral_service.tenants.models import Source
from referral_service.webhooks_in.errors import BodyNoLongerKept, InboundEventNotFound
from referral_service.webhooks_in.models import InboundEvent
from referral_service.webhooks_in.providers.provider import Ignored, Parked
from referral_service.webhooks_in.providers.registry import PROVIDERS
from referral_service.webhooks_in.read_message import read_message
from referral_service.webhooks_in.receive import apply, body_context, first_answer


def replay(session: Session, *, tools: Tools, app_id: int, inbound_id: str, is_test: bool, now: datetime) -> Answer:
    """Read the stored body again and carry out what has not been done yet; what has is answered as before.

    `now` is business time. Raises InboundEventNotFound, BodyNoLongerKept.
    """
    if not is_id(inbound_id, "inb"):
        raise InboundEventNotFound
    found = session.execute(
        select(InboundEvent, Source.provider)
        .join(Source, (Source.app_id == InboundEvent.app_id) & (Source.id == InboundEvent.source_id))
        .where(InboundEvent.app_id == app_id, InboundEvent.id == inbound_id)
        .with_for_update(of=InboundEvent, key_share=True)
    ).one_or_none()
    if found is None:
        raise InboundEventNotFound
    row, provider = found
    if row.body_ct is None:
        raise BodyNoLongerKept
    raw = tools.sealer.open(row.body_ct, context=body_context(app_id, inbound_id))
    # The signature was verified when it came, and the body has been sealed since.
    message = read_message(
        PROVIDERS[provider],
        raw,
        external_id=row.external_id,
        provider_type=row.provider_type,
        is_test=is_test,
        now=now,
    )
    if row.event_id is not None and isinstance(message.translation, Ignored | Parked):
        # It has been carried out, by a version of this service that read more in it.
        return first_answer(session, app_id=app_id, event_id=row.event_id)
    answer = apply(
        session, tools=tools, app_id=app_id, source_id=row.source_id, inbound_id=inbound_id, message=message, now=now
    )
    answer.duplicate = answer.duplicate or not answer.event_id
    return answer
