"""Give committed notifications their positions: one order per app, without gaps, in which readers pull.

A notification gets its position only after the transaction that wrote it has committed. A reader who has seen
position 7 can therefore never miss one that is committed later: it gets 8 or more. Positions of one app are given by
one process at a time, since each holds the app's head row while it does so.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple, cast

from sqlalchemy import Table, bindparam, select
from sqlalchemy.orm import Session

from referral_service.kit.db.among import among
from referral_service.kit.db.upsert import insert_unless_there
from referral_service.kit.db.write_rows import update_rows
from referral_service.notifications.models import Notification, NotificationHead

_ROWS = cast(Table, Notification.__table__)
_HEADS = cast(Table, NotificationHead.__table__)
_UNPLACED = select(_ROWS.c.id, _ROWS.c.type, _ROWS.c.object_id, _ROWS.c.sequence).where(
    _ROWS.c.app_id == bindparam("app_id"), _ROWS.c.position.is_(None)
)
_NEXT = _UNPLACED.order_by(_ROWS.c.id).limit(bindparam("count"))
_OTHERS = _UNPLACED.where(_ROWS.c.id > bindparam("after"), among(_ROWS.c.object_id, "object_ids"))
_HEAD = select(_HEADS.c.last_position).where(_HEADS.c.app_id == bindparam("app_id")).with_for_update(key_share=True)


class Unplaced(NamedTuple):
    """What the order of a notification depends on, and who wants it."""

    id: str
    type: str
    object_id: str
    sequence: int


def apps_with_unplaced(session: Session, *, limit: int = 100) -> list[int]:
    """Return the short numbers of up to `limit` apps that have notifications without a position."""
    statement = select(_ROWS.c.app_id).where(_ROWS.c.position.is_(None)).distinct().limit(limit)
    return list(session.scalars(statement))


def place_notifications(session: Session, *, app_id: int, limit: int = 1000) -> list[Unplaced]:
    """Give the next positions to about `limit` of the app's notifications; returns those that got one, in order.

    An object's notifications get their positions in the order of their sequence. Whoever writes number n + 1 has
    waited for number n to commit, so a visible n + 1 means a visible n; but the ids of the two may sort the other way
    when two machines' clocks differ, and the limit may fall between them. Hence earlier ones of the same objects are
    taken along (the count may exceed `limit`) and put in front.
    """
    last = _lock_head(session, app_id)
    rows = [Unplaced(*row) for row in session.execute(_NEXT, {"app_id": app_id, "count": limit})]
    if not rows:
        return []
    rows = in_order(rows + _forerunners(session, app_id, rows))
    placed = [{"app_id": app_id, "id": row.id, "position": last + n} for n, row in enumerate(rows, start=1)]
    update_rows(session, _ROWS, placed)
    update_rows(session, _HEADS, [{"app_id": app_id, "last_position": last + len(rows)}], key=("app_id",))
    return rows


def in_order(rows: Iterable[Unplaced]) -> list[Unplaced]:
    """Sort by id, and let each object's rows share their places among themselves by sequence."""
    by_id = sorted(rows)
    waiting: dict[str, list[Unplaced]] = defaultdict(list)
    for row in sorted(by_id, key=lambda row: row.sequence, reverse=True):
        waiting[row.object_id].append(row)
    return [waiting[row.object_id].pop() for row in by_id]


def _lock_head(session: Session, app_id: int) -> int:
    last = session.execute(_HEAD, {"app_id": app_id}).scalar_one_or_none()
    if last is None:
        session.execute(insert_unless_there(session, _HEADS), {"app_id": app_id, "last_position": 0})
        last = session.execute(_HEAD, {"app_id": app_id}).scalar_one()
    return int(last)


def _forerunners(session: Session, app_id: int, rows: Sequence[Unplaced]) -> list[Unplaced]:
    """Return the unplaced rows that are not among `rows` but come before one of them in its object's sequence."""
    newest: dict[str, int] = {}
    for row in rows:
        newest[row.object_id] = max(newest.get(row.object_id, 0), row.sequence)
    # `rows` are the lowest ids of all, in order; whatever was there and is not among them has a higher one.
    asked = {"app_id": app_id, "after": rows[-1].id, "object_ids": sorted(newest)}
    return [Unplaced(*row) for row in session.execute(_OTHERS, asked) if row.sequence < newest[row.object_id]]
