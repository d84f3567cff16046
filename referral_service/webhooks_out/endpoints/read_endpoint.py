"""Show an app's endpoints, and lock one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from referral_service.kit.ids import is_id
from referral_service.webhooks_out.errors import EndpointNotFound
from referral_service.webhooks_out.models import WebhookEndpoint


def list_endpoints(session: Session, *, app_id: int, after: list[Any] | None, limit: int) -> Sequence[WebhookEndpoint]:
    """Return up to `limit` endpoints, oldest first, those after the id in `after`."""
    query = select(WebhookEndpoint).where(*_there(app_id)).order_by(WebhookEndpoint.id).limit(limit)
    if after is not None:
        query = query.where(WebhookEndpoint.id > after[0])
    return session.scalars(query).all()


def read_endpoint(session: Session, *, app_id: int, endpoint_id: str) -> WebhookEndpoint:
    """Return one endpoint; raise EndpointNotFound."""
    return _one(session, app_id, endpoint_id, select(WebhookEndpoint))


def lock_endpoint(session: Session, *, app_id: int, endpoint_id: str) -> WebhookEndpoint:
    """Return one endpoint, so that nobody else changes it, its secrets or its health meanwhile; raise EndpointNotFound.

    Its deliveries are locked after it, never before.
    """
    return _one(session, app_id, endpoint_id, select(WebhookEndpoint).with_for_update(key_share=True))


def _one(session: Session, app_id: int, endpoint_id: str, query: Select[WebhookEndpoint]) -> WebhookEndpoint:
    # Whatever else stands in a path, such as NUL, is not for a database to see.
    if not is_id(endpoint_id, "whe"):
        raise EndpointNotFound
    row = session.scalars(query.where(*_there(app_id), WebhookEndpoint.id == endpoint_id)).one_or_none()
    if row is None:
        raise EndpointNotFound
    return row


def _there(app_id: int) -> tuple[Any, ...]:
    return (WebhookEndpoint.app_id == app_id, WebhookEndpoint.deleted_at.is_(None))
