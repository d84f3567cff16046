"""Alice and Bob with their rewards, as moves of the ledger; amounts in cents."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.orm import Session

from referral_service.kit.ids import new_id
from referral_service.ledger.balances import balances
from referral_service.ledger.moves import Amend, ClawBack, Grant, Move, Recorded, Release, Restore, SpentPolicy, Void
from referral_service.ledger.record import record
from referral_service.ledger.redeem import Redeemed, redeem

NOW = datetime(2026, 11, 21, 10, tzinfo=UTC)


@dataclass
class Given:
    """One reward of one customer. Each method makes a move about it."""

    recipient_id: str = field(default_factory=lambda: new_id("cus"))
    program_id: str = field(default_factory=lambda: new_id("prg"))
    unit: str = "USD"
    reward_id: str = field(default_factory=lambda: new_id("rwd"))

    def _named(self, amount: int, reason: str) -> dict[str, Any]:
        return {
            "reward_id": self.reward_id,
            "program_id": self.program_id,
            "recipient_id": self.recipient_id,
            "unit": self.unit,
            "amount": amount,
            "reason": reason,
        }

    def grant(self, amount: int) -> Grant:
        return Grant(**self._named(amount, "converted"))

    def amend(self, previous: int, amount: int) -> Amend:
        return Amend(**self._named(amount, "taken_over"), previous=previous)

    def void(self, amount: int) -> Void:
        return Void(**self._named(amount, "refunded"))

    def release(self, amount: int, *, expires_at: datetime | None = None) -> Release:
        return Release(**self._named(amount, "hold_ended"), expires_at=expires_at)

    def claw_back(self, amount: int, *, spent_policy: SpentPolicy = "negative_balance") -> ClawBack:
        return ClawBack(**self._named(amount, "refunded"), spent_policy=spent_policy)

    def restore(self, amount: int) -> Restore:
        return Restore(**self._named(amount, "dispute_won"))


def do(session: Session, app_id: int, *moves: Move, now: datetime = NOW) -> list[Recorded]:
    return record(session, app_id=app_id, moves=moves, now=now)


def wallet(session: Session, app_id: int, customer_id: str, *, now: datetime = NOW) -> dict[str, tuple[int, int]]:
    """{unit: (available, pending)} as the API would tell."""
    read = balances(session, app_id=app_id, customer_id=customer_id, now=now)
    return {balance.unit: (balance.available, balance.pending) for balance in read}


def spend(session: Session, app_id: int, reward: Given, amount: int, *, now: datetime = NOW) -> Redeemed:
    """The recipient of `reward` redeems `amount` in its unit."""
    return redeem(
        session,
        app_id=app_id,
        customer_id=reward.recipient_id,
        unit=reward.unit,
        amount=amount,
        reference="order o-9",
        now=now,
    )
