"""Rows of a table with this service's own columns, for whatever a source can export: one row is one paid order, with
what has been given back of it. All values are texts, as a table has them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from referral_service.customers.policy import customer_id_fault
from referral_service.events.given import PURCHASE, REFUND, GivenEvent, GivenRefund
from referral_service.kit.money import Money
from referral_service.webhooks_in.providers.body_fields import first_email, referral_in, rfc3339_time, text
from referral_service.webhooks_in.providers.decimal_money import UnusableDecimal, money_of
from referral_service.webhooks_in.providers.exports.exported import Exported, UnknownRecord, digest
from referral_service.webhooks_in.providers.provider import (
    INVALID_EVENT,
    NOTHING_PAID,
    TEST_MODE,
    Around,
    Parked,
    Several,
    Translation,
)

# The type of such a message. No webhook's header can say it: it has a colon.
ROW = "backfill:row"
NEEDED = ("order_id", "amount", "currency", "occurred_at")
OPTIONAL = (
    "customer_id",
    "email",
    "referral_code",
    "referral_click",
    "discount_code",
    "refunded_amount",
    "refunded_at",
    "test",
)
_ORDER_CHARACTERS_MAX = 200
# As the API takes times.
_YEAR_MIN = 2000
# An address is no part of what a message is called: that is shown, and kept for ever.
_NAMED_BY = ("amount", "currency", "occurred_at", "customer_id", "referral_code", "referral_click", "refunded_amount")
_TEST = {"": False, "false": False, "true": True}


@dataclass(frozen=True, slots=True)
class _Row:
    order_id: str
    amount: Money
    occurred_at: datetime
    refunded: Money | None
    refunded_at: datetime
    is_test: bool


def exported_row(row: Mapping[str, str]) -> Exported:
    """Return the message that a row stands for; raise UnknownRecord with a sentence on the first thing that is wrong.

    Empty cells are left out.
    """
    said = {name: value.strip() for name, value in row.items() if value.strip()}
    order = _read(said).order_id
    name = f"row:{order}:{digest([said.get(part) for part in _NAMED_BY])}"
    return Exported(said, provider_type=ROW, external_id=name)


def translate_row(body: Mapping[str, Any], around: Around) -> Translation:
    """Say what a row means. Never raises."""
    try:
        row = _read(body)
    except UnknownRecord:
        return Parked(INVALID_EVENT, PURCHASE)
    if row.is_test and not around.is_test:
        return Parked(TEST_MODE, PURCHASE)
    if row.amount.amount_minor == 0:
        return Parked(NOTHING_PAID, PURCHASE)
    referral = referral_in(
        {**body, "referral_customer_id": body.get("customer_id")}, discounts=[body.get("discount_code")]
    )
    purchase = GivenEvent(
        external_id=around.external_id,
        type=PURCHASE,
        occurred_at=row.occurred_at,
        customer_id=referral.customer_id,
        email=first_email(body.get("email")),
        aliases=(row.order_id,),
        amount=row.amount,
        code=referral.code,
        signed_code=referral.signed_code,
        click_token=referral.click_token,
        code_hints=referral.code_hints,
    )
    if row.refunded is None:
        return purchase
    back = row.refunded
    refund = GivenEvent(
        external_id=around.external_id,
        type=REFUND,
        occurred_at=row.refunded_at,
        aliases=(row.order_id,),
        refund=GivenRefund("cumulative", f"total:{back.amount_minor}:{back.currency}", back),
    )
    return Several((replace(purchase, external_id=f"{around.external_id}:paid"), refund))


def _read(said: Mapping[str, Any]) -> _Row:
    order = text(said.get("order_id"), _ORDER_CHARACTERS_MAX)
    if order is None:
        raise UnknownRecord(f"order_id must be a text of 1 to {_ORDER_CHARACTERS_MAX} printable characters.")
    amount = _money(said, "amount")
    refunded = _money(said, "refunded_amount") if said.get("refunded_amount") else None
    occurred_at = _moment(said, "occurred_at")
    who = said.get("customer_id")
    if who is not None and (not isinstance(who, str) or customer_id_fault(who) is not None):
        raise UnknownRecord("customer_id is none that this service takes.")
    if said.get("email") is not None and first_email(said.get("email")) is None:
        raise UnknownRecord("email is no address.")
    test = _TEST.get(str(said.get("test", "")).lower())
    if test is None:
        raise UnknownRecord("test must be true or false.")
    return _Row(
        order,
        amount,
        occurred_at,
        refunded if refunded is not None and refunded.amount_minor else None,
        _moment(said, "refunded_at") if said.get("refunded_at") else occurred_at,
        test,
    )


def _money(said: Mapping[str, Any], name: str) -> Money:
    try:
        found = money_of(said.get(name), said.get("currency"))
    except UnusableDecimal:
        found = None
    if found is None or found.amount_minor < 0:
        raise UnknownRecord(f"{name} must be an amount such as 49.90 in a currency of ISO 4217, and not negative.")
    return found


def _moment(said: Mapping[str, Any], name: str) -> datetime:
    found = rfc3339_time(said.get(name))
    if found is None or found.year < _YEAR_MIN:
        raise UnknownRecord(f"{name} must be a time with its offset, such as 2026-01-31T09:30:00Z.")
    return found
