"""What a WooCommerce order means (https://woocommerce.github.io/woocommerce-rest-api-docs/#order-properties).

Every message is the order as it stands, so each tells all that has happened to it: that it was paid, and how much of it
has been given back.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import datetime

from referral_service.events.given import PURCHASE, REFUND, GivenEvent, GivenRefund
from referral_service.kit import strict_json
from referral_service.kit.money import Money
from referral_service.webhooks_in.providers.body_fields import (
    Object,
    Referral,
    customer_id,
    entries,
    first_email,
    inside,
    noted,
    number_text,
    referral_in,
    rfc3339_time,
    text,
)
from referral_service.webhooks_in.providers.decimal_money import UnusableDecimal, money_of
from referral_service.webhooks_in.providers.provider import (
    MALFORMED_BODY,
    NOTHING_PAID,
    UNPAID,
    UNUSABLE_AMOUNT,
    Ignored,
    Parked,
    Several,
    Translation,
)

TOPICS = frozenset({"order.created", "order.updated", "order.restored"})
NOT_RELEVANT = "not_relevant"
UNKNOWN_STATUS = "unknown_status"

_PAID = ("processing", "completed")
_REFUNDED = "refunded"
_NOT_YET_PAID = ("pending", "on-hold", "failed", "checkout-draft", "auto-draft")
_GIVEN_UP = ("cancelled", "trash")
_REFERRAL_FIELDS = ("referral_code", "referral_click", "referral_customer_id")
_STATUS_CHARACTERS_MAX = 40


def message_id(order: Object) -> str | None:
    """Return by what a message about an order is known: the order, its status, and a digest of all that is used of it.

    The e-mail address is not part of it: this id is shown, and kept for ever.
    """
    key = number_text(order.get("id"))
    if key is None:
        return None
    how = _came(order)
    refunds = [[number_text(refund.get("id")), text(refund.get("total"))] for refund in entries(order, "refunds")]
    said = [
        *(text(order.get(name)) for name in ("status", "date_paid_gmt", "total", "currency")),
        number_text(order.get("customer_id")),
        refunds,
        [how.customer_id, how.code, how.signed_code, how.click_token, list(how.code_hints)],
    ]
    digest = hashlib.sha256(strict_json.dumps(said)).hexdigest()[:32]
    return f"{key}:{text(order.get('status'), _STATUS_CHARACTERS_MAX) or ''}:{digest}"


def translate(order: Object, *, topic: str, external_id: str) -> Translation:
    """Say what a message means. Never raises, whatever the body holds."""
    if not topic:
        return Parked(MALFORMED_BODY)
    if topic not in TOPICS:
        return Ignored(NOT_RELEVANT)
    try:
        return _order(order, external_id)
    except UnusableDecimal:
        return Parked(UNUSABLE_AMOUNT, PURCHASE)


def _order(order: Object, external_id: str) -> Translation:
    status, key = text(order.get("status"), _STATUS_CHARACTERS_MAX), number_text(order.get("id"))
    if status is None or key is None:
        return Parked(MALFORMED_BODY, PURCHASE)
    order_key = text(order.get("order_key"))
    # Not its `number`: plug-ins count anew, and one order's number is another one's id.
    names = (key,) if order_key is None else (key, order_key)
    paid_at = _gmt(order.get("date_paid_gmt"))
    total = money_of(order.get("total"), order.get("currency"))
    given_back = _given_back(order, total, status=status, names=names, paid_at=paid_at, external_id=external_id)
    if status not in (*_PAID, _REFUNDED):
        if given_back is not None:
            return given_back
        if status in _GIVEN_UP:
            return Ignored(NOT_RELEVANT)
        return Parked(UNPAID if status in _NOT_YET_PAID or paid_at is None else UNKNOWN_STATUS, PURCHASE)
    if paid_at is None:
        # Cash on delivery is processed first, and paid when it is completed.
        return Parked(UNPAID, PURCHASE)
    if total.amount_minor <= 0:
        return Parked(NOTHING_PAID, PURCHASE)
    purchase = _purchase(order, total, names=names, paid_at=paid_at, external_id=external_id)
    if given_back is None:
        return purchase
    return Several((replace(purchase, external_id=f"{external_id}:paid"), given_back))


def _purchase(
    order: Object, total: Money, *, names: tuple[str, ...], paid_at: datetime, external_id: str
) -> GivenEvent:
    how = _came(order)
    # A guest is customer 0.
    hint = customer_id(number_text(order.get("customer_id")))
    return GivenEvent(
        external_id=external_id,
        type=PURCHASE,
        occurred_at=paid_at,
        customer_id=how.customer_id,
        customer_hints=() if hint is None else (hint,),
        email=first_email(inside(order, "billing").get("email")),
        aliases=names,
        amount=total,
        code=how.code,
        signed_code=how.signed_code,
        click_token=how.click_token,
        code_hints=how.code_hints,
    )


def _given_back(
    order: Object,
    total: Money,
    *,
    status: str,
    names: tuple[str, ...],
    paid_at: datetime | None,
    external_id: str,
) -> GivenEvent | None:
    """Return how much has been given back in all: the whole of a refunded order, else the sum of its refunds."""
    # WooCommerce writes them as negative amounts.
    refunds = [money_of(refund.get("total"), total.currency) for refund in entries(order, "refunds")]
    amount = total.amount_minor if status == _REFUNDED else sum(abs(money.amount_minor) for money in refunds)
    at = _gmt(order.get("date_modified_gmt")) or paid_at
    if amount <= 0 or at is None:
        return None
    return GivenEvent(
        external_id=external_id,
        type=REFUND,
        occurred_at=at,
        aliases=names,
        refund=GivenRefund("cumulative", f"total:{amount}:{total.currency}", Money(amount, total.currency)),
    )


def _came(order: Object) -> Referral:
    said = noted(order, "meta_data", "key")
    # Meta data whose key begins with `_` is hidden in the shop's admin, which is where plug-ins like to put theirs.
    known = {name: said[key] for name in _REFERRAL_FIELDS for key in (f"_{name}", name) if key in said}
    return referral_in(known, discounts=[coupon.get("code") for coupon in entries(order, "coupon_lines")])


def _gmt(value: object) -> datetime | None:
    """Return a time as WooCommerce writes it, in UTC and without saying so: `2017-03-22T19:28:08`."""
    return (
        rfc3339_time(f"{value}Z") if isinstance(value, str) and not value.endswith(("Z", "z")) else rfc3339_time(value)
    )
