"""Lemon Squeezy: orders and invoices of subscriptions, as `GET /v1/orders` lists them
(https://docs.lemonsqueezy.com/api/orders/the-order-object), one object of JSON:API a record.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from referral_service.webhooks_in.providers.body_fields import inside
from referral_service.webhooks_in.providers.exports.exported import Exported, UnknownRecord

SENTENCE = (
    "Not a record of Lemon Squeezy's: an object of the type orders or subscription-invoices is understood, or the body "
    "of a webhook."
)
_KINDS = {
    "orders": ("order_created", "order_refunded"),
    "subscription-invoices": ("subscription_payment_success", "subscription_payment_refunded"),
}
_GIVEN_BACK = frozenset({"refunded", "partial_refund"})


def exported(record: Mapping[str, Any]) -> tuple[Exported, ...]:
    """Return the messages that a record stands for; raise UnknownRecord.

    They are named after what they say, as webhooks are: the payment as it was before anything was given back.
    """
    if "event_name" in inside(record, "meta"):
        return (Exported(record),)
    kinds = _KINDS.get(str(record.get("type")))
    said = record.get("attributes")
    if kinds is None or not isinstance(said, dict):
        raise UnknownRecord(SENTENCE)
    paid, given_back = kinds
    if said.get("status") not in _GIVEN_BACK and not said.get("refunded"):
        return (_message(paid, record, said),)
    before: dict[str, Any] = {**said, "status": "paid", "refunded": False, "refunded_at": None}
    if "refunded_amount" in said:
        before["refunded_amount"] = 0
    if record.get("type") != "orders":
        # It was the refund that changed it last.
        before["updated_at"] = None
    return (_message(paid, record, before), _message(given_back, record, said))


def _message(kind: str, record: Mapping[str, Any], attributes: Mapping[str, Any]) -> Exported:
    return Exported(
        {
            "meta": {"event_name": kind, "test_mode": attributes.get("test_mode")},
            "data": {**record, "attributes": attributes},
        }
    )
