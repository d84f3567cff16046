"""Send again: one delivery, or what an endpoint has missed.

Whoever receives sees the same `webhook-id` as before, and so knows what it has had already.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, cast

from sqlalchemy import ColumnElement, CursorResult, Row, select, update
from sqlalchemy.orm import Session

from referral_service.webhooks_out.deliveries.list_deliveries import is_undone
from referral_service.webhooks_out.deliveries.read_delivery import read_delivery
from referral_service.webhooks_out.endpoints.read_endpoint import lock_endpoint
from referral_service.webhooks_out.errors import EndpointDeleted, EndpointDisabled, EndpointNotFound
from referral_service.webhooks_out.models import Delivery, WebhookEndpoint
from referral_service.webhooks_out.states import DISABLED, FAILED, LEASED, SCHEDULED

RESENT_MAX = 10_000


class What(StrEnum):
    """What of an endpoint's is sent again."""

    FAILED = "failed"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Resent:
    """How many deliveries were scheduled. Where there are `more`, they come after the id `last`."""

    scheduled: int
    more: bool
    last: str | None


def resend_delivery(session: Session, *, app_id: int, delivery_id: str, now: datetime) -> Row[Any]:
    """Schedule one delivery at once, with all its attempts before it; one that is being sent is left to that.

    `now` is real time. Returns it as it is shown then. Raises DeliveryNotFound, EndpointDeleted, EndpointDisabled.
    """
    shown = read_delivery(session, app_id=app_id, delivery_id=delivery_id)
    try:
        endpoint = lock_endpoint(session, app_id=app_id, endpoint_id=shown.endpoint_id)
    except EndpointNotFound:
        raise EndpointDeleted(endpoint_id=shown.endpoint_id) from None
    _demand_enabled(endpoint)
    this = (Delivery.app_id == app_id, Delivery.id == delivery_id, Delivery.state != LEASED)
    session.execute(update(Delivery).where(*this).values(_scheduled(now)))
    return read_delivery(session, app_id=app_id, delivery_id=delivery_id)


def resend_to_endpoint(
    session: Session,
    *,
    app_id: int,
    endpoint_id: str,
    what: What,
    starts_at: datetime | None,
    ends_at: datetime | None,
    after: str | None,
    now: datetime,
) -> Resent:
    """Schedule at once up to 10,000 of an endpoint's deliveries, oldest first: those that failed for good or were
    missed, or all but those that are being sent.

    `starts_at` and `ends_at`, both included, bound when a delivery was made, in real time; `after` is the `last` of the
    call before. `now` is real time. Raises EndpointNotFound, EndpointDisabled.
    """
    _demand_enabled(lock_endpoint(session, app_id=app_id, endpoint_id=endpoint_id))
    wanted: list[ColumnElement[bool]] = [Delivery.app_id == app_id, Delivery.endpoint_id == endpoint_id]
    if what is What.FAILED:
        wanted += [Delivery.state.in_(FAILED), is_undone()]
    else:
        wanted += [Delivery.state != LEASED]
    if starts_at is not None:
        wanted.append(Delivery.created_at >= starts_at)
    if ends_at is not None:
        wanted.append(Delivery.created_at <= ends_at)
    if after is not None:
        wanted.append(Delivery.id > after)
    edge = select(Delivery.id).where(*wanted).order_by(Delivery.id).offset(RESENT_MAX - 1).limit(2)
    # The last of those that there is room for, and the first of those that there is not.
    edges = session.scalars(edge).all()
    last = edges[0] if len(edges) > 1 else None
    if last is not None:
        wanted.append(Delivery.id <= last)
    done = cast(CursorResult[Any], session.execute(update(Delivery).where(*wanted).values(_scheduled(now))))
    return Resent(scheduled=done.rowcount, more=last is not None, last=last)


def _demand_enabled(endpoint: WebhookEndpoint) -> None:
    if endpoint.state == DISABLED:
        raise EndpointDisabled(endpoint_id=endpoint.id, reason=endpoint.reason)


def _scheduled(now: datetime) -> dict[str, Any]:
    return {"state": SCHEDULED, "attempts": 0, "next_attempt_at": now, "done_at": None}
