"""Chargebee's webhooks (https://apidocs.chargebee.com/docs/api/events, https://www.chargebee.com/docs/2.0/webhook_settings.html).

They are not signed: a user name and a password (RFC 7617) are all that proves the sender. One payment is one purchase,
known by its transaction, since an invoice may be paid in parts and a payment may pay several invoices.
"""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from referral_service.events.given import PURCHASE, REFUND, GivenEvent, GivenRefund
from referral_service.webhooks_in.providers.body_fields import (
    ID_CHARACTERS_MAX,
    REFERRAL_CLICK,
    REFERRAL_CODE,
    REFERRAL_CUSTOMER_ID,
    Object,
    customer_ids,
    entries,
    first_email,
    identifiers,
    inside,
    money,
    referral_in,
    text,
    unix_time,
)
from referral_service.webhooks_in.providers.exports.chargebee import exported
from referral_service.webhooks_in.providers.exports.exported import Exported
from referral_service.webhooks_in.providers.provider import (
    MALFORMED_BODY,
    NOTHING_PAID,
    TEST_MODE,
    UNPAID,
    UNUSABLE_AMOUNT,
    Around,
    BadSignature,
    Ignored,
    Labels,
    Parked,
    Translation,
    Verified,
    labels_in,
)
from referral_service.webhooks_in.providers.secrets import GivenSecret

NOT_RELEVANT = "not_relevant"
# A refund of several payments, which does not say how much of each.
SEVERAL_PAYMENTS = "several_payments"

# `user:password`, in ASCII: then there is one way to write it in base64. A user name has no colon.
_SECRET = re.compile(r"[!-9;-~]{1,100}:[!-~]{8,200}")
_CREDENTIALS = re.compile(r"[A-Za-z0-9+/]{1,410}={0,2}")
_LINKS_MAX = 20
# Chargebee's own gateway takes test cards only.
_TEST_GATEWAY = "chargebee"


@dataclass(frozen=True, slots=True)
class Told:
    """An event whose envelope is sound: the transaction it is about, and all that stands beside it."""

    external_id: str
    occurred_at: datetime
    content: Object
    transaction: Object


class Chargebee:
    """Chargebee, whose secret is `user:password`, as the shop chose them."""

    name = "chargebee"
    secret = GivenSecret(
        _SECRET,
        "Must be user:password as in Chargebee's webhook settings: ASCII without spaces, and a password of at least 8 "
        "characters, better 32 random ones.",
    )
    # Notes, terms and custom fields of an invoice are as long as people make them.
    string_characters_max = 65_536

    def verify(
        self,
        *,
        raw: bytes,  # noqa: ARG002 - nothing covers the body
        headers: Mapping[str, str],
        secrets: Sequence[str],
        now: datetime,  # noqa: ARG002
    ) -> Verified:
        scheme, _, given = headers.get("authorization", "").partition(" ")
        if scheme.lower() != "basic" or not _CREDENTIALS.fullmatch(given):
            raise BadSignature("no_basic_credentials")
        # One that cannot be used lets nobody in. The credentials are compared as they are written: nothing hostile is
        # ever decoded, and one pair has one spelling.
        usable = [secret.encode("ascii") for secret in secrets if _SECRET.fullmatch(secret)]
        matches = [hmac.compare_digest(base64.b64encode(secret), given.encode("ascii")) for secret in usable]
        if not any(matches):
            raise BadSignature("no_credentials_fit")
        return Verified()

    def labels(self, body: Mapping[str, Any]) -> Labels:
        return labels_in(body, id_field="id", type_field="event_type")

    def translate(self, body: Mapping[str, Any], around: Around) -> Translation:
        return _translate(body, external_id=around.external_id, is_test=around.is_test)

    def exported(self, record: Mapping[str, Any]) -> tuple[Exported, ...]:
        return exported(record)


