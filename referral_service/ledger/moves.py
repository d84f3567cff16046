"""What can happen to a reward in the books. Amounts are in minor units of a currency, else in whole units.

`amount` is never negative; zero is allowed everywhere and writes nothing. `recipient_id` is the `cus_…` id. Which
postings each of these becomes is the table in docs/ledger.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from referral_service.ledger.accounts import WalletKey
from referral_service.ledger.errors import LedgerMisuse

SpentPolicy = Literal["negative_balance", "write_off"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RewardMove:
    """What all of them name."""

    reward_id: str
    program_id: str
    recipient_id: str
    unit: str
    amount: int
    reason: str | None = None

    def __post_init__(self) -> None:
        if self.amount < 0:
            raise LedgerMisuse(f"{type(self).__name__} of a negative amount for {self.reward_id}")

    @property
    def wallet(self) -> WalletKey:
        return WalletKey(self.recipient_id, self.unit)


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant(RewardMove):
    """The reward is granted and held. Once per reward."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Amend(RewardMove):
    """A takeover: `amount` is pending from now on in place of `previous`. Nothing is written if they are equal."""

    previous: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Void(RewardMove):
    """`amount` of what is pending is taken back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Release(RewardMove):
    """What is pending becomes a lot, which pays the customer's debt first. Once per reward."""

    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClawBack(RewardMove):
    """`amount` of what was released is taken back; `spent_policy` says what happens to what is already spent."""

    spent_policy: SpentPolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class Restore(RewardMove):
    """`amount` of what was voided (before the release) or clawed back (after it) is given again."""


Move = Grant | Amend | Void | Release | ClawBack | Restore


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """Where a clawed-back amount came from, or where a restored one went; the four sum to the amount.

    `lot` is the reward's own lot, `expired` what had lapsed, `debt` and `written_off` what had been spent.
    """

    lot: int = 0
    expired: int = 0
    debt: int = 0
    written_off: int = 0

    @property
    def total(self) -> int:
        return self.lot + self.expired + self.debt + self.written_off


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What became of one move. `lot_rest` is what is left in the reward's lot, None where it has none or was not read.

    `split` is there after a claw-back, and after a restore of a released reward.
    """

    reward_id: str
    lot_rest: int | None = None
    split: Split | None = None
