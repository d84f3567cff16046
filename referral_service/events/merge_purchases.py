"""Two rows that turn out to be one order become one: the older carries on under every name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from sqlalchemy import Table, delete, select, update
from sqlalchemy.orm import Session

from referral_service.events.models import Dispute, Event, Refund
from referral_service.events.policy import dispute_after
from referral_service.events.purchases import PurchaseRow, aliases, purchases
from referral_service.kit.db.upsert import insert_or_overwrite, insert_unless_there

refunds = cast(Table, Refund.__table__)
disputes = cast(Table, Dispute.__table__)
events = cast(Table, Event.__table__)


def merge_purchases(session: Session, *, app_id: int, rows: Sequence[PurchaseRow]) -> PurchaseRow:
    """Merge locked purchases into the first of `rows` (the oldest) and give it back.

    A checkout session and a payment intent may each have made a purchase before an invoice names both. What the older
    row lacks it takes from the younger; refunds and disputes move over, those that both have count once.
    """
    survivor, *others = rows
    for other in others:
        session.execute(
            update(aliases)
            .where(aliases.c.app_id == app_id, aliases.c.purchase_id == other.id)
            .values(purchase_id=survivor.id)
        )
        _move_refunds(session, app_id=app_id, old=other.id, new=survivor.id)
        _move_disputes(session, app_id=app_id, old=other.id, new=survivor.id)
        session.execute(
            update(events)
            .where(events.c.app_id == app_id, events.c.purchase_id == other.id)
            .values(purchase_id=survivor.id)
        )
        _inherit(survivor, other)
        session.execute(
            update(purchases)
            .where(purchases.c.app_id == app_id, purchases.c.id == other.id)
            .values(merged_into=survivor.id, customer_id=None, payer_email_index=None)
        )
    return survivor


def _move_refunds(session: Session, *, app_id: int, old: str, new: str) -> None:
    rows = _taken(session, refunds, app_id=app_id, purchase_id=old)
    if rows:
        session.execute(insert_unless_there(session, refunds), [row | {"purchase_id": new} for row in rows])


def _move_disputes(session: Session, *, app_id: int, old: str, new: str) -> None:
    """Of one dispute known to both, the further state stands."""
    rows = {row["dispute_key"]: row for row in _taken(session, disputes, app_id=app_id, purchase_id=old)}
    there = session.execute(
        select(disputes.c.dispute_key, disputes.c.state).where(
            disputes.c.app_id == app_id, disputes.c.purchase_id == new
        )
    )
    for key, state in there.all():
        if key in rows and dispute_after(state, rows[key]["state"]) == state:
            del rows[key]
    if rows:
        overwrite = insert_or_overwrite(session, disputes, "state", "event_id", "occurred_at", "recorded_at")
        session.execute(overwrite, [row | {"purchase_id": new} for row in rows.values()])


def _taken(session: Session, table: Table, *, app_id: int, purchase_id: str) -> list[dict[str, Any]]:
    """Take a purchase's rows out of the table, and return them."""
    mine = (table.c.app_id == app_id, table.c.purchase_id == purchase_id)
    rows = [dict(row._mapping) for row in session.execute(select(table).where(*mine))]
    if rows:
        session.execute(delete(table).where(*mine))
    return rows


def _inherit(survivor: PurchaseRow, other: PurchaseRow) -> None:
    if survivor.confirmed_at is None:
        survivor.event_id, survivor.confirmed_at = other.event_id, other.confirmed_at
        survivor.order_key = other.order_key
        survivor.amount_minor, survivor.currency = other.amount_minor, other.currency
        survivor.lines, survivor.attributes = other.lines, other.attributes
        survivor.occurred_at = other.occurred_at
    survivor.refunded_minor = max(survivor.refunded_minor, other.refunded_minor)
    survivor.dispute_state = survivor.dispute_state or other.dispute_state
    if survivor.customer_id is None:
        address = survivor.payer_email_index or other.payer_email_index
        survivor.customer_id, survivor.payer_email_index = other.customer_id, None if other.customer_id else address
