"""Lots at hand: what can be spent, and which lots it is taken from."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple, cast

from sqlalchemy import ColumnElement, Table, func, nulls_last, or_, select
from sqlalchemy.orm import Session

from referral_service.kit.money import CURRENCIES, Money, format_money
from referral_service.ledger.accounts import AVAILABLE, Wallet, WalletKey, lock_wallets
from referral_service.ledger.entries import LotChange
from referral_service.ledger.errors import InsufficientBalance, LedgerMisuse
from referral_service.ledger.models import Lot

_LOTS = cast(Table, Lot.__table__)
# A wallet may hold thousands of small lots, and most redemptions need one or two of them.
_PAGE = 100


class Taking(NamedTuple):
    """`amount` is taken out of a lot, and `rest` is left in it."""

    lot_id: str
    origin: str
    payer: str
    amount: int
    rest: int

    @property
    def change(self) -> LotChange:
        return LotChange(self.lot_id, -self.amount)


def lock_spendable(session: Session, *, app_id: int, key: WalletKey, amount: int, now: datetime) -> Wallet:
    """Lock the wallet and return it; raise InsufficientBalance if less than `amount` can be spent at `now`."""
    if amount <= 0:
        raise LedgerMisuse(f"an amount of {amount} cannot be taken")
    wallet = lock_wallets(session, app_id=app_id, keys=[key]).get(key, Wallet())
    spendable = wallet.available + wallet.debt - _overdue(session, app_id, key, now)
    if amount > spendable:
        raise InsufficientBalance(
            f"{_told(amount, key.unit)} was asked for and {_told(max(spendable, 0), key.unit)} is available. "
            "Nothing was changed."
        )
    return wallet


def _told(amount: int, unit: str) -> str:
    return format_money(Money(amount, unit)) if unit in CURRENCIES else f"{amount} {unit}"


def take_from_lots(session: Session, *, app_id: int, key: WalletKey, amount: int, now: datetime) -> list[Taking]:
    """Choose the lots that `amount` comes from: by earliest end, then oldest. The wallet is locked already."""
    takings = _choose(session, app_id, key, amount, now)
    missing = amount - sum(taking.amount for taking in takings)
    if missing:
        raise LedgerMisuse(f"the lots of {key} hold {missing} less than its balance")
    return takings


def would_empty(session: Session, *, app_id: int, customer_id: str, unit: str, amount: int, now: datetime) -> list[str]:
    """Return the origins (reward or adjustment ids) of the lots that taking `amount` would empty, as it looks now.

    Nothing is locked: the caller locks these rewards before the wallet, takes, and looks again at what was emptied.
    """
    return emptied(_choose(session, app_id, WalletKey(customer_id, unit), amount, now))


def _choose(session: Session, app_id: int, key: WalletKey, amount: int, now: datetime) -> list[Taking]:
    """Lots that `amount` comes from, as far as they reach."""
    statement = (
        select(_LOTS.c.id, _LOTS.c.origin, _LOTS.c.payer, _LOTS.c.rest)
        .where(*_in_wallet(app_id, key), or_(_LOTS.c.expires_at.is_(None), _LOTS.c.expires_at > now))
        .order_by(nulls_last(_LOTS.c.expires_at.asc()), _LOTS.c.opened_at, _LOTS.c.id)
    )
    takings: list[Taking] = []
    while amount:
        page = session.execute(statement.limit(_PAGE).offset(len(takings))).all()
        if not page:
            break
        for lot in page:
            taken = min(amount, lot.rest)
            takings.append(Taking(lot.id, lot.origin, lot.payer, taken, lot.rest - taken))
            amount -= taken
            if not amount:
                break
    return takings


def emptied(takings: Sequence[Taking]) -> list[str]:
    """Return the origins of the lots that nothing is left of."""
    return [taking.origin for taking in takings if taking.rest == 0]


def _overdue(session: Session, app_id: int, key: WalletKey, now: datetime) -> int:
    """Return what lies in lots whose end has come and that the worker has not yet booked as expired."""
    statement = select(func.coalesce(func.sum(_LOTS.c.rest), 0)).where(
        *_in_wallet(app_id, key), _LOTS.c.expires_at <= now
    )
    return int(session.execute(statement).scalar_one())


def _in_wallet(app_id: int, key: WalletKey) -> tuple[ColumnElement[bool], ...]:
    return (_LOTS.c.app_id == app_id, _LOTS.c.account_id == key.account(AVAILABLE).id, _LOTS.c.rest > 0)
