"""Accounts: what they are called, how they are opened, and how a customer's are locked.

The three accounts of one customer in one unit are a wallet. They are opened together and locked together, sorted by
id, so that whoever holds a wallet knows its balances, its debt and its lots until the transaction ends.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, cast

from sqlalchemy import Table, bindparam, select
from sqlalchemy.orm import Session

from referral_service.kit.db.among import among
from referral_service.kit.db.write_rows import insert_rows
from referral_service.ledger.models import LedgerAccount

PENDING, AVAILABLE, DEBT = "pending", "available", "debt"
EXPENSE, REDEEMED, EXPIRED, WRITTEN_OFF, ADJUSTMENT = "expense", "redeemed", "expired", "written_off", "adjustment"
APP_OWNER = "app"
"""Owns the adjustments, which belong to no program."""

WALLET_KINDS = (PENDING, AVAILABLE, DEBT)
# One letter each: with an owner's 26 characters and a unit's 16 an account's id fills its column exactly.
_LETTERS = {
    PENDING: "p",
    AVAILABLE: "a",
    DEBT: "d",
    EXPENSE: "e",
    REDEEMED: "r",
    EXPIRED: "x",
    WRITTEN_OFF: "w",
    ADJUSTMENT: "j",
}

ACCOUNTS = cast(Table, LedgerAccount.__table__)
# Postings point at accounts, which on PostgreSQL shares the lock of the row's key: hence NO KEY UPDATE.
_LOCK = (
    select(ACCOUNTS.c.owner, ACCOUNTS.c.unit, ACCOUNTS.c.kind, ACCOUNTS.c.balance, ACCOUNTS.c.sequence)
    .where(ACCOUNTS.c.app_id == bindparam("app_id"), among(ACCOUNTS.c.id, "ids"))
    .order_by(ACCOUNTS.c.id)
    .with_for_update(key_share=True)
)


class AccountKey(NamedTuple):
    """Who holds what: `owner` is a `cus_…` or `prg_…` id, or `APP_OWNER`."""

    owner: str
    kind: str
    unit: str

    @property
    def id(self) -> str:
        return account_id(self.owner, self.kind, self.unit)


class WalletKey(NamedTuple):
    """A customer (`cus_…`) and a unit."""

    customer_id: str
    unit: str

    def account(self, kind: str) -> AccountKey:
        return AccountKey(self.customer_id, kind, self.unit)


@dataclass(slots=True)
class Wallet:
    """The balances of a locked wallet; `sequence` counts what was announced of it. `debt` is 0 or below."""

    pending: int = 0
    available: int = 0
    debt: int = 0
    sequence: int = 0

    @property
    def owed(self) -> int:
        return -self.debt

    def add(self, kind: str, amount: int) -> None:
        """Change the balance of one of the three accounts."""
        match kind:
            case "pending":
                self.pending += amount
            case "available":
                self.available += amount
            case "debt":
                self.debt += amount


Wallets = dict[WalletKey, Wallet]


def account_id(owner: str, kind: str, unit: str) -> str:
    """Return the id of an account, which follows from what it is, so that a posting needs no look-up."""
    return f"acc_{owner.rpartition('_')[2]}{_LETTERS[kind]}{unit}"


def open_accounts(session: Session, *, app_id: int, keys: Iterable[AccountKey], now: datetime) -> None:
    """Make sure that these accounts exist, in one statement; those that do are left as they are."""
    rows = [
        {
            "app_id": app_id,
            "id": key.id,
            "owner": key.owner,
            "kind": key.kind,
            "unit": key.unit,
            # See LedgerAccount: a program's balance would be one hot row.
            "balance": 0 if key.kind in WALLET_KINDS else None,
            "sequence": 0,
            "created_at": now,
        }
        for key in sorted(set(keys), key=lambda key: key.id)
    ]
    insert_rows(session, ACCOUNTS, rows, unless_there=True)


def lock_wallets(session: Session, *, app_id: int, keys: Iterable[WalletKey]) -> Wallets:
    """Lock the accounts of these wallets, sorted by id; gives the balances. A wallet not opened yet is left out."""
    ids = sorted(key.account(kind).id for key in set(keys) for kind in WALLET_KINDS)
    if not ids:
        return {}
    wallets: Wallets = {}
    for owner, unit, kind, balance, sequence in session.execute(_LOCK, {"app_id": app_id, "ids": ids}):
        wallet = wallets.setdefault(WalletKey(owner, unit), Wallet())
        wallet.add(kind, balance)
        if kind == AVAILABLE:
            wallet.sequence = sequence
    return wallets