def _translate(body: Object, *, external_id: str, is_test: bool) -> Translation:
    kind = body.get("event_type")
    if not isinstance(kind, str):
        return Parked(MALFORMED_BODY)
    meaning = _MEANINGS.get(kind)
    if meaning is None:
        return Ignored(NOT_RELEVANT)
    ours, its_type, read = meaning
    content = inside(body, "content")
    transaction = inside(content, "transaction")
    occurred_at = unix_time(transaction.get("date", body.get("occurred_at")))
    if not transaction or occurred_at is None or transaction.get("type", its_type) != its_type:
        return Parked(MALFORMED_BODY, ours)
    if transaction.get("gateway") == _TEST_GATEWAY and not is_test:
        # Nothing else in a message says which of the shop's sites it comes from.
        return Parked(TEST_MODE, ours)
    if transaction.get("status", "success") != "success":
        return Parked(UNPAID, ours)
    return read(Told(external_id, occurred_at, content, transaction))


def _payment(told: Told) -> Translation:
    paid = told.transaction
    amount = money(paid.get("amount"), paid.get("currency_code"), decimals=_decimals)
    if amount is None:
        return Parked(UNUSABLE_AMOUNT, PURCHASE)
    if amount.amount_minor == 0:
        return Parked(NOTHING_PAID, PURCHASE)
    if text(paid.get("id"), ID_CHARACTERS_MAX) is None:
        return Parked(MALFORMED_BODY, PURCHASE)
    customer = inside(told.content, "customer")
    referral = referral_in(_noted(told.content), ids_may_be_numbers=True)
    return GivenEvent(
        external_id=told.external_id,
        type=PURCHASE,
        occurred_at=told.occurred_at,
        customer_id=referral.customer_id,
        customer_hints=customer_ids(paid.get("customer_id"), customer.get("id")),
        email=first_email(customer.get("email"), inside(customer, "billing_address").get("email")),
        aliases=identifiers(paid.get("id"), _invoice_of(paid)),
        amount=amount,
        code=referral.code,
        signed_code=referral.signed_code,
        click_token=referral.click_token,
    )


def _refund(told: Told) -> Translation:
    """A charge-back that Chargebee records by itself is such a refund, too."""
    back = told.transaction
    amount = money(back.get("amount"), back.get("currency_code"), decimals=_decimals)
    if amount is None:
        return Parked(UNUSABLE_AMOUNT, REFUND)
    key = text(back.get("id"), ID_CHARACTERS_MAX)
    linked = [
        payment.get("id", payment.get("txn_id")) for payment in entries(back, "linked_payments", at_most=_LINKS_MAX)
    ]
    # The first is of payments by card and the like, the second of those that were recorded by hand.
    payments = identifiers(back.get("refunded_txn_id"), back.get("reference_transaction_id"), *linked)
    if len(payments) > 1:
        return Parked(SEVERAL_PAYMENTS, REFUND)
    if key is None or not payments or amount.amount_minor == 0:
        return Parked(MALFORMED_BODY, REFUND)
    return GivenEvent(
        external_id=told.external_id,
        type=REFUND,
        occurred_at=told.occurred_at,
        aliases=payments,
        refund=GivenRefund("single", key, amount),
    )


_MEANINGS: dict[str, tuple[str, str, Callable[[Told], Translation]]] = {
    "payment_succeeded": (PURCHASE, "payment", _payment),
    "payment_refunded": (REFUND, "refund", _refund),
}


def _invoice_of(paid: Object) -> object:
    """Return the id of the one invoice that this payment pays whole; None where it is shared.

    Two payments under one name would be one purchase, and the second of them would count for nothing.
    """
    linked = entries(paid, "linked_invoices", at_most=_LINKS_MAX)
    if len(linked) != 1:
        return None
    applied, whole = linked[0].get("applied_amount"), linked[0].get("invoice_total", linked[0].get("invoice_amount"))
    return linked[0].get("invoice_id") if applied == whole == paid.get("amount") else None


def _noted(content: Object) -> Object:
    """Return what the app noted, as custom fields (`cf_…`) or in `meta_data`: nearer to the payment goes first."""
    noted: dict[str, Any] = {}
    for name in ("customer", "subscription", "invoice"):
        thing = inside(content, name)
        for field in (REFERRAL_CODE, REFERRAL_CLICK, REFERRAL_CUSTOMER_ID):
            for value in (inside(thing, "meta_data").get(field), thing.get(f"cf_{field}")):
                if value is not None:
                    noted[field] = value
    return noted


def _decimals(ours: int) -> int:
    """Two decimals, or none (https://apidocs.chargebee.com/docs/api/currencies)."""
    return min(ours, 2)
