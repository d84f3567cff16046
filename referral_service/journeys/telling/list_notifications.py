"""Read an app's notifications in the order of their positions, in its own words for its customers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy.orm import Session

from referral_service.customers.read_customer import external_ids, external_ids_of_apps
from referral_service.notifications.customer_ids import inside_ids_in, with_customer_ids
from referral_service.notifications.list_after import Announced, list_after, read_placed

# The version of the API whose GET shows the objects in this way.
API_VERSION = "v1"


def list_notifications(session: Session, *, app_id: int, after: int, limit: int) -> list[dict[str, Any]]:
    """Return up to `limit` notifications with a position above `after`, lowest first."""
    rows = list_after(session, app_id=app_id, after=after, limit=limit)
    names = external_ids(session, app_id=app_id, ids=set().union(*(inside_ids_in(row.object) for row in rows)))
    return [_document(row, names) for row in rows]


def placed_notifications(
    session: Session, *, keys: Collection[tuple[int, str]]
) -> dict[tuple[int, str], dict[str, Any]]:
    """Return the notifications, by app number and id, as they are listed; one look-up of names for all."""
    rows = read_placed(session, keys=keys)
    ids: dict[int, set[str]] = defaultdict(set)
    for (app_id, _), row in rows.items():
        ids[app_id] |= inside_ids_in(row.object)
    names = external_ids_of_apps(session, ids=ids)
    return {key: _document(row, names[key[0]]) for key, row in rows.items()}


def _document(row: Announced, names: Mapping[str, str | None]) -> dict[str, Any]:
    """Return the notification as it is read and sent; someone who was erased is None."""
    return {
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
