"""The open book: what the books say of the wallets and rewards at hand, and the entries made so far. No database.

The verbs beside this (`grant`, `release`, …) read it and enter into it; every entry changes it, so that the next verb
sees what the one before did.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from referral_service.kit.ids import new_id
from referral_service.ledger.accounts import Wallet, WalletKey, Wallets
from referral_service.ledger.entries import Entry, Leg, LotChange, LotOpening
from referral_service.ledger.moves import RewardMove, Split


@dataclass(slots=True)
class OpenLot:
    """A lot as the book has it. `lapsed` is how much of it `expire` has taken so far."""

    id: str
    granted: int
    rest: int
    lapsed: int = 0


@dataclass(slots=True)
class Taken:
    """What claw-backs of a released reward took and restores have not given back, by where it came from.

    `lot` can be below zero: a debt that was repaid meanwhile is restored into the lot.
    """

    lot: int = 0
    expired: int = 0
    debt: int = 0
    written_off: int = 0

    @property
    def total(self) -> int:
        return self.lot + self.expired + self.debt + self.written_off

    def take(self, split: Split) -> None:
        """Count a claw-back."""
        self.lot += split.lot
        self.expired += split.expired
        self.debt += split.debt
        self.written_off += split.written_off

    def give_back(self, split: Split) -> None:
        """Count a restore."""
        self.lot -= split.lot
        self.expired -= split.expired
        self.debt -= split.debt
        self.written_off -= split.written_off


ONCE = frozenset({"grant", "release"})
"""What happens to a reward one time at most."""


@dataclass(slots=True)
class Book:
    """`lots` and `taken` are by reward id; `last_seq` by (kind, subject), where there was one before."""

    wallets: Wallets
    lots: dict[str, OpenLot] = field(default_factory=dict)
    taken: dict[str, Taken] = field(default_factory=dict)
    last_seq: dict[tuple[str, str], int] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)

    def __post_init__(self) -> None:
        # The balances before the entries are needed as they were, by whoever posts them.
        self.wallets = {key: replace(wallet) for key, wallet in self.wallets.items()}

    def wallet(self, key: WalletKey) -> Wallet:
        return self.wallets[key]

    def taken_of(self, reward_id: str) -> Taken:
        return self.taken.setdefault(reward_id, Taken())

    def enter(
        self,
        kind: str,
        move: RewardMove,
        legs: Iterable[Leg],
        *,
        opens: LotOpening | None = None,
        lot_change: int = 0,
    ) -> None:
        """Add one entry about the move's reward; legs of zero are left out, and so is an entry without legs.

        `lot_change` is what the reward's own lot gets or gives.
        """
        kept = tuple(leg for leg in legs if leg.amount)
        if not kept:
            return
        if opens:
            self.lots[move.reward_id] = OpenLot(opens.id, opens.granted, opens.granted)
        changes: tuple[LotChange, ...] = ()
        if lot_change:
            lot = self.lots[move.reward_id]
            lot.rest += lot_change
            changes = (LotChange(lot.id, lot_change),)
        for leg in kept:
            if leg.wallet:
                self.wallets[leg.wallet].add(leg.kind, leg.amount)
        self.entries.append(
            Entry(
                id=new_id("txn"),
                kind=kind,
                subject=move.reward_id,
                seq=self._next_seq(kind, move.reward_id),
                reason=move.reason,
                legs=kept,
                opens=opens,
                changes=changes,
            )
        )

    def _next_seq(self, kind: str, subject: str) -> int:
        # Always 1 where it happens once, so that the database refuses the second.
        seq = 1 if kind in ONCE else self.last_seq.get((kind, subject), 0) + 1
        self.last_seq[kind, subject] = seq
        return seq


def customer_leg(move: RewardMove, kind: str, amount: int) -> Leg:
    """A posting on the recipient's account of this kind."""
    return Leg(move.recipient_id, kind, move.unit, amount)


def program_leg(move: RewardMove, kind: str, amount: int) -> Leg:
    """A posting on the program's account of this kind."""
    return Leg(move.program_id, kind, move.unit, amount)
