"""Change where an endpoint is, what it wants, and whether it is switched on."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from referral_service.audit.record import record
from referral_service.webhooks_out.endpoints.add_endpoint import check_url, without_query
from referral_service.webhooks_out.endpoints.policy import Why
from referral_service.webhooks_out.endpoints.read_endpoint import lock_endpoint
from referral_service.webhooks_out.endpoints.switch import switch_off, switch_on
from referral_service.webhooks_out.models import WebhookEndpoint
from referral_service.webhooks_out.states import DISABLED, ENABLED


def change_endpoint(
    session: Session,
    *,
    app_id: int,
    endpoint_id: str,
    changes: Mapping[str, Any],
    development: bool,
    actor: str,
    now: datetime,
) -> WebhookEndpoint:
    """Change `url`, `events` or `state`, whichever `changes` names; the filters in it are known to be right.

    Other filters apply from the next notification that is placed; what is on its way goes to the new URL. What a
    disabled endpoint misses is kept, and sent when it is asked for. `now` is real time. Raises EndpointNotFound,
    InvalidRequest for the URL.
    """
    row = lock_endpoint(session, app_id=app_id, endpoint_id=endpoint_id)
    changed: dict[str, Any] = {
        name: value
        for name in ("url", "events", "state")
        if (value := changes.get(name, getattr(row, name))) != getattr(row, name)
    }
    if "url" in changed:
        check_url(changed["url"], development=development)
        row.url = changed["url"]
        # Another address has not failed yet.
        row.failing_since, row.failures, row.paused_until = None, 0, None
    if "events" in changed:
        row.events = changed["events"]
    if changed.get("state") == DISABLED:
        switch_off(session, row, why=Why.BY_APP, now=now)
    if changed.get("state") == ENABLED:
        switch_on(session, row, now=now)
    if changed:
        details = changed | ({"url": without_query(changed["url"])} if "url" in changed else {})
        record(
            session, app_id=app_id, actor=actor, action="endpoint.changed", object_id=row.id, details=details, now=now
        )
    return row
