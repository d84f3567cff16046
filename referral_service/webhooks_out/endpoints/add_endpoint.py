"""Add an endpoint: where notifications are sent, which of them, and the secret that they are signed with."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from referral_service.audit.record import record
from referral_service.kit.crypto import Sealer
from referral_service.kit.errors import InvalidRequest
from referral_service.kit.ids import new_id
from referral_service.tenants.models import App
from referral_service.webhooks_out.calling.addresses import endpoint_url_fault
from referral_service.webhooks_out.endpoints.secrets import new_secret, sealed_secret
from referral_service.webhooks_out.errors import TooManyEndpoints
from referral_service.webhooks_out.models import WebhookEndpoint
from referral_service.webhooks_out.states import ENABLED

# Each notification becomes a delivery for each endpoint that wants it.
ENDPOINTS_MAX = 20


@dataclass(frozen=True, slots=True)
class NewEndpoint:
    """An endpoint, and its secret, to be shown this once."""

    row: WebhookEndpoint
    secret: str = field(repr=False)


def add_endpoint(
    session: Session,
    sealer: Sealer,
    *,
    app_id: int,
    url: str,
    events: list[str],
    development: bool,
    actor: str,
    now: datetime,
) -> NewEndpoint:
    """Add an endpoint that gets the notifications placed from now on; `events` are filters that are known to be right.

    `now` is real time. Raises InvalidRequest for its URL, TooManyEndpoints.
    """
    check_url(url, development=development)
    # Two that are added at once count one after the other.
    session.execute(select(App.id).where(App.id == app_id).with_for_update(key_share=True))
    mine = (WebhookEndpoint.app_id == app_id, WebhookEndpoint.deleted_at.is_(None))
    if session.scalar(select(func.count()).select_from(WebhookEndpoint).where(*mine)) >= ENDPOINTS_MAX:  # type: ignore[operator]
        raise TooManyEndpoints(endpoints_max=ENDPOINTS_MAX)
    row = WebhookEndpoint(
        app_id=app_id,
        id=new_id("whe"),
        url=url,
        events=events,
        state=ENABLED,
        reason=None,
        failing_since=None,
        failures=0,
        paused_until=None,
        sequence=0,
        created_at=now,
        deleted_at=None,
    )
    secret = new_secret()
    session.add(row)
    # The secret's row refers to the endpoint's.
    session.flush()
    session.add(sealed_secret(sealer, app_id=app_id, endpoint_id=row.id, secret=secret, now=now))
    details = {"url": without_query(url), "events": events}
    record(session, app_id=app_id, actor=actor, action="endpoint.added", object_id=row.id, details=details, now=now)
    return NewEndpoint(row, secret)


def check_url(url: str, *, development: bool) -> None:
    """Raise InvalidRequest unless our webhooks may call this URL."""
    fault = endpoint_url_fault(url, development=development)
    if fault is not None:
        raise InvalidRequest(errors={"url": [fault]})


def without_query(url: str) -> str:
    """Return a URL as the audit log keeps it: some put a token of their own into its query."""
    return url.partition("?")[0]
