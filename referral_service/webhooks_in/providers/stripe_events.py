"""What Stripe's events mean (https://docs.stripe.com/api/events/types), whatever API version wrote them.

One payment is announced by several objects, and which ones an account hears of is its own choice. Each message names
every id that it knows, so that all lead to one purchase: the payment intent first, since sessions, charges and disputes
name it too; then the invoice, the session, the charge. An `order_id` in the metadata is none of them: the renewals of a
subscription all carry the same metadata, and would be taken for one order.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from referral_service.events.given import DISPUTE, PURCHASE, REFUND, GivenDispute, GivenEvent, GivenRefund
from referral_service.webhooks_in.providers.body_fields import (
    Object,
    customer_id,
    entries,
    first_email,
    inside,
    referral_in,
    text,
    unix_time,
)
from referral_service.webhooks_in.providers.provider import (
    LIVE_MODE,
    MALFORMED_BODY,
    NOTHING_PAID,
    TEST_MODE,
    UNPAID,
    UNUSABLE_AMOUNT,
    Ignored,
    Parked,
    Translation,
)
from referral_service.webhooks_in.providers.stripe_money import UnusableAmount, money_from

NOT_RELEVANT = "not_relevant"
INQUIRY = "inquiry"
UNKNOWN_STATUS = "unknown_status"

# An invoice may be settled in instalments; nobody needs more than these to find it again.
_PAYMENTS_MAX = 10

Meaning = Callable[["Told"], Translation]


@dataclass(frozen=True, slots=True)
class Told:
    """An event whose envelope is sound: the object it is about, and when it happened."""

    external_id: str
    occurred_at: datetime
    object: Object


def translate(body: Object, *, external_id: str, is_test: bool) -> Translation:
    """Say what an event means for a live or a test app. Never raises, whatever the body holds."""
    kind = body.get("type")
    if not isinstance(kind, str):
        return Parked(MALFORMED_BODY)
    meaning = _MEANINGS.get(kind)
    if meaning is None:
        return Ignored(NOT_RELEVANT)
    ours, read = meaning
    created, livemode = unix_time(body.get("created")), body.get("livemode")
    thing = inside(body, "data").get("object")
    if created is None or type(livemode) is not bool or not isinstance(thing, dict):
        return Parked(MALFORMED_BODY, ours)
    if livemode is is_test:
        return Parked(LIVE_MODE if livemode else TEST_MODE, ours)
    try:
        return read(Told(external_id, created, thing))
    except UnusableAmount:
        return Parked(UNUSABLE_AMOUNT, ours)


def _session(told: Told) -> Translation:
    session = told.object
    if session.get("mode") == "setup":
        return Ignored(NOT_RELEVANT)
    status = session.get("payment_status")
    if status == "no_payment_required":
        # An order that costs nothing, or a trial whose first payment is still to come: nobody has paid yet.
        return Parked(NOTHING_PAID, PURCHASE)
    if status != "paid":
        # A bank debit takes days; `checkout.session.async_payment_succeeded` follows.
        return Parked(UNPAID, PURCHASE)
    return _purchase(
        told,
        amount=session.get("amount_total"),
        aliases=[session.get("payment_intent"), session.get("invoice"), session.get("id")],
        email=first_email(inside(session, "customer_details").get("email"), session.get("customer_email")),
    )


def _invoice(told: Told) -> Translation:
    invoice = told.object
    payments = [inside(entry, "payment").get("payment_intent") for entry in _entries(invoice, "payments")]
    return _purchase(
        told,
        amount=invoice.get("amount_paid"),
        aliases=[invoice.get("payment_intent"), *payments, invoice.get("id"), invoice.get("charge")],
        email=first_email(invoice.get("customer_email")),
    )


def _payment_intent(told: Told) -> Translation:
    intent = told.object
    if intent.get("status") != "succeeded":
        return Parked(UNPAID, PURCHASE)
    charges = [intent.get("latest_charge"), *_entries(intent, "charges")]
    emails = [inside(charge, "billing_details").get("email") for charge in charges if isinstance(charge, dict)]
    return _purchase(
        told,
        amount=intent.get("amount_received"),
        aliases=[intent.get("id"), intent.get("invoice"), *charges],
        email=first_email(intent.get("receipt_email"), *emails),
    )


def _invoice_payment(told: Told) -> Translation:
    """Since the version 2025-03-31 neither an invoice nor its payment intent names the other; only this does."""
    link = told.object
    if link.get("status") != "paid":
        return Parked(UNPAID, PURCHASE)
    payment = inside(link, "payment")
    return _purchase(
        told,
        amount=link.get("amount_paid"),
        aliases=[payment.get("payment_intent"), link.get("invoice"), payment.get("charge")],
        email=None,
    )


def _purchase(told: Told, *, amount: object, aliases: list[object], email: str | None) -> Translation:
    money = money_from(amount, told.object.get("currency"))
    if money.amount_minor == 0:
        # The invoice of a trial, or one settled by a credit: no purchase that a program could wait for.
        return Parked(NOTHING_PAID, PURCHASE)
    names = _names(aliases)
    if not names:
        return Parked(MALFORMED_BODY, PURCHASE)
    referral = referral_in(_metadata(told.object))
    hints = [_customer_id(told.object.get("client_reference_id")), _customer_id(told.object.get("customer"))]
    return GivenEvent(
        external_id=told.external_id,
        type=PURCHASE,
        occurred_at=told.occurred_at,
        customer_id=referral.customer_id,
        customer_hints=tuple(hint for hint in hints if hint is not None),
        email=email,
        aliases=names,
        amount=money,
        code=referral.code,
        signed_code=referral.signed_code,
        click_token=referral.click_token,
    )


def _refund(told: Told) -> Translation:
    charge = told.object
    money = money_from(charge.get("amount_refunded"), charge.get("currency"))
    names = _names([charge.get("payment_intent"), charge.get("invoice"), charge.get("id")])
    if not names or money.amount_minor == 0:
        return Parked(MALFORMED_BODY, REFUND)
    return GivenEvent(
        external_id=told.external_id,
        type=REFUND,
        occurred_at=told.occurred_at,
        aliases=names,
        refund=GivenRefund("cumulative", f"total:{money.amount_minor}:{money.currency}", money),
    )


def _dispute(told: Told) -> Translation:
    """An inquiry (`warning_…`) takes no money; if it turns into a dispute, `funds_withdrawn` says so."""
    dispute = told.object
    status, key = dispute.get("status"), text(dispute.get("id"))
    names = _names([dispute.get("payment_intent"), dispute.get("charge")])
    if not isinstance(status, str) or key is None or not names:
        return Parked(MALFORMED_BODY, DISPUTE)
    if status.startswith("warning_") or status == "prevented":
        return Ignored(INQUIRY)
    return GivenEvent(
        external_id=told.external_id,
        type=DISPUTE,
        occurred_at=told.occurred_at,
        aliases=names,
        dispute=GivenDispute(key, "won" if status == "won" else "lost" if status == "lost" else "opened"),
    )


def _closed_dispute(told: Told) -> Translation:
    """Closed means won or lost; any other end is not one that gives or takes anything."""
    said = _dispute(told)
    if isinstance(said, GivenEvent) and said.dispute is not None and said.dispute.status == "opened":
        return Ignored(UNKNOWN_STATUS)
    return said


_MEANINGS: dict[str, tuple[str, Meaning]] = {
    "checkout.session.completed": (PURCHASE, _session),
    "checkout.session.async_payment_succeeded": (PURCHASE, _session),
    "invoice.paid": (PURCHASE, _invoice),
    "invoice_payment.paid": (PURCHASE, _invoice_payment),
    "payment_intent.succeeded": (PURCHASE, _payment_intent),
    "charge.refunded": (REFUND, _refund),
    "charge.dispute.created": (DISPUTE, _dispute),
    "charge.dispute.funds_withdrawn": (DISPUTE, _dispute),
    "charge.dispute.closed": (DISPUTE, _closed_dispute),
}


def _names(aliases: list[object]) -> tuple[str, ...]:
    """Return the ids among the aliases, each once, in their order; an expanded object stands for its id."""
    found = [_id_of(alias) for alias in aliases]
    return tuple(dict.fromkeys(name for name in found if name is not None))


def _id_of(value: object) -> str | None:
    return text(value.get("id") if isinstance(value, dict) else value)


def _customer_id(value: object) -> str | None:
    return customer_id(_id_of(value))


def _metadata(thing: Object) -> Object:
    """Return what the app noted on the object, or else on the subscription behind it."""
    subscription = inside(inside(thing, "subscription_details"), "metadata")
    parent = inside(inside(inside(thing, "parent"), "subscription_details"), "metadata")
    return {**parent, **subscription, **inside(thing, "metadata")}


def _entries(thing: Object, name: str) -> list[Object]:
    """Return the objects of one of Stripe's lists, at most ten."""
    return entries(inside(thing, name), "data", at_most=_PAYMENTS_MAX)
