"""Entries: what is to be written in the books, as plain values."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime

from referral_service.ledger.accounts import AVAILABLE, WALLET_KINDS, AccountKey, WalletKey
from referral_service.ledger.errors import UnbalancedEntry


@dataclass(frozen=True, slots=True)
class Leg:
    """`amount` is what the account gets (a plus) or gives (a minus); never zero."""

    owner: str
    kind: str
    unit: str
    amount: int

    @property
    def account(self) -> AccountKey:
        return AccountKey(self.owner, self.kind, self.unit)

    @property
    def wallet(self) -> WalletKey | None:
        return WalletKey(self.owner, self.unit) if self.kind in WALLET_KINDS else None


@dataclass(frozen=True, slots=True, kw_only=True)
class LotOpening:
    """A new lot of `granted` in the wallet of `customer_id`; `payer` is the program that answers for it."""

    id: str
    origin: str
    payer: str
    customer_id: str
    unit: str
    granted: int
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class LotChange:
    """What an entry takes out of a lot (a minus) or puts back into it."""

    lot_id: str
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One transaction with its effect on lots. (`kind`, `subject`, `seq`) is unique within the app."""

    id: str
    kind: str
    subject: str
    seq: int
    reason: str | None
    legs: tuple[Leg, ...]
    opens: LotOpening | None = None
    changes: tuple[LotChange, ...] = ()


def check_balanced(entry: Entry) -> None:
    """Raise UnbalancedEntry unless the legs sum to zero in each unit, and what is available changes as the lots do."""
    name = f"{entry.kind} {entry.seq} of {entry.subject}"
    sums: dict[str, int] = defaultdict(int)
    for leg in entry.legs:
        if leg.amount == 0:
            raise UnbalancedEntry(f"{name} has a posting that moves nothing")
        sums[leg.unit] += leg.amount
    if not sums or any(sums.values()):
        raise UnbalancedEntry(f"{name} does not sum to zero: {dict(sums)}")
    if any(change.amount == 0 for change in entry.changes):
        raise UnbalancedEntry(f"{name} has a lot movement that moves nothing")
    available = sum(leg.amount for leg in entry.legs if leg.kind == AVAILABLE)
    opened = entry.opens.granted if entry.opens else 0
    if available != opened + sum(change.amount for change in entry.changes):
        raise UnbalancedEntry(f"{name} makes {available} available, which is not what its lots change by")
