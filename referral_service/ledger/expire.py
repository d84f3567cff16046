"""Expire: what is left in a lot when its end comes lapses."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple, cast

from sqlalchemy import ColumnElement, ScalarSelect, Table, func, literal_column, select
from sqlalchemy.orm import Session

from referral_service.kit.ids import new_id
from referral_service.ledger.accounts import ACCOUNTS, AVAILABLE, EXPIRED, WalletKey
from referral_service.ledger.entries import Entry, Leg, LotChange
from referral_service.ledger.history import read_numbers
from referral_service.ledger.models import Lot
from referral_service.ledger.post import open_wallets, post

_LOTS = cast(Table, Lot.__table__)
# As it stands in the partial indexes: a bound parameter would have to be seen through before they can be used.
_HOLDS_SOMETHING = _LOTS.c.rest > literal_column("0")


class Lapsed(NamedTuple):
    """`amount` of a reward (or adjustment) lapsed."""

    origin: str
    amount: int


def lots_due(session: Session, *, app_id: int, now: datetime, limit: int = 500) -> list[str]:
    """Return the origins (reward ids) of up to `limit` lots whose end has come and that hold something still.

    Nothing is locked: the caller locks the rewards, and `expire_lots` looks again.
    """
    statement = (
        select(_LOTS.c.origin)
        .where(_LOTS.c.app_id == app_id, _HOLDS_SOMETHING, _LOTS.c.expires_at <= now)
        .order_by(_LOTS.c.expires_at)
        .limit(limit)
    )
    return list(session.scalars(statement))


def first_end(app_id: ColumnElement[int]) -> ScalarSelect[datetime]:
    """The earliest end of an app's lots that hold something, as part of a query: one look-up by an index."""
    return (
        select(func.min(_LOTS.c.expires_at))
        .where(_LOTS.c.app_id == app_id, _HOLDS_SOMETHING, _LOTS.c.expires_at.is_not(None))
        .scalar_subquery()
    )


def expire_lots(session: Session, *, app_id: int, origins: Sequence[str], now: datetime) -> list[Lapsed]:
    """Take the rest out of the lots of `origins` whose end has come; say which lapsed, and how much of each.

    A lot that holds nothing, or whose end has not come at `now` (business time), is passed over.
    """
    if not origins:
        return []
    owners = session.execute(
        select(ACCOUNTS.c.owner, ACCOUNTS.c.unit)
        .join(_LOTS, (_LOTS.c.app_id == ACCOUNTS.c.app_id) & (_LOTS.c.account_id == ACCOUNTS.c.id))
        .where(_LOTS.c.app_id == app_id, _LOTS.c.origin.in_(origins))
    )
    keys = {WalletKey(owner, unit) for owner, unit in owners}
    held = open_wallets(session, app_id=app_id, keys=keys, now=now)
    wallets = {key.account(AVAILABLE).id: key for key in keys}
    due = session.execute(
        select(_LOTS.c.id, _LOTS.c.origin, _LOTS.c.payer, _LOTS.c.account_id, _LOTS.c.rest)
        .where(_LOTS.c.app_id == app_id, _LOTS.c.origin.in_(origins), _LOTS.c.rest > 0, _LOTS.c.expires_at <= now)
        .order_by(_LOTS.c.expires_at, _LOTS.c.id)
    ).all()
    numbers = read_numbers(session, app_id=app_id, subjects=[lot.origin for lot in due]) if due else {}
    entries = []
    for lot in due:
        owner, unit = wallets[lot.account_id]
        entries.append(
            Entry(
                id=new_id("txn"),
                kind="expire",
                subject=lot.origin,
                # A dispute that is won can refill a lot whose end has passed: it lapses once more.
                seq=numbers.get(("expire", lot.origin), 0) + 1,
                reason="expired",
                legs=(Leg(owner, AVAILABLE, unit, -lot.rest), Leg(lot.payer, EXPIRED, unit, lot.rest)),
                changes=(LotChange(lot.id, -lot.rest),),
            )
        )
    post(session, app_id=app_id, entries=entries, held=held, now=now)
    return [Lapsed(lot.origin, lot.rest) for lot in due]
