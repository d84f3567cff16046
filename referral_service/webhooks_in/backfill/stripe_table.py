"""Stripe's export of payments as a table (https://docs.stripe.com/reports/export): each row as the charge it is.

All columns are needed, for only `Mode` says that a payment was a test.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from referral_service.webhooks_in.providers.decimal_money import UnusableDecimal, money_of
from referral_service.webhooks_in.providers.exports.exported import UnknownRecord
from referral_service.webhooks_in.providers.stripe_money import UnusableAmount, amount_at_stripe

NEEDED = frozenset(
    {
        "id", "Created date (UTC)", "Amount", "Amount Refunded", "Currency", "Captured", "Mode", "Status",
        "Customer ID", "Customer Email", "PaymentIntent ID", "Invoice ID",
    }
)  # fmt: skip
_METADATA = " (metadata)"
_MOMENT = re.compile(r"(\d{4}-\d\d-\d\d) (\d\d:\d\d)(?::(\d\d))?")
_MODES = {"live": True, "test": False}
_FLAGS = {"true": True, "false": False}
_PAID = ("paid", "succeeded", "refunded", "partially refunded", "partial refund", "disputed")
_NOT_PAID = ("failed", "canceled", "cancelled", "uncaptured", "pending", "blocked", "incomplete", "expired")


def charge(row: Mapping[str, str]) -> dict[str, Any]:
    """Return a row as Stripe's API has the charge; raise UnknownRecord."""
    said = {name: value.strip() for name, value in row.items()}
    captured = _one_of(said, "Captured", _FLAGS)
    status = said["Status"].lower()
    is_paid = status in _PAID
    if not is_paid and status not in _NOT_PAID and not status.startswith("requires"):
        raise UnknownRecord("Status is none that is known.")
    made = {
        "object": "charge",
        "id": said["id"],
        "livemode": _one_of(said, "Mode", _MODES),
        "status": "succeeded" if is_paid else "failed",
        "captured": captured,
        "created": _moment(said, "Created date (UTC)"),
        "currency": said["Currency"].lower(),
        "amount": _amount(said, "Amount"),
        "amount_refunded": _amount(said, "Amount Refunded") if said["Amount Refunded"] else 0,
        "payment_intent": said["PaymentIntent ID"] or None,
        "invoice": said["Invoice ID"] or None,
        "customer": said["Customer ID"] or None,
        "receipt_email": said["Customer Email"] or None,
        "metadata": {
            name.removesuffix(_METADATA): value for name, value in said.items() if name.endswith(_METADATA) and value
        },
    }
    if said.get("Refunded date (UTC)"):
        made["refunds"] = {"data": [{"created": _moment(said, "Refunded date (UTC)")}]}
    return made


def _one_of(said: Mapping[str, str], column: str, words: Mapping[str, bool]) -> bool:
    found = words.get(said[column].lower())
    if found is None:
        raise UnknownRecord(f"{column} must be one of: {', '.join(words)}.")
    return found


def _amount(said: Mapping[str, str], column: str) -> int:
    try:
        money = money_of(said[column], said["Currency"])
        if money.amount_minor < 0:
            raise UnusableDecimal("Negative.")
        return amount_at_stripe(money)
    except (UnusableDecimal, UnusableAmount):
        raise UnknownRecord(f"{column} is no amount of the currency in Currency.") from None


def _moment(said: Mapping[str, str], column: str) -> int:
    found = _MOMENT.fullmatch(said[column])
    try:
        if found is None:
            raise ValueError
        day, minute, second = found.groups()
        return int(datetime.fromisoformat(f"{day}T{minute}:{second or '00'}").replace(tzinfo=UTC).timestamp())
    except ValueError:
        raise UnknownRecord(f"{column} is no time such as 2026-01-31 09:30:00.") from None
