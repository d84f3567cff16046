"""Read an app's notifications in the order of their positions, in its own words for its customers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy.orm import Session

from referral_service.customers.read_customer import external_ids
from referral_service.notifications.customer_ids import inside_ids_in, with_customer_ids
from referral_service.notifications.list_after import Announced, list_after

# The version of the API whose GET shows the objects in this way.
API_VERSION = "v1"


def list_notifications(session: Session, *, app_id: int, after: int, limit: int) -> list[dict[str, Any]]:
    """Return up to `limit` notifications with a position above `after`, lowest first."""
    return notification_documents(session, list_after(session, app_id=app_id, after=after, limit=limit), app_id=app_id)


def notification_documents(session: Session, rows: Sequence[Announced], *, app_id: int) -> list[dict[str, Any]]:
    """Return the notifications as they are read and sent; someone who was erased is None. One look-up for all."""
    ids: set[str] = set().union(*(inside_ids_in(row.object) for row in rows))
    names = external_ids(session, app_id=app_id, ids=ids)
    return [
        {
            "type": row.type,
            "id": row.id,
            "timestamp": row.timestamp,
            "api_version": API_VERSION,
            "object_id": row.object_id,
            "sequence": row.sequence,
            "position": row.position,
            "data": {
                "object": with_customer_ids(row.object, names),
                "previous_state": row.previous_state,
                "state": row.state,
                "reason": row.reason,
            },
        }
        for row in rows
    ]
