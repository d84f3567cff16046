"""Lemon Squeezy's webhooks: how they are signed (https://docs.lemonsqueezy.com/help/webhooks/signing-requests) and what
they mean (https://docs.lemonsqueezy.com/help/webhooks/event-types).

The event's name is read in the body alone: the header that repeats it is not signed. Messages have no id and no time of
their own, so a message is named after what it says: the same fact sent again is the same message, a further refund is
another. Orders and the invoices of subscriptions are counted apart, and an invoice never names its order.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from referral_service.events.given import PURCHASE, REFUND, GivenEvent, GivenRefund
from referral_service.webhooks_in.providers.body_fields import (
    Object,
    customer_ids,
    first_email,
    identifier,
    identifiers,
    inside,
    money,
    referral_in,
    rfc3339_time,
    text,
)
from referral_service.webhooks_in.providers.exports.exported import Exported
from referral_service.webhooks_in.providers.exports.lemonsqueezy import exported
from referral_service.webhooks_in.providers.provider import (
    EXTERNAL_ID_CHARACTERS_MAX,
    LIVE_MODE,
    MALFORMED_BODY,
    NOTHING_PAID,
    TEST_MODE,
    UNPAID,
    UNUSABLE_AMOUNT,
    Around,
    Ignored,
    Labels,
    Parked,
    Translation,
    Verified,
)
from referral_service.webhooks_in.providers.secrets import GivenSecret
from referral_service.webhooks_in.providers.signatures import HEXADECIMAL, prove

NOT_RELEVANT = "not_relevant"
# The first payment of a subscription is its order's as well, and only the order can be told from others.
TOLD_BY_ORDER = "told_by_order"
# An invoice may have the number of an order.
INVOICE_PREFIX = "subscription-invoice:"

# The shop chooses it, 6 to 40 characters by the documentation. An API key, pasted by mistake, is far longer.
_SECRET = re.compile(r"[!-~]{6,255}")
_NAME_CHARACTERS_MAX = 100
_STATUS_CHARACTERS_MAX = 50


@dataclass(frozen=True, slots=True)
class Told:
    """A message whose envelope is sound: the order or invoice it is about, and what the checkout was given."""

    external_id: str
    id: str
    attributes: Object
    custom_data: Object


class LemonSqueezy:
    """Lemon Squeezy, whose signing secret the shop chooses."""

    name = "lemonsqueezy"
    secret = GivenSecret(_SECRET, "Must be the webhook's signing secret: at least 6 characters, without spaces.")
    # Links to receipts and invoices carry long signatures.
    string_characters_max = 65_536

    def verify(
        self,
        *,
        raw: bytes,
        headers: Mapping[str, str],
        secrets: Sequence[str],
        now: datetime,  # noqa: ARG002
    ) -> Verified:
        prove(raw, given=[headers.get("x-signature", "")], secrets=secrets, spelling=HEXADECIMAL)
        return Verified()

    def labels(self, body: Mapping[str, Any]) -> Labels:
        data = inside(body, "data")
        kind = text(inside(body, "meta").get("event_name"), _NAME_CHARACTERS_MAX)
        thing = text(data.get("id"), EXTERNAL_ID_CHARACTERS_MAX)
        if kind is None or thing is None:
            return Labels(None, kind or "")
        attributes = inside(data, "attributes")
        status = text(attributes.get("status"), _STATUS_CHARACTERS_MAX) or ""
        name = f"{kind}:{thing}:{status}:{identifier(attributes.get('refunded_amount')) or ''}"
        return Labels(name if len(name) <= EXTERNAL_ID_CHARACTERS_MAX else None, kind)

    def translate(self, body: Mapping[str, Any], around: Around) -> Translation:
        return _translate(body, external_id=around.external_id, is_test=around.is_test)

    def exported(self, record: Mapping[str, Any]) -> tuple[Exported, ...]:
        return exported(record)


def _translate(body: Object, *, external_id: str, is_test: bool) -> Translation:
    meta, data = inside(body, "meta"), inside(body, "data")
    kind, attributes = meta.get("event_name"), data.get("attributes")
    if not isinstance(kind, str):
        return Parked(MALFORMED_BODY)
    meaning = _MEANINGS.get(kind)
    if meaning is None:
        return Ignored(NOT_RELEVANT)
    ours, read = meaning
    thing = text(data.get("id"), EXTERNAL_ID_CHARACTERS_MAX)
    if thing is None or not isinstance(attributes, dict):
        return Parked(MALFORMED_BODY, ours)
    modes = [mode for mode in (meta.get("test_mode"), attributes.get("test_mode")) if mode is not None]
    if not modes or any(type(mode) is not bool for mode in modes):
        return Parked(MALFORMED_BODY, ours)
    if any(modes) is not is_test:
        return Parked(LIVE_MODE if is_test else TEST_MODE, ours)
    return read(Told(external_id, thing, attributes, inside(meta, "custom_data")))


def _order(told: Told) -> Translation:
    # The number of the order counts within one shop, so that it may be another order's id.
    return _purchase(told, identifiers(told.id, told.attributes.get("identifier")), told.attributes.get("created_at"))


def _invoice(told: Told) -> Translation:
    reason = told.attributes.get("billing_reason")
    if not isinstance(reason, str):
        return Parked(MALFORMED_BODY, PURCHASE)
    if reason == "initial":
        return Ignored(TOLD_BY_ORDER)
    # An invoice waits for its payment, for two weeks where the card fails at first; paying it changes it.
    paid_at = told.attributes.get("updated_at") or told.attributes.get("created_at")
    return _purchase(told, identifiers(INVOICE_PREFIX + told.id), paid_at)


def _purchase(told: Told, aliases: tuple[str, ...], paid_at: object) -> Translation:
    said = told.attributes
    if said.get("status") != "paid":
        return Parked(UNPAID, PURCHASE)
    amount, occurred_at = money(said.get("total"), said.get("currency"), decimals=_decimals), rfc3339_time(paid_at)
    if amount is None:
        return Parked(UNUSABLE_AMOUNT, PURCHASE)
    if amount.amount_minor == 0:
        # A trial, or a discount of everything.
        return Parked(NOTHING_PAID, PURCHASE)
    if occurred_at is None or not aliases:
        return Parked(MALFORMED_BODY, PURCHASE)
    referral = referral_in(told.custom_data, ids_may_be_numbers=True)
    return GivenEvent(
        external_id=told.external_id,
        type=PURCHASE,
        occurred_at=occurred_at,
        customer_id=referral.customer_id,
        customer_hints=customer_ids(said.get("customer_id")),
        email=first_email(said.get("user_email")),
        aliases=aliases,
        amount=amount,
        code=referral.code,
        signed_code=referral.signed_code,
        click_token=referral.click_token,
    )


def _order_refund(told: Told) -> Translation:
    return _refund(told, identifiers(told.id, told.attributes.get("identifier")))


def _invoice_refund(told: Told) -> Translation:
    if told.attributes.get("billing_reason") == "initial":
        # `order_refunded` tells it. Parked, not ignored: whoever enabled only this one must be able to see it.
        return Parked(TOLD_BY_ORDER, REFUND)
    return _refund(told, identifiers(INVOICE_PREFIX + told.id))


def _refund(told: Told, aliases: tuple[str, ...]) -> Translation:
    """How much has been given back in all; older messages do not say it of an order that was refunded whole."""
    said = told.attributes
    is_whole = said.get("status") == "refunded"
    amount = money(said.get("total" if is_whole else "refunded_amount"), said.get("currency"), decimals=_decimals)
    if amount is None:
        return Parked(UNUSABLE_AMOUNT, REFUND)
    occurred_at = rfc3339_time(said.get("refunded_at") or said.get("updated_at"))
    if occurred_at is None or not aliases or amount.amount_minor == 0:
        return Parked(MALFORMED_BODY, REFUND)
    return GivenEvent(
        external_id=told.external_id,
        type=REFUND,
        occurred_at=occurred_at,
        aliases=aliases,
        refund=GivenRefund("cumulative", f"total:{amount.amount_minor}:{amount.currency}", amount),
    )


def _decimals(ours: int) -> int | None:
    """Amounts are "in cents"; what that is for a currency without two decimals Lemon Squeezy does not say."""
    return 2 if ours == 2 else None


_MEANINGS: dict[str, tuple[str, Callable[[Told], Translation]]] = {
    "order_created": (PURCHASE, _order),
    "order_refunded": (REFUND, _order_refund),
    # `subscription_payment_recovered` always comes beside a `subscription_payment_success`.
    "subscription_payment_success": (PURCHASE, _invoice),
    "subscription_payment_refunded": (REFUND, _invoice_refund),
}
