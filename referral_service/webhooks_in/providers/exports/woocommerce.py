"""WooCommerce: orders, as `GET /wp-json/wc/v3/orders` lists them. A webhook's body is the same, and so is its name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from referral_service.webhooks_in.providers.body_fields import number_text
from referral_service.webhooks_in.providers.exports.exported import Exported, UnknownRecord

SENTENCE = "Not a record of WooCommerce's: an order, as version 3 of its REST API lists it, is understood."
_UPDATED = "order.updated"


def exported(record: Mapping[str, Any]) -> tuple[Exported, ...]:
    """Return the message that an order stands for; raise UnknownRecord."""
    if number_text(record.get("id")) is None or "status" not in record or "total" not in record:
        raise UnknownRecord(SENTENCE)
    return (Exported(record, provider_type=_UPDATED),)
