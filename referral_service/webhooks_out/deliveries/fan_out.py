"""Give notifications their positions, and each endpoint that wants one its delivery: in one transaction, so that no
placed notification is without the deliveries it should have, and none has two.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, cast

from sqlalchemy import Table, bindparam, select
from sqlalchemy.orm import Session

from referral_service.kit.db.write_rows import insert_rows
from referral_service.kit.ids import new_id
from referral_service.notifications.place import Unplaced, place_notifications
from referral_service.webhooks_out.endpoints.event_types import TEST, is_wanted
from referral_service.webhooks_out.models import Delivery, WebhookEndpoint
from referral_service.webhooks_out.states import DISABLED, ENABLED, SCHEDULED

BATCH_MAX = 1000
_ROWS = cast(Table, Delivery.__table__)
_endpoints = cast(Table, WebhookEndpoint.__table__)
_ENDPOINTS = (
    select(_endpoints.c.id, _endpoints.c.events, _endpoints.c.state)
    .where(_endpoints.c.app_id == bindparam("app_id"), _endpoints.c.deleted_at.is_(None))
    .order_by(_endpoints.c.id)
    .with_for_update(read=True, key_share=True)
)


def place_and_fan_out(session: Session, *, app_id: int, now: datetime, limit: int = BATCH_MAX) -> int:
    """Place about `limit` of the app's notifications and schedule their deliveries; returns how many were placed.

    `now` is real time. What an endpoint that is switched off would have got is kept for it, as `disabled`.
    """
    placed = place_notifications(session, app_id=app_id, limit=limit)
    if not placed:
        return 0
    # Nobody switches an endpoint off between this reading and the writing below. It is the weakest of the locks: any
    # stronger one would keep a courier, which passes over what is locked, from an endpoint as long as there is much
    # to place.
    endpoints = session.execute(_ENDPOINTS, {"app_id": app_id}).all()
    rows = [
        _row(app_id, notification.id, endpoint.id, SCHEDULED if endpoint.state == ENABLED else DISABLED, now)
        for notification in placed
        for endpoint in endpoints
        if _is_for(notification, endpoint.id, endpoint.events)
    ]
    insert_rows(session, _ROWS, rows)
    return len(placed)


def _is_for(notification: Unplaced, endpoint_id: str, filters: list[str]) -> bool:
    """A test goes to the endpoint it is about, whatever that filters; all else to those that want it."""
    if notification.type == TEST:
        return notification.object_id == endpoint_id
    return is_wanted(filters, notification.type)


def _row(app_id: int, notification_id: str, endpoint_id: str, state: str, now: datetime) -> dict[str, Any]:
    return {
        "app_id": app_id,
        "id": new_id("dlv"),
        "notification_id": notification_id,
        "endpoint_id": endpoint_id,
        "state": state,
        "attempts": 0,
        "next_attempt_at": now,
        "last_attempt_at": None,
        "last_status": None,
        "last_error": None,
        "last_duration_ms": None,
        "created_at": now,
        "done_at": None,
    }
