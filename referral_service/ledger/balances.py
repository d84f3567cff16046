"""Read what a customer has."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple, cast

from sqlalchemy import Table, func, select
from sqlalchemy.orm import Session

from referral_service.ledger.accounts import ACCOUNTS, PENDING, WALLET_KINDS
from referral_service.ledger.models import Lot

_LOTS = cast(Table, Lot.__table__)


class Balance(NamedTuple):
    """In minor units of a currency, else in whole units. `available` is below zero where more is owed than held."""

    unit: str
    available: int
    pending: int


def balances(session: Session, *, app_id: int, customer_id: str, now: datetime) -> list[Balance]:
    """Return the balances of a customer (`cus_…`) in every unit the customer ever had, by unit.

    Available = open lots less debt. A lot whose end has come at `now` (business time) is not open any more, also
    while the worker has not yet booked it as expired.
    """
    of_customer = (ACCOUNTS.c.app_id == app_id, ACCOUNTS.c.owner == customer_id, ACCOUNTS.c.kind.in_(WALLET_KINDS))
    pending: dict[str, int] = {}
    available: dict[str, int] = {}
    accounts = select(ACCOUNTS.c.unit, ACCOUNTS.c.kind, ACCOUNTS.c.balance).where(*of_customer)
    for unit, kind, balance in session.execute(accounts):
        if kind == PENDING:
            pending[unit] = balance
        else:
            available[unit] = available.get(unit, 0) + balance
    overdue = session.execute(
        select(_LOTS.c.unit, func.sum(_LOTS.c.rest))
        .join(ACCOUNTS, (ACCOUNTS.c.app_id == _LOTS.c.app_id) & (ACCOUNTS.c.id == _LOTS.c.account_id))
        .where(*of_customer, _LOTS.c.rest > 0, _LOTS.c.expires_at <= now)
        .group_by(_LOTS.c.unit)
    )
    for unit, rest in overdue:
        available[unit] -= int(rest)
    return [Balance(unit, available[unit], pending[unit]) for unit in sorted(available)]
