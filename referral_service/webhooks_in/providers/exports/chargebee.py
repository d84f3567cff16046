"""Chargebee: events (`GET /api/v2/events`) and transactions (`GET /api/v2/transactions`), one entry of `list` a record
(https://apidocs.chargebee.com/docs/api).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from referral_service.webhooks_in.providers.body_fields import inside
from referral_service.webhooks_in.providers.exports.exported import Exported, UnknownRecord, export_name, id_of

# An invoice does not say by which gateway it was paid, so a test payment could not be told from a real one.
SENTENCE = (
    "Not a record of Chargebee's: an event or a transaction is understood. Invoices are told by their transactions."
)
_KINDS = {"payment": "payment_succeeded", "refund": "payment_refunded"}


def exported(record: Mapping[str, Any]) -> tuple[Exported, ...]:
    """Return the messages that a record stands for; raise UnknownRecord."""
    event = inside(record, "event") or record
    if "event_type" in event:
        return (Exported(event),)
    content = {"transaction": record} if record.get("object") == "transaction" else record
    transaction = inside(content, "transaction")
    if not transaction:
        raise UnknownRecord(SENTENCE)
    name, kind = id_of(transaction), _KINDS.get(str(transaction.get("type")))
    if kind is None or transaction.get("status") != "success":
        return ()
    body = {
        "id": export_name(kind, name),
        "event_type": kind,
        "occurred_at": transaction.get("date"),
        "content": content,
    }
    return (Exported(body),)
