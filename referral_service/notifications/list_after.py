"""Read an app's notifications, in the order of their positions or by their ids."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple, cast

from sqlalchemy import Select, Table, and_, select
from sqlalchemy.orm import Session

from referral_service.kit.db.base import Id, Number
from referral_service.kit.db.given_rows import as_parameter, given_rows
from referral_service.notifications.models import Notification

_ROWS = cast(Table, Notification.__table__)
_COLUMNS = (
    _ROWS.c.id,
    _ROWS.c.type,
    _ROWS.c.created_at,
    _ROWS.c.position,
    _ROWS.c.object_id,
    _ROWS.c.sequence,
    _ROWS.c.previous_state,
    _ROWS.c.state,
    _ROWS.c.reason,
    _ROWS.c.object,
)


class Announced(NamedTuple):
    """A notification that has its position; `object` holds `cus_…` ids."""

    id: str
    type: str
    timestamp: datetime
    position: int
    object_id: str
    sequence: int
    previous_state: str | None
    state: str
    reason: str | None
    object: dict[str, Any]


def list_after(session: Session, *, app_id: int, after: int = 0, limit: int = 100) -> list[Announced]:
    """Return up to `limit` notifications whose position is above `after`, lowest first.

    Those without a position are not there yet: whoever goes on from the last position read misses nothing.
    """
    statement = (
        select(*_COLUMNS)
        .where(_ROWS.c.app_id == app_id, _ROWS.c.position > after)
        .order_by(_ROWS.c.position)
        .limit(limit)
    )
    return [Announced._make(row) for row in session.execute(statement)]


def read_placed(session: Session, *, keys: Collection[tuple[int, str]]) -> dict[tuple[int, str], Announced]:
    """Return those of the notifications, by app number and id, that are there and have their positions."""
    wanted = as_parameter({"app_id": app_id, "id": notification_id} for app_id, notification_id in keys)
    rows = session.execute(_placed(session.get_bind().dialect.name), {"wanted": wanted})
    return {(app_id, columns[0]): Announced(*columns) for app_id, *columns in rows}


@cache
def _placed(dialect: str) -> Select[Any]:
    wanted = given_rows(dialect, "wanted", app_id=Number, id=Id)
    return (
        select(_ROWS.c.app_id, *_COLUMNS)
        .join(wanted, and_(_ROWS.c.app_id == wanted.c.app_id, _ROWS.c.id == wanted.c.id))
        .where(_ROWS.c.position.is_not(None))
    )
