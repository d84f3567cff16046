"""Purchases under all their names. Every message about an order ends at one locked row, whichever came first."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Table, bindparam, delete, select, update
from sqlalchemy.orm import Session

from referral_service.events.given import GivenEvent
from referral_service.events.models import Purchase, PurchaseAlias
from referral_service.kit.db.among import among
from referral_service.kit.db.write_rows import insert_new, insert_rows, update_rows
from referral_service.kit.ids import new_id

purchases = cast(Table, Purchase.__table__)
aliases = cast(Table, PurchaseAlias.__table__)


@dataclass(slots=True)
class PurchaseRow:
    """A purchase as it is stored; the fields are columns. `confirmed_at` is empty while only a refund is known."""

    id: str
    source_id: str
    customer_id: str | None
    payer_email_index: bytes | None
    event_id: str | None
    order_key: str | None
    amount_minor: int | None
    currency: str | None
    lines: list[dict[str, Any]]
    attributes: dict[str, Any]
    occurred_at: datetime | None
    confirmed_at: datetime | None
    refunded_minor: int
    dispute_state: str | None
    merged_into: str | None = None
    # Made by this transaction: nothing can have waited for it.
    is_new: bool = False


COLUMNS = [
    purchases.c.id,
    purchases.c.source_id,
    purchases.c.customer_id,
    purchases.c.payer_email_index,
    purchases.c.event_id,
    purchases.c.order_key,
    purchases.c.amount_minor,
    purchases.c.currency,
    purchases.c.lines,
    purchases.c.attributes,
    purchases.c.occurred_at,
    purchases.c.confirmed_at,
    purchases.c.refunded_minor,
    purchases.c.dispute_state,
    purchases.c.merged_into,
]
# Statements of the hot path are built once: that costs more than running them.
FIND = select(aliases.c.alias, aliases.c.purchase_id).where(
    aliases.c.app_id == bindparam("app_id"),
    aliases.c.source_id == bindparam("source_id"),
    among(aliases.c.alias, "wanted"),
)
LOCK = (
    select(*COLUMNS)
    .where(purchases.c.app_id == bindparam("app_id"), among(purchases.c.id, "ids"))
    .order_by(purchases.c.id)
    .with_for_update(key_share=True)
)


def lock_purchases(
    session: Session, *, app_id: int, source_id: str, groups: Sequence[Sequence[str]]
) -> dict[str, PurchaseRow]:
    """Find or make the purchase that each group of aliases names, and lock them all; gives alias -> row.

    A group that joins purchases thought to be two makes them one: the older row carries on.
    """
    wanted = sorted({alias for group in groups for alias in group})
    known = _purchase_ids(session, app_id=app_id, source_id=source_id, wanted=wanted)
    new: set[str] = set()
    if len(known) < len(wanted):
        named, new = _name_the_unknown(session, app_id=app_id, source_id=source_id, groups=groups, known=known)
        known |= named
    if len(known) < len(wanted):
        # Another sender named some of them a moment earlier: theirs are the names that stand.
        known = _purchase_ids(session, app_id=app_id, source_id=source_id, wanted=wanted)
        _drop_nameless(session, app_id=app_id, candidates=sorted(new - set(known.values())))
        new &= set(known.values())
    rows = _locked(session, app_id=app_id, purchase_ids=set(known.values()) - new)
    while merged := {row.id: row.merged_into for row in rows.values() if row.merged_into}:
        # Another sender merged them between our look and our lock: every name leads to the one that carries on.
        for old, survivor in merged.items():
            session.execute(
                update(aliases)
                .where(aliases.c.app_id == app_id, aliases.c.purchase_id == old)
                .values(purchase_id=survivor)
            )
        known = {alias: merged.get(purchase_id, purchase_id) for alias, purchase_id in known.items()}
        rows = _locked(session, app_id=app_id, purchase_ids=set(known.values()) - new)
    # What this transaction has just made, nobody else can see, let alone hold.
    rows |= {purchase_id: _unconfirmed(purchase_id, source_id) for purchase_id in new}
    return {alias: rows[purchase_id] for alias, purchase_id in known.items()}


def several_rows(rows: Mapping[str, PurchaseRow], group: Sequence[str]) -> list[PurchaseRow]:
    """The distinct purchases that one group of aliases leads to, the oldest first."""
    return sorted({rows[alias].id: rows[alias] for alias in group}.values(), key=lambda row: row.id)


def _purchase_ids(session: Session, *, app_id: int, source_id: str, wanted: Sequence[str]) -> dict[str, str]:
    parameters = {"app_id": app_id, "source_id": source_id, "wanted": wanted}
    return {row.alias: row.purchase_id for row in session.execute(FIND, parameters)}


def _name_the_unknown(
    session: Session,
    *,
    app_id: int,
    source_id: str,
    groups: Sequence[Sequence[str]],
    known: Mapping[str, str],
) -> tuple[dict[str, str], set[str]]:
    """Make purchases for groups of which no name is known, and give them their names.

    Returns the names that were given (not those that another sender has taken meanwhile) and the new purchases' ids.
    """
    made: dict[str, str] = {}
    new: list[str] = []
    for group in groups:
        owner = next((known[alias] for alias in group if alias in known), None)
        owner = owner or next((made[alias] for alias in group if alias in made), None)
        if owner is None:
            owner = new_id("pur")
            new.append(owner)
        made.update({alias: owner for alias in group if alias not in known and alias not in made})
    if new:
        insert_rows(
            session,
            purchases,
            [
                {"app_id": app_id, "id": purchase_id, "source_id": source_id, "lines": [], "attributes": {}}
                | {"refunded_minor": 0}
                for purchase_id in new
            ],
        )
    # Sorted, so that two senders of the same names wait for each other instead of deadlocking.
    taken = insert_new(
        session,
        aliases,
        [
            {"app_id": app_id, "source_id": source_id, "alias": alias, "purchase_id": made[alias]}
            for alias in sorted(made)
        ],
        "alias",
    )
    return {alias: made[alias] for (alias,) in taken}, set(new)


def _unconfirmed(purchase_id: str, source_id: str) -> PurchaseRow:
    nothing = dict.fromkeys(
        ("customer_id", "payer_email_index", "event_id", "order_key", "amount_minor", "currency", "occurred_at")
    )
    return PurchaseRow(
        id=purchase_id, source_id=source_id, lines=[], attributes={}, confirmed_at=None, refunded_minor=0,
        dispute_state=None, is_new=True, **nothing,
    )  # fmt: skip


def _drop_nameless(session: Session, *, app_id: int, candidates: Sequence[str]) -> None:
    """Drop rows made for an order that another sender had named already."""
    if candidates:
        session.execute(delete(purchases).where(purchases.c.app_id == app_id, purchases.c.id.in_(candidates)))


def _locked(session: Session, *, app_id: int, purchase_ids: set[str]) -> dict[str, PurchaseRow]:
    if not purchase_ids:
        return {}
    rows = session.execute(LOCK, {"app_id": app_id, "ids": sorted(purchase_ids)})
    return {row.id: PurchaseRow(*row) for row in rows}


def confirm(row: PurchaseRow, given: GivenEvent, *, event_id: str, now: datetime) -> None:
    """Fill in a purchase from the message that confirms it. Asks nothing of the database; see `save_purchases`."""
    if given.amount is None:
        raise ValueError("a purchase without an amount")
    row.event_id, row.order_key = event_id, given.aliases[0]
    row.amount_minor, row.currency = given.amount.amount_minor, given.amount.currency
    row.lines, row.attributes = list(given.lines), dict(given.attributes)
    row.occurred_at, row.confirmed_at = given.occurred_at, now


def save_purchases(session: Session, *, app_id: int, rows: Sequence[PurchaseRow]) -> None:
    """Write what became of locked purchases, in the order of their ids."""
    changed = [
        {
            "app_id": app_id,
            "id": row.id,
            "customer_id": row.customer_id,
            "payer_email_index": row.payer_email_index,
            "event_id": row.event_id,
            "order_key": row.order_key,
            "amount_minor": row.amount_minor,
            "currency": row.currency,
            "lines": row.lines,
            "attributes": row.attributes,
            "occurred_at": row.occurred_at,
            "confirmed_at": row.confirmed_at,
            "refunded_minor": row.refunded_minor,
            "dispute_state": row.dispute_state,
        }
        for row in sorted(rows, key=lambda row: row.id)
    ]
    update_rows(session, purchases, changed)


def lock_waiting(session: Session, *, app_id: int, email_indexes: Collection[bytes]) -> list[bytes]:
    """Lock the purchases that wait for their customer under these addresses (`Emails.index`), in the order of ids, and
    give the addresses that have any.
    """
    if not email_indexes:
        return []
    statement = (
        select(purchases.c.payer_email_index)
        # Not by their lack of a customer as well: SQLite would look for them by that.
        .where(purchases.c.app_id == app_id, purchases.c.payer_email_index.in_(sorted(email_indexes)))
        .order_by(purchases.c.id)
        .with_for_update(key_share=True)
    )
    return list(dict.fromkeys(index for index in session.scalars(statement) if index is not None))


def adopt_purchases(session: Session, *, app_id: int, customer_id: str, email_index: bytes) -> list[str]:
    """Give purchases whose payer was known only by e-mail to the customer who has that e-mail; gives their ids."""
    statement = (
        update(purchases)
        .where(
            purchases.c.app_id == app_id,
            purchases.c.payer_email_index == email_index,
            purchases.c.customer_id.is_(None),
        )
        .values(customer_id=customer_id, payer_email_index=None)
        .returning(purchases.c.id)
    )
    return sorted(session.scalars(statement))
