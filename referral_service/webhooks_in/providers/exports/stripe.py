"""Stripe: events (`GET /v1/events`), and the objects that payments are told by (https://docs.stripe.com/api)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from referral_service.webhooks_in.providers.body_fields import Object, entries, inside
from referral_service.webhooks_in.providers.exports.exported import Exported, UnknownRecord, export_name, id_of

SENTENCE = (
    "Not a record of Stripe's: an event, a checkout session, payment intent, charge, invoice or dispute is understood. "
    "Refunds are told by their charge."
)
_DECIDED = frozenset({"won", "lost"})


def exported(record: Mapping[str, Any]) -> tuple[Exported, ...]:
    """Return the messages that a record stands for; raise UnknownRecord."""
    kind = record.get("object")
    if kind == "event":
        return (Exported(record),)
    read = _KINDS.get(kind) if isinstance(kind, str) else None
    if read is None:
        raise UnknownRecord(SENTENCE)
    return tuple(read(record))


def _session(session: Object) -> Iterator[Exported]:
    if session.get("payment_status") != "unpaid" and session.get("status", "complete") == "complete":
        yield _message("checkout.session.completed", session, at=session.get("created"))


def _payment_intent(intent: Object) -> Iterator[Exported]:
    if intent.get("status") != "succeeded":
        return
    charge = intent.get("latest_charge")
    expanded = charge if isinstance(charge, dict) else {}
    yield _message("payment_intent.succeeded", intent, at=expanded.get("created", intent.get("created")))
    if expanded:
        yield from _taken_back({"livemode": intent.get("livemode"), **expanded})


def _invoice(invoice: Object) -> Iterator[Exported]:
    if invoice.get("status") == "paid":
        paid_at = inside(invoice, "status_transitions").get("paid_at")
        yield _message("invoice.paid", invoice, at=invoice.get("created") if paid_at is None else paid_at)


def _charge(charge: Object) -> Iterator[Exported]:
    """A charge that went through is the success of its payment intent, or of nothing but itself where it has none."""
    if charge.get("status") != "succeeded" or charge.get("captured") is False:
        return
    intent = charge.get("payment_intent")
    paid = {
        **{name: charge.get(name) for name in ("livemode", "currency", "customer", "metadata", "receipt_email")},
        "object": "payment_intent",
        "id": intent.get("id") if isinstance(intent, dict) else intent,
        "status": "succeeded",
        "amount_received": charge.get("amount_captured", charge.get("amount")),
        "invoice": charge.get("invoice"),
        "latest_charge": {"id": id_of(charge), "billing_details": charge.get("billing_details")},
    }
    yield _message("payment_intent.succeeded", paid, at=charge.get("created"), named=id_of(charge))
    yield from _taken_back(charge)


def _taken_back(charge: Object) -> Iterator[Exported]:
    refunded = charge.get("amount_refunded")
    if type(refunded) is int and refunded > 0:
        moments = [one.get("created") for one in entries(inside(charge, "refunds"), "data")]
        at = max((moment for moment in moments if type(moment) is int), default=charge.get("created"))
        yield _message("charge.refunded", charge, at=at, more=str(refunded))
    dispute = charge.get("dispute")
    if isinstance(dispute, dict):
        yield from _dispute({"livemode": charge.get("livemode"), **dispute})


def _dispute(dispute: Object) -> Iterator[Exported]:
    status = str(dispute.get("status"))
    kind = "charge.dispute.closed" if status in _DECIDED else "charge.dispute.created"
    yield _message(kind, dispute, at=dispute.get("created"), more=status)


_KINDS: dict[str, Callable[[Object], Iterator[Exported]]] = {
    "checkout.session": _session,
    "payment_intent": _payment_intent,
    "invoice": _invoice,
    "charge": _charge,
    "dispute": _dispute,
}


def _message(kind: str, thing: Object, *, at: object, named: str | None = None, more: str | None = None) -> Exported:
    parts = (kind, named or id_of(thing), *(() if more is None else (more,)))
    body = {
        "id": export_name(*parts),
        "object": "event",
        "type": kind,
        "created": at,
        "livemode": thing.get("livemode"),
        "data": {"object": thing},
    }
    return Exported(body)
