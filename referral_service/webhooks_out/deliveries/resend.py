"""Send again: one delivery, or what an endpoint has missed.

Whoever receives sees the same `webhook-id` as before, and so knows what it has had already.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, cast

from sqlalchemy import ColumnElement, CursorResult, Row, select, union_all, update
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
    within: list[ColumnElement[bool]] = [Delivery.app_id == app_id, Delivery.endpoint_id == endpoint_id]
    if starts_at is not None:
        within.append(Delivery.created_at >= starts_at)
    if ends_at is not None:
        within.append(Delivery.created_at <= ends_at)
    if after is not None:
        within.append(Delivery.id > after)
    wanted = _wanted(what)
    ids = union_all(*(select(Delivery.id).where(*within, *each) for each in wanted))
    edges = session.scalars(ids.order_by(ids.selected_columns.id).offset(RESENT_MAX - 1).limit(2)).all()
    # The last of those that there is room for, where there is one behind it.
    last = edges[0] if len(edges) > 1 else None
    if last is not None:
        within.append(Delivery.id <= last)
    done = [session.execute(update(Delivery).where(*within, *each).values(_scheduled(now))) for each in wanted]
    scheduled = sum(cast(CursorResult[Any], each).rowcount for each in done)
    return Resent(scheduled=scheduled, more=last is not None, last=last)


def _wanted(what: What) -> list[list[ColumnElement[bool]]]:
    """Return the conditions of what is wanted, state by state: so the index of what is not done holds it."""
    if what is What.FAILED:
        return [[Delivery.state == state, is_undone()] for state in FAILED]
    return [[Delivery.state != LEASED]]


def _demand_enabled(endpoint: WebhookEndpoint) -> None:
    if endpoint.state == DISABLED:
        raise EndpointDisabled(endpoint_id=endpoint.id, reason=endpoint.reason)


def _scheduled(now: datetime) -> dict[str, Any]:
    return {"state": SCHEDULED, "attempts": 0, "next_attempt_at": now, "done_at": None}
