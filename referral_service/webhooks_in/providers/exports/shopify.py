"""Shopify: orders with their refunds, as `GET /admin/api/…/orders.json?status=any` lists them
(https://shopify.dev/docs/api/admin-rest/latest/resources/order), or as its admin exports them to CSV.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from referral_service.webhooks_in.providers.body_fields import Object, entries, inside, number_text
from referral_service.webhooks_in.providers.exports.exported import (
    Exported,
    UnknownRecord,
    digest,
    export_name,
    id_of,
)

SENTENCE = "Not a record of Shopify's: an order, as its REST API lists it, or a refund is understood."
# An authorized order has not been paid: no webhook of a payment was ever sent of it.
_PAID = frozenset({"paid", "partially_refunded", "refunded"})
_ORDER_PAID, _REFUNDED = "orders/paid", "refunds/create"


def exported(record: Mapping[str, Any]) -> tuple[Exported, ...]:
    """Return the messages that a record stands for; raise UnknownRecord.

    A cancellation needs none of its own: the order says it, and is another message afterwards. Each refund is one,
    known by its id, so that those that webhooks tell later add up with them.
    """
    if number_text(record.get("order_id")) is not None and isinstance(record.get("transactions"), list):
        return (_refund(record),)
    order = inside(record, "order") or record
    if number_text(order.get("id")) is None or "financial_status" not in order:
        raise UnknownRecord(SENTENCE)
    if order.get("financial_status") not in _PAID:
        return ()
    name = id_of(order)
    refunds = [{"order_id": order["id"], **refund} for refund in entries(order, "refunds")]
    paid = Exported(order, _ORDER_PAID, export_name(_ORDER_PAID, name, digest(_state(order))))
    # A refund out of a table has no id: the order alone tells how much it was.
    return (paid, *(_refund(refund) for refund in refunds if number_text(refund.get("id")) is not None))


def _refund(refund: Mapping[str, Any]) -> Exported:
    state = [[one.get(name) for name in ("kind", "status", "amount")] for one in entries(refund, "transactions")]
    return Exported(refund, _REFUNDED, export_name(_REFUNDED, id_of(refund), digest(state)))


def _state(order: Object) -> list[Any]:
    """Return what may change of an order that is paid, as far as it matters."""
    amounts = [
        [one.get(name) for name in ("kind", "status", "amount")]
        for refund in entries(order, "refunds")
        for one in entries(refund, "transactions")
    ]
    return [order.get("total_price"), order.get("cancelled_at"), amounts]
