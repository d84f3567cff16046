"""Paddle: events (`GET /events`), transactions and adjustments (https://developer.paddle.com/api-reference)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from referral_service.webhooks_in.providers.body_fields import Object, entries
from referral_service.webhooks_in.providers.exports.exported import Exported, UnknownRecord, export_name, id_of

SENTENCE = "Not a record of Paddle's: an event, a transaction (txn_…) or an adjustment (adj_…) is understood."
_COMPLETED = "transaction.completed"
_ADJUSTED = "adjustment.updated"


def exported(record: Mapping[str, Any]) -> tuple[Exported, ...]:
    """Return the messages that a record stands for; raise UnknownRecord.

    A transaction that was asked for with its adjustments (`include=adjustment`) tells them as well.
    """
    if "event_type" in record:
        return (Exported(record),)
    name = id_of(record)
    if name.startswith("adj_"):
        return (_adjustment(record),)
    if not name.startswith("txn_"):
        raise UnknownRecord(SENTENCE)
    if record.get("status") != "completed":
        return ()
    paid = _message(_COMPLETED, record, at=_paid_at(record), named=(name,))
    return (paid, *(_adjustment(one) for one in entries(record, "adjustments")))


def _adjustment(adjustment: Object) -> Exported:
    at = adjustment.get("updated_at") or adjustment.get("created_at")
    return _message(_ADJUSTED, adjustment, at=at, named=(id_of(adjustment), str(adjustment.get("status"))))


def _paid_at(transaction: Object) -> object:
    """Return when the money came: an invoice is billed weeks before."""
    captured = [one.get("captured_at") for one in entries(transaction, "payments") if one.get("status") == "captured"]
    moments = sorted(moment for moment in captured if isinstance(moment, str))
    return moments[-1] if moments else transaction.get("billed_at") or transaction.get("updated_at")


def _message(kind: str, thing: Object, *, at: object, named: tuple[str, ...]) -> Exported:
    return Exported(
        {"event_id": export_name(kind, *named), "event_type": kind, "occurred_at": at, "data": thing},
    )
