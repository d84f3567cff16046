"""Shopify's export of orders as a table (https://help.shopify.com/en/manual/fulfillment/managing-orders/exporting-orders):
each order as its REST API would give it, as far as the table tells.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from referral_service.webhooks_in.providers.body_fields import number_text
from referral_service.webhooks_in.providers.decimal_money import UnusableDecimal, money_of
from referral_service.webhooks_in.providers.exports.exported import UnknownRecord

NEEDED = frozenset(
    {
        "Name", "Email", "Financial Status", "Currency", "Total", "Discount Code", "Created at", "Note Attributes",
        "Cancelled at", "Payment Method", "Refunded Amount", "Id",
    }
)  # fmt: skip
_MOMENT = re.compile(r"(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d) ?([+-]\d\d):?(\d\d)")
# The gateway for trying a shop out; the table says in no other way that an order is a test.
_TEST_GATEWAY = "bogus"
Cells = Mapping[str, str]


def goes_on(row: Cells, before: Cells | None) -> bool:
    """Tell whether a row is one more product of the order in the row before."""
    return before is not None and row["Name"] == before["Name"] and not row["Financial Status"].strip()


def order(rows: Sequence[Cells]) -> dict[str, Any]:
    """Return an order as Shopify's REST API has it, out of its rows; raise UnknownRecord."""
    first = rows[0]
    key, currency = number_text(first["Id"].strip().removeprefix("'")), first["Currency"].strip()
    if key is None:
        raise UnknownRecord("Id is no whole number: the row does not begin an order, or a spreadsheet has rounded it.")
    refunded = _amount(first, "Refunded Amount", currency) if first["Refunded Amount"].strip() else None
    created_at, cancelled_at = _moment(first, "Created at"), first["Cancelled at"].strip()
    gateways = [word.strip().lower() for word in first["Payment Method"].split("+")]
    return {
        "id": int(key),
        "name": first["Name"],
        "email": first["Email"].strip() or None,
        "financial_status": first["Financial Status"].strip(),
        "currency": currency,
        "total_price": _amount(first, "Total", currency),
        "created_at": created_at,
        "cancelled_at": _moment(first, "Cancelled at") if cancelled_at else None,
        "test": any(word.startswith(_TEST_GATEWAY) for word in gateways),
        "note_attributes": list(_attributes(first["Note Attributes"])),
        "discount_codes": [{"code": code.strip()} for code in first["Discount Code"].split(",") if code.strip()],
        "line_items": [_product(row) for row in rows],
        "refunds": [_refund(refunded, currency, at=created_at)] if refunded and refunded.strip("0.") else [],
    }


def _refund(amount: str, currency: str, *, at: str) -> dict[str, Any]:
    """Return all refunds as one: the table says how much they are together, and nothing else of them."""
    done = {"kind": "refund", "status": "success", "amount": amount, "currency": currency}
    return {"created_at": at, "transactions": [done]}


def _product(row: Cells) -> dict[str, Any]:
    quantity, off = row.get("Lineitem quantity", "").strip(), row.get("Lineitem discount", "").strip()
    return {
        "vendor": row.get("Vendor", "").strip() or None,
        "quantity": int(quantity) if quantity.isascii() and quantity.isdigit() and len(quantity) < 8 else None,
        "price": row.get("Lineitem price", "").strip(),
        "discount_allocations": [{"amount": off}] if off else [],
    }


def _attributes(cell: str) -> Iterable[dict[str, str]]:
    """Yield the cart's attributes, a line each: `name: value`."""
    for line in cell.splitlines():
        name, sign, value = line.partition(":")
        if sign:
            yield {"name": name.strip(), "value": value.strip()}


def _amount(row: Cells, column: str, currency: str) -> str:
    amount = row[column].strip()
    try:
        money_of(amount, currency)
    except UnusableDecimal:
        raise UnknownRecord(f"{column} is no amount of the currency in Currency.") from None
    return amount


def _moment(row: Cells, column: str) -> str:
    found = _MOMENT.fullmatch(row[column].strip())
    if found is None:
        raise UnknownRecord(f"{column} is no time such as 2026-01-31 09:30:00 -0500.")
    day, time, hours, minutes = found.groups()
    return f"{day}T{time}{hours}:{minutes}"
