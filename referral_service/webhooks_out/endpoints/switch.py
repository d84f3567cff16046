"""Switch an endpoint on or off, and announce it: an endpoint is never switched off silently."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from referral_service.notifications.announce import Change, announce
from referral_service.webhooks_out.endpoints.document import endpoint_document
from referral_service.webhooks_out.endpoints.event_types import DISABLED_TYPE, ENABLED_TYPE
from referral_service.webhooks_out.endpoints.policy import Why
from referral_service.webhooks_out.models import Delivery, WebhookEndpoint
from referral_service.webhooks_out.states import DISABLED, ENABLED, SCHEDULED


def switch_off(session: Session, row: WebhookEndpoint, *, why: Why, now: datetime) -> None:
    """Disable an endpoint, whose row is locked, and what is scheduled for it; `now` is real time.

    What is under way is left to who sends it. Nothing is lost: all of it can be sent again.
    """
    if row.state == DISABLED:
        return
    _wait_for_planners(session, row)
    row.state, row.reason, row.paused_until = DISABLED, why, None
    waiting = (Delivery.app_id == row.app_id, Delivery.endpoint_id == row.id, Delivery.state == SCHEDULED)
    session.execute(update(Delivery).where(*waiting).values(state=DISABLED))
    announce_endpoint(session, row, event=DISABLED_TYPE, previous_state=ENABLED, reason=why, now=now)


def switch_on(session: Session, row: WebhookEndpoint, *, now: datetime) -> None:
    """Enable an endpoint, whose row is locked, as if it had never failed; what it missed is sent when asked for."""
    if row.state == ENABLED:
        return
    _wait_for_planners(session, row)
    row.state, row.reason = ENABLED, None
    row.failing_since, row.failures, row.paused_until = None, 0, None
    announce_endpoint(session, row, event=ENABLED_TYPE, previous_state=DISABLED, reason=Why.BY_APP, now=now)


def _wait_for_planners(session: Session, row: WebhookEndpoint) -> None:
    """Wait for whoever plans deliveries by the endpoint's present state: their rows are there afterwards, for what is
    switched off with it or sent again after it. They hold a lock that none but this one waits for.
    """
    mine = (WebhookEndpoint.app_id == row.app_id, WebhookEndpoint.id == row.id)
    session.execute(select(WebhookEndpoint.id).where(*mine).with_for_update())


def announce_endpoint(
    session: Session, row: WebhookEndpoint, *, event: str, previous_state: str | None, reason: str | None, now: datetime
) -> str:
    """Announce something of an endpoint, whose row is locked, and return the notification's id."""
    row.sequence += 1
    change = Change(
        type=event,
        object_id=row.id,
        sequence=row.sequence,
        previous_state=previous_state,
        state=row.state,
        reason=reason,
        object=endpoint_document(row),
    )
    (notification_id,) = announce(session, app_id=row.app_id, changes=[change], now=now)
    return notification_id
