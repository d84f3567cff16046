"""Replace an endpoint's secret, with time to put the new one in place."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, update
from sqlalchemy.orm import Session

from referral_service.audit.record import record
from referral_service.kit.crypto import Sealer
from referral_service.webhooks_out.endpoints.add_endpoint import NewEndpoint
from referral_service.webhooks_out.endpoints.read_endpoint import lock_endpoint
from referral_service.webhooks_out.endpoints.secrets import new_secret, sealed_secret
from referral_service.webhooks_out.models import EndpointSecret

OVERLAP = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class RotatedSecret:
    """The endpoint with its new secret, and until when messages are signed with the one before it, too."""

    endpoint: NewEndpoint
    old_valid_until: datetime


def rotate_secret(
    session: Session, sealer: Sealer, *, app_id: int, endpoint_id: str, actor: str, now: datetime
) -> RotatedSecret:
    """Give the endpoint a new secret; the one before it signs too for 24 hours more, an older one no longer at all.

    `now` is real time. Raises EndpointNotFound.
    """
    row = lock_endpoint(session, app_id=app_id, endpoint_id=endpoint_id)
    retires_at = now + OVERLAP
    mine = (EndpointSecret.app_id == app_id, EndpointSecret.endpoint_id == endpoint_id)
    # Whoever rotates twice in a day does so because a secret got out: never more than two are valid.
    session.execute(delete(EndpointSecret).where(*mine, EndpointSecret.retires_at.is_not(None)))
    session.execute(update(EndpointSecret).where(*mine).values(retires_at=retires_at))
    secret = new_secret()
    session.add(sealed_secret(sealer, app_id=app_id, endpoint_id=endpoint_id, secret=secret, now=now))
    record(
        session,
        app_id=app_id,
        actor=actor,
        action="endpoint.secret_rotated",
        object_id=endpoint_id,
        details={},
        now=now,
    )
    return RotatedSecret(NewEndpoint(row, secret), retires_at)
