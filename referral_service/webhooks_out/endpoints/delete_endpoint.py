"""Delete an endpoint: nothing is sent to it any more. What was, or was not, can still be read."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete
from sqlalchemy.orm import Session

from referral_service.audit.record import record
from referral_service.webhooks_out.endpoints.policy import Why
from referral_service.webhooks_out.endpoints.read_endpoint import lock_endpoint
from referral_service.webhooks_out.endpoints.switch import switch_off
from referral_service.webhooks_out.models import EndpointSecret


def delete_endpoint(session: Session, *, app_id: int, endpoint_id: str, actor: str, now: datetime) -> None:
    """Delete an endpoint and its secrets; one that was enabled is switched off, and that is announced.

    `now` is real time. Raises EndpointNotFound.
    """
    row = lock_endpoint(session, app_id=app_id, endpoint_id=endpoint_id)
    switch_off(session, row, why=Why.DELETED, now=now)
    row.deleted_at = now
    mine = (EndpointSecret.app_id == app_id, EndpointSecret.endpoint_id == endpoint_id)
    session.execute(delete(EndpointSecret).where(*mine))
    record(session, app_id=app_id, actor=actor, action="endpoint.deleted", object_id=endpoint_id, details={}, now=now)
