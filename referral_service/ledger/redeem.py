"""Redeem: a customer spends a balance, in part or whole."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from sqlalchemy import Table, insert
from sqlalchemy.orm import Session

from referral_service.kit.ids import new_id
from referral_service.ledger.accounts import AVAILABLE, REDEEMED, WalletKey
from referral_service.ledger.entries import Entry, Leg
from referral_service.ledger.lots import emptied, lock_spendable, take_from_lots
from referral_service.ledger.models import Redemption
from referral_service.ledger.post import Held, post

_INSERT = insert(cast(Table, Redemption.__table__))


@dataclass(frozen=True, slots=True, kw_only=True)
class Redeemed:
    """A redemption. `emptied` are the rewards (or adjustments) whose lots have nothing left."""

    id: str
    unit: str
    amount: int
    reference: str
    recorded_at: datetime
    emptied: tuple[str, ...]


def redeem(
    session: Session, *, app_id: int, customer_id: str, unit: str, amount: int, reference: str, now: datetime
) -> Redeemed:
    """Take `amount` (above zero) out of the customer's lots, by earliest end, then oldest.

    `customer_id` is the `cus_…` id, `reference` the app's own word for what it was spent on; `now` is business time.
    Raises InsufficientBalance (409) if open lots less debt are fewer than that. Of two that race for the last of a
    balance, the second waits for the first and is refused.
    """
    key = WalletKey(customer_id, unit)
    wallet = lock_spendable(session, app_id=app_id, key=key, amount=amount, now=now)
    takings = take_from_lots(session, app_id=app_id, key=key, amount=amount, now=now)
    by_program: dict[str, int] = defaultdict(int)
    for taking in takings:
        by_program[taking.payer] += taking.amount
    redemption_id = new_id("rdm")
    entry = Entry(
        id=new_id("txn"),
        kind="redeem",
        subject=redemption_id,
        seq=1,
        reason="redeemed",
        legs=(
            Leg(customer_id, AVAILABLE, unit, -amount),
            *(Leg(payer, REDEEMED, unit, share) for payer, share in sorted(by_program.items())),
        ),
        changes=tuple(taking.change for taking in takings),
    )
    post(session, app_id=app_id, entries=[entry], held=Held({key: wallet}), now=now)
    session.execute(
        _INSERT,
        {
            "app_id": app_id,
            "id": redemption_id,
            "account_id": key.account(AVAILABLE).id,
            "customer_id": customer_id,
            "txn_id": entry.id,
            "unit": unit,
            "amount": amount,
            "reference": reference,
            "recorded_at": now,
        },
    )
    return Redeemed(
        id=redemption_id,
        unit=unit,
        amount=amount,
        reference=reference,
        recorded_at=now,
        emptied=tuple(emptied(takings)),
    )
