"""Show one delivery."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, Select, case, select
from sqlalchemy.orm import Session

from referral_service.kit.ids import is_id
from referral_service.notifications.models import Notification
from referral_service.webhooks_out.errors import DeliveryNotFound
from referral_service.webhooks_out.models import Delivery
from referral_service.webhooks_out.states import LEASED, SCHEDULED


def read_delivery(session: Session, *, app_id: int, delivery_id: str) -> Row[Any]:
    """Return one delivery as `shown_deliveries` has it; raise DeliveryNotFound."""
    # Whatever else stands in a path, such as NUL, is not for a database to see.
    if not is_id(delivery_id, "dlv"):
        raise DeliveryNotFound
    row = session.execute(shown_deliveries(app_id).where(Delivery.id == delivery_id)).one_or_none()
    if row is None:
        raise DeliveryNotFound
    return row


def shown_deliveries(app_id: int) -> Select[Any]:
    """Return the query of an app's deliveries as they are shown: with the `type` of the notification, and with
    `next_attempt_at` only where there will be one.
    """
    return (
        select(
            Delivery.id,
            Delivery.notification_id,
            Notification.type,
            Delivery.endpoint_id,
            Delivery.state,
            Delivery.attempts,
            case((Delivery.state.in_((SCHEDULED, LEASED)), Delivery.next_attempt_at)).label("next_attempt_at"),
            Delivery.last_attempt_at,
            Delivery.last_status,
            Delivery.last_error,
            Delivery.last_duration_ms,
            Delivery.created_at,
            Delivery.done_at,
        )
        .join(
            Notification,
            (Notification.app_id == Delivery.app_id) & (Notification.id == Delivery.notification_id),
        )
        .where(Delivery.app_id == app_id)
    )
