"""What Paddle's events mean (https://developer.paddle.com/webhooks).

A payment is one `transaction.completed`, and whatever changes it afterwards is an adjustment that names the
transaction (https://developer.paddle.com/api-reference/adjustments). Amounts are texts of minor units.

Sandbox and live are two separate systems whose notifications look alike: neither the ids nor the secret key tells which
one sends. What tells is the secret itself, since each destination has its own; a sandbox destination belongs to a test
app. Only the webhook simulator, which a live account has too, marks what it sends, by ids that begin with `ntfsim`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from referral_service.events.given import DISPUTE, PURCHASE, REFUND, GivenDispute, GivenEvent, GivenRefund
from referral_service.webhooks_in.providers.body_fields import (
    REFERRAL_CODE,
    Object,
    customer_id,
    first_email,
    inside,
    referral_in,
    rfc3339_time,
    text,
)
from referral_service.webhooks_in.providers.paddle_money import UnusableAmount, lines_from, money_from
from referral_service.webhooks_in.providers.provider import (
    MALFORMED_BODY,
    NOTHING_PAID,
    TEST_MODE,
    UNPAID,
    UNUSABLE_AMOUNT,
    Ignored,
    Parked,
    Translation,
)

NOT_RELEVANT = "not_relevant"
NOT_APPROVED = "not_approved"
CREDIT = "credit"
UNKNOWN_STATUS = "unknown_status"

_COMPLETED = "transaction.completed"
_ADJUSTED = frozenset({"adjustment.created", "adjustment.updated"})
_SIMULATED = "ntfsim"
# A reversal names the transaction and not what it reverses: the chargebacks of a transaction are one dispute, that of
# the order, and its warnings are another.
_CHARGEBACK, _WARNING = "", "chargeback_warning"
_YEAR_MIN = 1970

Meaning = Callable[["Told"], Translation]


@dataclass(frozen=True, slots=True)
class Told:
    """An event whose envelope is sound: the transaction or adjustment it is about, and when it happened."""

    external_id: str
    occurred_at: datetime
    object: Object


def translate(body: Object, *, external_id: str, is_test: bool) -> Translation:
    """Say what an event means for a live or a test app. Never raises, whatever the body holds."""
    kind, thing = body.get("event_type"), body.get("data")
    if not isinstance(kind, str):
        return Parked(MALFORMED_BODY)
    if kind != _COMPLETED and kind not in _ADJUSTED:
        return Ignored(NOT_RELEVANT)
    action = thing.get("action") if isinstance(thing, dict) else None
    if kind in _ADJUSTED and not isinstance(action, str):
        return Parked(MALFORMED_BODY, REFUND)
    meaning = (PURCHASE, _transaction) if kind == _COMPLETED else _ACTIONS.get(str(action))
    if meaning is None:
        return Ignored(NOT_RELEVANT)
    ours, read = meaning
    occurred_at = _moment(body.get("occurred_at"))
    if occurred_at is None or not isinstance(thing, dict):
        return Parked(MALFORMED_BODY, ours)
    if not is_test and _is_simulated(body):
        return Parked(TEST_MODE, ours)
    try:
        return read(Told(external_id, occurred_at, thing))
    except UnusableAmount:
        return Parked(UNUSABLE_AMOUNT, ours)


def _transaction(told: Told) -> Translation:
    transaction = told.object
    if transaction.get("status") != "completed":
        return Parked(UNPAID, PURCHASE)
    totals = inside(inside(transaction, "details"), "totals")
    money = money_from(totals.get("grand_total"), transaction.get("currency_code"), totals)
    if money.amount_minor == 0:
        # A trial, a change of the payment method, or a price that credit has paid in full.
        return Parked(NOTHING_PAID, PURCHASE)
    order, invoice = (text(transaction.get(name)) for name in ("id", "invoice_id"))
    if order is None:
        return Parked(MALFORMED_BODY, PURCHASE)
    referral = referral_in(_noted(transaction))
    hint = customer_id(transaction.get("customer_id"))
    return GivenEvent(
        external_id=told.external_id,
        type=PURCHASE,
        occurred_at=_paid_at(told),
        customer_id=referral.customer_id,
        customer_hints=() if hint is None else (hint,),
        # Notifications carry no address; a transaction that was asked for together with its customer does.
        email=first_email(inside(transaction, "customer").get("email")),
        # Not the invoice's number, which is for people: nothing that Paddle sends names a payment by it alone.
        aliases=tuple(dict.fromkeys(name for name in (order, invoice) if name is not None)),
        amount=money,
        lines=lines_from(inside(transaction, "details").get("line_items")),
        code=referral.code,
        signed_code=referral.signed_code,
        click_token=referral.click_token,
    )


def _refund(told: Told) -> Translation:
    adjustment = told.object
    waits = _not_in_force(adjustment, REFUND)
    if waits is not None:
        return waits
    totals = inside(adjustment, "totals")
    money = money_from(totals.get("total"), adjustment.get("currency_code"), totals)
    key = text(adjustment.get("id"))
    order = text(adjustment.get("transaction_id"))
    if key is None or order is None or money.amount_minor == 0:
        return Parked(MALFORMED_BODY, REFUND)
    return GivenEvent(
        external_id=told.external_id,
        type=REFUND,
        occurred_at=told.occurred_at,
        aliases=(order,),
        refund=GivenRefund("single", f"refund:{key}", money),
    )


def _chargeback(told: Told) -> Translation:
    return _dispute(told, _CHARGEBACK, "opened")


def _chargeback_reverse(told: Told) -> Translation:
    return _dispute(told, _CHARGEBACK, "won")


def _warning(told: Told) -> Translation:
    """Paddle answers the warning of a chargeback by giving the money back itself, before the bank takes it: more than
    an inquiry (https://www.paddle.com/help/manage/risk-prevention/understanding-chargebacks-with-paddle).
    """
    return _dispute(told, _WARNING, "opened")


def _warning_reverse(told: Told) -> Translation:
    return _dispute(told, _WARNING, "won")


def _dispute(told: Told, key: str, status: Literal["opened", "won"]) -> Translation:
    """Paddle never says that a dispute is lost: the money is gone at once, and may come back."""
    adjustment = told.object
    if status == "opened" and adjustment.get("status") == "reversed":
        # So the chargeback itself is marked once it has been won; the reversal is an adjustment of its own.
        status = "won"
    else:
        waits = _not_in_force(adjustment, DISPUTE)
        if waits is not None:
            return waits
    order = text(adjustment.get("transaction_id"))
    if order is None:
        return Parked(MALFORMED_BODY, DISPUTE)
    return GivenEvent(
        external_id=told.external_id,
        type=DISPUTE,
        occurred_at=told.occurred_at,
        aliases=(order,),
        dispute=GivenDispute(key, status),
    )


def _credit(told: Told) -> Translation:  # noqa: ARG001
    """No money goes back: the customer has something to his credit, or owes less of an invoice."""
    return Ignored(CREDIT)


_ACTIONS: dict[str, tuple[str, Meaning]] = {
    "refund": (REFUND, _refund),
    "chargeback": (DISPUTE, _chargeback),
    "chargeback_reverse": (DISPUTE, _chargeback_reverse),
    "chargeback_warning": (DISPUTE, _warning),
    "chargeback_warning_reverse": (DISPUTE, _warning_reverse),
    "credit": (REFUND, _credit),
    "credit_reverse": (REFUND, _credit),
}


def _not_in_force(adjustment: Object, ours: str) -> Translation | None:
    """Return what an adjustment means that is not approved; None for one that is.

    Most refunds wait for Paddle's approval first; another event tells of it.
    """
    status = adjustment.get("status")
    if status == "approved":
        return None
    if not isinstance(status, str):
        return Parked(MALFORMED_BODY, ours)
    return Ignored(NOT_APPROVED if status in {"pending_approval", "rejected"} else UNKNOWN_STATUS)


def _is_simulated(body: Object) -> bool:
    ids = (body.get("event_id"), body.get("notification_id"))
    return any(isinstance(name, str) and name.startswith(_SIMULATED) for name in ids)


def _paid_at(told: Told) -> datetime:
    """Return when the payer was billed, which is when he paid, but for an invoice: that one is paid weeks later."""
    billed_at = _moment(told.object.get("billed_at"))
    return told.occurred_at if billed_at is None or told.object.get("collection_mode") == "manual" else billed_at


def _noted(transaction: Object) -> Object:
    """Return what the app noted; where that is neither code nor click, the discount's code stands for one."""
    said = inside(transaction, "custom_data")
    if text(said.get(REFERRAL_CODE)) is not None or referral_in(said).click_token is not None:
        return said
    return {**said, REFERRAL_CODE: inside(transaction, "discount").get("code")}


def _moment(value: object) -> datetime | None:
    moment = rfc3339_time(value)
    return moment if moment is not None and moment.year >= _YEAR_MIN else None
