"""Read an app's notifications in the order of their positions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple, cast

from sqlalchemy import Table, select
from sqlalchemy.orm import Session

from referral_service.notifications.customer_ids import customer_ids_of, inside_ids_in, with_customer_ids
from referral_service.notifications.models import Notification

_ROWS = cast(Table, Notification.__table__)


class Announced(NamedTuple):
    """A notification as the app sees it; `object` holds the app's own customer ids."""

    id: str
    type: str
    timestamp: datetime
    position: int
    sequence: int
    previous_state: str | None
    state: str
    reason: str | None
    object: dict[str, Any]


def list_after(session: Session, *, app_id: int, after: int = 0, limit: int = 100) -> list[Announced]:
    """Return up to `limit` notifications whose position is above `after`, lowest first.

    Those without a position are not there yet: whoever goes on from the last position read misses nothing.
    """
    columns = (
        _ROWS.c.id,
        _ROWS.c.type,
        _ROWS.c.created_at,
        _ROWS.c.position,
        _ROWS.c.sequence,
        _ROWS.c.previous_state,
        _ROWS.c.state,
        _ROWS.c.reason,
        _ROWS.c.object,
    )
    statement = (
        select(*columns)
        .where(_ROWS.c.app_id == app_id, _ROWS.c.position > after)
        .order_by(_ROWS.c.position)
        .limit(limit)
    )
    return with_names(session, app_id=app_id, rows=[Announced(*row) for row in session.execute(statement)])


def with_names(session: Session, *, app_id: int, rows: Sequence[Announced]) -> list[Announced]:
    """Put the app's customer ids into the objects of `rows`, with one look-up for all of them."""
    names = customer_ids_of(session, app_id=app_id, ids=set().union(*(inside_ids_in(row.object) for row in rows)))
    return [row._replace(object=with_customer_ids(row.object, names)) for row in rows]
