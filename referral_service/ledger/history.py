"""Read what the books already say about rewards: only the rare moves need it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from sqlalchemy import Table, func, select
from sqlalchemy.orm import Session

from referral_service.ledger.accounts import ACCOUNTS, AVAILABLE, DEBT, EXPIRED, WRITTEN_OFF
from referral_service.ledger.book import Book, OpenLot
from referral_service.ledger.models import LedgerPosting, LedgerTxn, Lot, LotMovement
from referral_service.ledger.moves import Split

_TXNS = cast(Table, LedgerTxn.__table__)
_POSTINGS = cast(Table, LedgerPosting.__table__)
_LOTS = cast(Table, Lot.__table__)
_MOVEMENTS = cast(Table, LotMovement.__table__)


def read_numbers(session: Session, *, app_id: int, subjects: Sequence[str]) -> dict[tuple[str, str], int]:
    """Return the last number of each (kind, subject) of these subjects."""
    rows = session.execute(
        select(_TXNS.c.kind, _TXNS.c.subject, func.max(_TXNS.c.seq))
        .where(_TXNS.c.app_id == app_id, _TXNS.c.subject.in_(subjects))
        .group_by(_TXNS.c.kind, _TXNS.c.subject)
    )
    return {(kind, subject): seq for kind, subject, seq in rows}


def read_lots(session: Session, *, app_id: int, book: Book, reward_ids: Sequence[str]) -> None:
    """Put the lots of these rewards into the book, with what has lapsed and what claw-backs have taken."""
    lots = session.execute(
        select(_LOTS.c.origin, _LOTS.c.id, _LOTS.c.granted, _LOTS.c.rest).where(
            _LOTS.c.app_id == app_id, _LOTS.c.origin.in_(reward_ids)
        )
    )
    for origin, lot_id, granted, rest in lots:
        book.lots[origin] = OpenLot(lot_id, granted, rest)
    if not book.lots:
        return
    lapsed = session.execute(
        select(_TXNS.c.subject, func.sum(_MOVEMENTS.c.amount))
        .join_from(_TXNS, _MOVEMENTS, (_MOVEMENTS.c.app_id == _TXNS.c.app_id) & (_MOVEMENTS.c.txn_id == _TXNS.c.id))
        .where(_TXNS.c.app_id == app_id, _TXNS.c.subject.in_(reward_ids), _TXNS.c.kind == "expire")
        .group_by(_TXNS.c.subject)
    )
    for reward_id, amount in lapsed:
        book.lots[reward_id].lapsed = -int(amount)
    taken = session.execute(
        select(_TXNS.c.subject, ACCOUNTS.c.kind, func.sum(_POSTINGS.c.amount))
        .join_from(_TXNS, _POSTINGS, (_POSTINGS.c.app_id == _TXNS.c.app_id) & (_POSTINGS.c.txn_id == _TXNS.c.id))
        .join(ACCOUNTS, (ACCOUNTS.c.app_id == _POSTINGS.c.app_id) & (ACCOUNTS.c.id == _POSTINGS.c.account_id))
        .where(
            _TXNS.c.app_id == app_id,
            _TXNS.c.subject.in_(reward_ids),
            _TXNS.c.kind.in_(("claw_back", "restore")),
            ACCOUNTS.c.kind.in_((AVAILABLE, EXPIRED, DEBT, WRITTEN_OFF)),
        )
        .group_by(_TXNS.c.subject, ACCOUNTS.c.kind)
    )
    for reward_id, kind, amount in taken:
        book.taken_of(reward_id).take(_part(kind, -int(amount)))


def _part(kind: str, amount: int) -> Split:
    match kind:
        case "available":
            return Split(lot=amount)
        case "expired":
            return Split(expired=amount)
        case "debt":
            return Split(debt=amount)
        case _:
            return Split(written_off=amount)
