"""Show which notifications went where, and how that went."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Row, literal_column, select
from sqlalchemy.orm import Session, aliased

from referral_service.webhooks_out.deliveries.read_delivery import shown_deliveries
from referral_service.webhooks_out.models import Delivery
from referral_service.webhooks_out.states import DONE

_other = aliased(Delivery)


def list_deliveries(
    session: Session,
    *,
    app_id: int,
    endpoint_id: str | None,
    notification_id: str | None,
    state: str | None,
    after: list[Any] | None,
    limit: int,
) -> Sequence[Row[Any]]:
    """Return up to `limit` deliveries, the newest first, those before the id in `after`; see `shown_deliveries`.

    Those of an endpoint that has been deleted stay readable.
    """
    query = shown_deliveries(app_id).order_by(Delivery.id.desc()).limit(limit)
    if endpoint_id is not None:
        query = query.where(Delivery.endpoint_id == endpoint_id)
    if notification_id is not None:
        # Apart, or SQLite would rather walk through all of them in their order.
        of_it = select(_other.id).where(_other.app_id == app_id, _other.notification_id == notification_id)
        query = query.where(Delivery.id.in_(of_it))
    if state is not None:
        query = query.where(Delivery.state == state)
        if state != DONE:
            query = query.where(is_undone())
    if after is not None:
        query = query.where(Delivery.id < after[0])
    return session.execute(query).all()


def is_undone() -> ColumnElement[bool]:
    """Return the very condition of the index over what is not done: a database cannot see that a parameter fits it."""
    return Delivery.state != literal_column(f"'{DONE}'")
