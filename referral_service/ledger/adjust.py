"""Adjust: a person corrects a customer's balance by hand."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from referral_service.kit.ids import new_id
from referral_service.ledger.accounts import ADJUSTMENT, APP_OWNER, AVAILABLE, DEBT, WalletKey
from referral_service.ledger.entries import Entry, Leg, LotChange, LotOpening
from referral_service.ledger.lots import emptied, lock_spendable, take_from_lots
from referral_service.ledger.post import Held, open_wallets, post


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjusted:
    """A correction by hand. `emptied` are the rewards (or adjustments) whose lots have nothing left by it."""

    id: str
    unit: str
    amount: int
    expires_at: datetime | None
    recorded_at: datetime
    emptied: tuple[str, ...] = ()


def adjust(
    session: Session,
    *,
    app_id: int,
    customer_id: str,
    unit: str,
    amount: int,
    reason: str,
    now: datetime,
    expires_at: datetime | None = None,
) -> Adjusted:
    """Give `amount`, or take it if it is below zero. `reason` is a word for the books and whoever hears of the balance.

    What is given is a lot, which pays a debt first as a release does, and ends at `expires_at`. What is taken comes
    from the lots as a redemption would, and raises InsufficientBalance (409) if it is more than can be spent.
    """
    key = WalletKey(customer_id, unit)
    adjustment_id = new_id("adj")
    if amount < 0:
        held = Held({key: lock_spendable(session, app_id=app_id, key=key, amount=-amount, now=now)})
        takings = take_from_lots(session, app_id=app_id, key=key, amount=-amount, now=now)
        changes = tuple(taking.change for taking in takings)
        opens, paid = None, 0
    else:
        takings = []
        held = open_wallets(session, app_id=app_id, keys=[key], now=now)
        paid = min(amount, held.wallets[key].owed)
        opens = LotOpening(
            id=new_id("lot"),
            origin=adjustment_id,
            payer=APP_OWNER,
            customer_id=customer_id,
            unit=unit,
            granted=amount,
            expires_at=expires_at,
        )
        changes = (LotChange(opens.id, -paid),) if paid else ()
    legs = (
        Leg(APP_OWNER, ADJUSTMENT, unit, -amount),
        Leg(customer_id, AVAILABLE, unit, amount),
        Leg(customer_id, AVAILABLE, unit, -paid),
        Leg(customer_id, DEBT, unit, paid),
    )
    entry = Entry(
        id=new_id("txn"),
        kind="adjust",
        subject=adjustment_id,
        seq=1,
        reason=reason,
        legs=tuple(leg for leg in legs if leg.amount),
        opens=opens,
        changes=changes,
    )
    post(session, app_id=app_id, entries=[entry], held=held, now=now)
    return Adjusted(
        id=adjustment_id,
        unit=unit,
        amount=amount,
        expires_at=expires_at,
        recorded_at=now,
        emptied=tuple(emptied(takings)),
    )
