"""An endpoint as its GET shows it, and as it is announced."""

from __future__ import annotations

from typing import Any

from referral_service.kit.clock import format_rfc3339
from referral_service.webhooks_out.models import WebhookEndpoint


def endpoint_document(row: WebhookEndpoint) -> dict[str, Any]:
    """Return what an app may know of its endpoint: JSON values, no secret."""
    return {
        "id": row.id,
        "url": row.url,
        "events": row.events,
        "state": row.state,
        "reason": row.reason,
        "failing_since": row.failing_since and format_rfc3339(row.failing_since),
        "paused_until": row.paused_until and format_rfc3339(row.paused_until),
        "created_at": format_rfc3339(row.created_at),
    }
