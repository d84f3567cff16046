"""What a program still owes its customers: the lots it answers for, less what customers owe it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from itertools import groupby
from typing import NamedTuple, cast

from sqlalchemy import Table, bindparam, func, or_, select
from sqlalchemy.orm import Session

from referral_service.kit.db.base import UtcDateTime
from referral_service.ledger.accounts import ACCOUNTS, DEBT
from referral_service.ledger.models import LedgerPosting, LedgerTxn, Lot

_LOTS = cast(Table, Lot.__table__)
_TXNS = cast(Table, LedgerTxn.__table__)
_POSTINGS = cast(Table, LedgerPosting.__table__)

OPEN_LOTS = (
    select(_LOTS.c.unit, func.sum(_LOTS.c.rest))
    .where(
        _LOTS.c.app_id == bindparam("app_id"),
        _LOTS.c.payer == bindparam("payer"),
        _LOTS.c.rest > 0,
        or_(_LOTS.c.expires_at.is_(None), _LOTS.c.expires_at > bindparam("now", type_=UtcDateTime())),
    )
    .group_by(_LOTS.c.unit)
)
# Whoever owes nothing now is left out: that is nearly everybody, and they are not even read.
DEBTS = (
    select(ACCOUNTS.c.id, ACCOUNTS.c.unit, _LOTS.c.payer, _POSTINGS.c.amount)
    .join(_POSTINGS, (_POSTINGS.c.app_id == ACCOUNTS.c.app_id) & (_POSTINGS.c.account_id == ACCOUNTS.c.id))
    .join(_TXNS, (_TXNS.c.app_id == _POSTINGS.c.app_id) & (_TXNS.c.id == _POSTINGS.c.txn_id))
    .outerjoin(
        _LOTS,
        (_LOTS.c.app_id == _TXNS.c.app_id)
        & (_LOTS.c.origin == _TXNS.c.subject)
        & _TXNS.c.kind.in_(("claw_back", "restore")),
    )
    .where(ACCOUNTS.c.app_id == bindparam("app_id"), ACCOUNTS.c.kind == DEBT, ACCOUNTS.c.balance < 0)
    .order_by(ACCOUNTS.c.id, _TXNS.c.recorded_at, _TXNS.c.id)
)


class DebtStep(NamedTuple):
    """One posting on a debt account. Below zero: this much is owed from now on to `payer`, a program.

    Above zero: it is no longer; forgiven by `payer`, or, where that is None, paid.
    """

    payer: str | None
    amount: int


def outstanding(session: Session, *, app_id: int, program_id: str, now: datetime) -> dict[str, int]:
    """Return, by unit, the rests of the program's open lots less the debts that its claw-backs left; minor units of a
    currency, else whole units. Below zero where customers owe more than they hold.

    A lot whose end has come at `now` (business time) is not open any more, whether or not that is booked.
    """
    found: dict[str, int] = defaultdict(int)
    asked = {"app_id": app_id, "payer": program_id, "now": now}
    for unit, rest in session.execute(OPEN_LOTS, asked):
        found[unit] += int(rest)
    steps = session.execute(DEBTS, {"app_id": app_id})
    for (_, unit), of_account in groupby(steps, key=lambda row: (row.id, row.unit)):
        owed = owed_by_payer(DebtStep(row.payer, row.amount) for row in of_account)
        if program_id in owed:
            found[unit] -= owed[program_id]
    return dict(found)


def owed_by_payer(steps: Iterable[DebtStep]) -> dict[str | None, int]:
    """Divide one customer's debt by the programs it is owed to, given its postings in their order. Pure.

    A debt has no lot that would say which program's it is. What is paid pays the oldest first; what a program forgives
    (a dispute was won) is first its own. The parts sum to the whole debt.
    """
    debts: list[DebtStep] = []
    for step in steps:
        if step.amount < 0:
            debts.append(DebtStep(step.payer, -step.amount))
            continue
        rest = step.amount
        if step.payer is not None:
            rest, debts = _pay(rest, debts, only=step.payer)
        _, debts = _pay(rest, debts)
    owed: dict[str | None, int] = defaultdict(int)
    for payer, amount in debts:
        owed[payer] += amount
    return dict(owed)


def _pay(amount: int, debts: list[DebtStep], *, only: str | None = None) -> tuple[int, list[DebtStep]]:
    """Take `amount` off the oldest debts (of `only` one payer); gives what could not be used, and what is left."""
    left = []
    for debt in debts:
        paid = min(amount, debt.amount) if only in (None, debt.payer) else 0
        amount -= paid
        if paid < debt.amount:
            left.append(debt._replace(amount=debt.amount - paid))
    return amount, left
