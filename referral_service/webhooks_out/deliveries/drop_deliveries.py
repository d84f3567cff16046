"""Drop deliveries that have long been done. Their notifications stay, and can be pulled for ever."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import CursorResult, Table, bindparam, delete, literal_column, select
from sqlalchemy.orm import Session

from referral_service.kit.db.base import Word
from referral_service.kit.db.batch import Batch
from referral_service.kit.ids import first_id_at
from referral_service.webhooks_out.models import Delivery
from referral_service.webhooks_out.states import DONE

BATCH_MAX = 2_000

_rows = cast(Table, Delivery.__table__)
# In the order of their ids, which is that of their making: what is old comes first.
_OLD = (
    select(_rows.c.id)
    .where(_rows.c.app_id == bindparam("app_id"), _rows.c.id > bindparam("after"), _rows.c.id < bindparam("old"))
    .order_by(_rows.c.id)
    .limit(bindparam("count"))
)
_DROP = delete(_rows).where(
    _rows.c.app_id == bindparam("of_app"),
    _rows.c.id >= bindparam("first"),
    _rows.c.id <= bindparam("last"),
    _rows.c.state == literal_column(f"'{DONE}'", Word),
    _rows.c.done_at < bindparam("before"),
)


def drop_deliveries(
    session: Session, *, app_id: int, now: datetime, kept: timedelta, after: str = "", limit: int = BATCH_MAX
) -> Batch[str]:
    """Delete those of the next `limit` old deliveries after an id that were done longer than `kept` before `now` (real
    time). What is scheduled, dead or missed stays, however old it is: somebody may yet send it.
    """
    asked = {"app_id": app_id, "after": after, "old": first_id_at("dlv", now - kept), "count": limit}
    old = session.scalars(_OLD, asked).all()
    if not old:
        return Batch(0, None)
    edges = {"of_app": app_id, "first": old[0], "last": old[-1], "before": now - kept}
    done = session.execute(_DROP, edges)
    return Batch(cast(CursorResult[Any], done).rowcount, old[-1] if len(old) == limit else None)
