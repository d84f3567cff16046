"""Find the purchases that events speak of, under all their names, and let messages tell what is new of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from referral_service.events.given import PURCHASE, GivenEvent
from referral_service.events.merge_purchases import merge_purchases
from referral_service.events.purchases import PurchaseRow, confirm, lock_purchases, save_purchases, several_rows
from referral_service.events.take_back import add_up
from referral_service.journeys.recording.people_of import people_of
from referral_service.journeys.recording.round import Round
from referral_service.journeys.tools import Tools


def find_purchases(session: Session, this: Round, *, tools: Tools, app_id: int, source_id: str, now: datetime) -> None:
    """Fill in the round's people and purchases, locked; what messages tell of a purchase is saved."""
    this.people = people_of(session, emails=tools.emails, app_id=app_id, given=this.new, now=now)
    about_orders = {event_id: event for event_id, event in this.new.items() if event.aliases}
    by_source: dict[str, list[str]] = {}
    for event_id, event in about_orders.items():
        by_source.setdefault(event.order_source_id or source_id, []).append(event_id)
    changed: dict[str, PurchaseRow] = {}
    for order_source, ids in sorted(by_source.items()):
        groups = [about_orders[event_id].aliases for event_id in ids]
        rows = lock_purchases(session, app_id=app_id, source_id=order_source, groups=groups)
        for event_id, group in zip(ids, groups, strict=True):
            same = several_rows(rows, group)
            # Names that lead to two people's purchases are no proof that these are one: nobody's money moves for it.
            if len(same) > 1 and len({row.customer_id for row in same} - {None}) <= 1:
                this.merged[same[0].id] = [row.id for row in same[1:]]
                _merge(session, app_id=app_id, rows=same)
                this.learn(same[0])
                changed[same[0].id] = same[0]
            this.purchases[event_id] = same[0]
    for event_id, event in this.of_type(PURCHASE).items():
        row = this.purchases[event_id]
        if _tell(this, row, event_id, event, now=now):
            changed[row.id] = row
    # A tombstone's sums were made before its amount and currency were known.
    add_up(
        session,
        app_id=app_id,
        purchases=[row for row in changed.values() if row.refunded_minor or row.dispute_state],
    )
    save_purchases(session, app_id=app_id, rows=list(changed.values()))


def _merge(session: Session, *, app_id: int, rows: Sequence[PurchaseRow]) -> None:
    merge_purchases(session, app_id=app_id, rows=rows)


def _tell(this: Round, row: PurchaseRow, event_id: str, event: GivenEvent, *, now: datetime) -> bool:
    """Let a message confirm a purchase, or say whose a confirmed one is; gives whether the row is to be saved.

    A payment is often announced before it is known whose it is; an address alone may find the person later. What says
    neither for the first time repeats the message that confirmed the purchase.
    """
    person = this.people[event_id]
    confirms = row.confirmed_at is None
    finds_person = row.customer_id is None and person.customer_id is not None
    finds_address = row.customer_id is None and row.payer_email_index is None and person.email_index is not None
    if confirms:
        confirm(row, event, event_id=event_id, now=now)
    if not confirms and not finds_person:
        this.duplicate_of[event_id] = row.event_id or event_id
    if finds_person:
        row.customer_id, row.payer_email_index = person.customer_id, None
    elif finds_address:
        row.payer_email_index = person.email_index
    if confirms or finds_person or finds_address:
        this.learn(row)
    return row.id in this.learned_of
