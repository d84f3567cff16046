"""Send a test to an endpoint: a notification like any other, and for this endpoint alone."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from referral_service.webhooks_out.endpoints.event_types import TEST
from referral_service.webhooks_out.endpoints.read_endpoint import lock_endpoint
from referral_service.webhooks_out.endpoints.switch import announce_endpoint
from referral_service.webhooks_out.errors import EndpointDisabled
from referral_service.webhooks_out.states import DISABLED

REASON = "test"


def send_test(session: Session, *, app_id: int, endpoint_id: str, now: datetime) -> str:
    """Announce a test and return the notification's id; it is sent whatever the endpoint's filters are.

    `now` is real time. Raises EndpointNotFound, EndpointDisabled.
    """
    row = lock_endpoint(session, app_id=app_id, endpoint_id=endpoint_id)
    if row.state == DISABLED:
        raise EndpointDisabled(endpoint_id=row.id, reason=row.reason)
    return announce_endpoint(session, row, event=TEST, previous_state=row.state, reason=REASON, now=now)
