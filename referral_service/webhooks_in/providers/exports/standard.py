"""The app's own events, one body of `POST /v1/events` a record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from referral_service.webhooks_in.providers.body_fields import text
from referral_service.webhooks_in.providers.exports.exported import Exported, UnknownRecord, digest, export_name

SENTENCE = "Not an event: one body of POST /v1/events is understood, which has a type."


def exported(record: Mapping[str, Any]) -> tuple[Exported, ...]:
    """Return the message that an event is; raise UnknownRecord. Without an id, the same event is the same message."""
    if "type" not in record:
        raise UnknownRecord(SENTENCE)
    return (Exported(record, external_id=text(record.get("id")) or export_name(digest(dict(record)))),)
