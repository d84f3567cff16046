"""Refunds and disputes: rows that are unique per purchase, and what they add up to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from sqlalchemy import Table, select
from sqlalchemy.orm import Session

from referral_service.events.given import DISPUTE, GivenDispute, GivenRefund
from referral_service.events.models import Dispute, Event, Refund
from referral_service.events.policy import dispute_after, disputes_together, refunded
from referral_service.events.purchases import PurchaseRow
from referral_service.kit.db.upsert import insert_or_overwrite, insert_unless_there

refunds = cast(Table, Refund.__table__)
disputes = cast(Table, Dispute.__table__)
events = cast(Table, Event.__table__)


@dataclass(frozen=True, slots=True)
class RefundOf:
    """A given refund and the locked purchase it belongs to."""

    purchase: PurchaseRow
    refund: GivenRefund
    event_id: str
    occurred_at: datetime


@dataclass(frozen=True, slots=True)
class DisputeOf:
    """A given dispute and the locked purchase it belongs to."""

    purchase: PurchaseRow
    dispute: GivenDispute
    event_id: str
    occurred_at: datetime


def record_refunds(session: Session, *, app_id: int, given: Sequence[RefundOf], now: datetime) -> dict[str, str]:
    """Write refunds that are new; gives, for each that was known already, its event id -> the first event's id."""
    if not given:
        return {}
    session.execute(
        insert_unless_there(session, refunds),
        [
            {
                "app_id": app_id, "purchase_id": item.purchase.id, "refund_key": item.refund.key,
                "mode": item.refund.mode, "amount_minor": item.refund.amount.amount_minor,
                "currency": item.refund.amount.currency, "event_id": item.event_id,
                "occurred_at": item.occurred_at, "recorded_at": now,
            }
            for item in given
        ],
    )  # fmt: skip
    stored = session.execute(
        select(refunds.c.purchase_id, refunds.c.refund_key, refunds.c.event_id).where(
            refunds.c.app_id == app_id, refunds.c.purchase_id.in_({item.purchase.id for item in given})
        )
    )
    first = {(purchase_id, key): event_id for purchase_id, key, event_id in stored}
    return {
        item.event_id: first[item.purchase.id, item.refund.key]
        for item in given
        if first[item.purchase.id, item.refund.key] != item.event_id
    }


def record_disputes(session: Session, *, app_id: int, given: Sequence[DisputeOf], now: datetime) -> dict[str, str]:
    """Write the disputes' new states; gives, for each that repeats the state, its event id -> the telling event's id.

    An "opened" that comes after "won" moves nothing, but nobody has said it before: it is no repetition.
    """
    if not given:
        return {}
    stored = {
        (row.purchase_id, row.dispute_key): (row.state, row.event_id)
        for row in session.execute(
            select(disputes.c.purchase_id, disputes.c.dispute_key, disputes.c.state, disputes.c.event_id).where(
                disputes.c.app_id == app_id, disputes.c.purchase_id.in_({item.purchase.id for item in given})
            )
        )
    }
    known: dict[str, str] = {}
    changed: dict[tuple[str, str], dict[str, object]] = {}
    for item in given:
        where = (item.purchase.id, item.dispute.key)
        state, event_id = stored.get(where, (None, ""))
        after = dispute_after(state, item.dispute.status)
        if after == state:
            said = event_id if item.dispute.status == state else _said_before(session, app_id=app_id, item=item)
            if said is not None:
                known[item.event_id] = said
            continue
        stored[where] = (after, item.event_id)
        changed[where] = {
            "app_id": app_id, "purchase_id": where[0], "dispute_key": where[1], "state": after,
            "event_id": item.event_id, "occurred_at": item.occurred_at, "recorded_at": now,
        }  # fmt: skip
    if changed:
        session.execute(
            insert_or_overwrite(session, disputes, "state", "event_id", "occurred_at", "recorded_at"),
            list(changed.values()),
        )
    return known


def _said_before(session: Session, *, app_id: int, item: DisputeOf) -> str | None:
    """The earlier event that said the same of this dispute, where the dispute has gone further since."""
    said = session.execute(
        select(events.c.id, events.c.payload).where(
            events.c.app_id == app_id,
            events.c.purchase_id == item.purchase.id,
            events.c.type == DISPUTE,
            events.c.duplicate_of.is_(None),
        )
    )
    told = {"key": item.dispute.key, "status": item.dispute.status}
    return next((row.id for row in said if row.payload.get("dispute") == told), None)


def add_up(session: Session, *, app_id: int, purchases: Sequence[PurchaseRow]) -> None:
    """Set `refunded_minor` and `dispute_state` of locked purchases to what their rows add up to; does not save them.

    Refunds in another currency than the purchase's cannot be counted and are left out.
    """
    ids = sorted({row.id for row in purchases})
    if not ids:
        return
    given_back: dict[str, list[tuple[str, int, str]]] = {}
    for row in session.execute(
        select(refunds.c.purchase_id, refunds.c.mode, refunds.c.amount_minor, refunds.c.currency).where(
            refunds.c.app_id == app_id, refunds.c.purchase_id.in_(ids)
        )
    ):
        given_back.setdefault(row.purchase_id, []).append((row.mode, row.amount_minor, row.currency))
    disputed: dict[str, list[str]] = {}
    for purchase_id, state in session.execute(
        select(disputes.c.purchase_id, disputes.c.state).where(
            disputes.c.app_id == app_id, disputes.c.purchase_id.in_(ids)
        )
    ):
        disputed.setdefault(purchase_id, []).append(state)
    for purchase in purchases:
        told = [
            (mode, amount)
            for mode, amount, currency in given_back.get(purchase.id, [])
            if purchase.currency in (None, currency)
        ]
        purchase.refunded_minor = refunded(told, amount_minor=purchase.amount_minor)
        purchase.dispute_state = disputes_together(disputed.get(purchase.id, []))
