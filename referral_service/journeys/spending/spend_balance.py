"""Take from a customer's balance, and let the rewards that nothing is left of follow."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Protocol, TypeVar

from sqlalchemy.orm import Session

from referral_service.audit.record import record
from referral_service.customers.lock_customers import lock_customers
from referral_service.ledger.adjust import Adjusted, adjust
from referral_service.ledger.lots import would_empty
from referral_service.ledger.redeem import Redeemed, redeem
from referral_service.rewards.carry_out import carry_out
from referral_service.rewards.plan import spend
from referral_service.rewards.policy import AVAILABLE
from referral_service.rewards.read_rewards import lock_rewards
from referral_service.rewards.steps import Holding
from referral_service.rewards.stored_rules import stored_rules

ATTEMPTS_MAX = 5
BY_HAND = "adjusted_by_hand"


class Taken(Protocol):
    """What the books say of something that was taken."""

    @property
    def emptied(self) -> tuple[str, ...]: ...


Outcome = TypeVar("Outcome", bound=Taken)


def redeem_balance(
    session: Session, *, app_id: int, customer_id: str, unit: str, amount: int, reference: str, now: datetime
) -> Redeemed:
    """Spend `amount` of a customer (`cus_…`); a reward whose lot is empty by it turns `redeemed`.

    See `ledger.redeem` for the arguments. Raises InsufficientBalance.
    """

    def take() -> Redeemed:
        return redeem(
            session, app_id=app_id, customer_id=customer_id, unit=unit, amount=amount, reference=reference, now=now
        )

    return _take(session, take, app_id=app_id, customer_id=customer_id, unit=unit, amount=amount, now=now)


def adjust_balance(
    session: Session,
    *,
    app_id: int,
    customer_id: str,
    unit: str,
    amount: int,
    reason: str,
    expires_at: datetime | None,
    actor: str,
    now: datetime,
) -> Adjusted:
    """Correct the balance of a customer (`cus_…`) by hand: give `amount`, or take it where it is below zero.

    `reason` is the person's own and kept in the audit log, nowhere else. Raises InsufficientBalance.
    """

    def correct() -> Adjusted:
        return adjust(
            session,
            app_id=app_id,
            customer_id=customer_id,
            unit=unit,
            amount=amount,
            reason=BY_HAND,
            expires_at=expires_at,
            now=now,
        )

    adjusted = (
        correct()
        if amount > 0
        else _take(session, correct, app_id=app_id, customer_id=customer_id, unit=unit, amount=-amount, now=now)
    )
    record(
        session,
        app_id=app_id,
        actor=actor,
        action="balance.adjusted",
        object_id=adjusted.id,
        details={"customer_id": customer_id, "unit": unit, "amount": amount, "reason": reason},
        now=now,
    )
    return adjusted


def _take(
    session: Session,
    take: Callable[[], Outcome],
    *,
    app_id: int,
    customer_id: str,
    unit: str,
    amount: int,
    now: datetime,
) -> Outcome:
    """Lock the rewards that will have nothing left, then take, and turn them.

    Rewards are locked before wallets everywhere, so those that will be emptied are foreseen. Where a claw-back or a
    release came between and others were emptied instead, the taking is undone, which gives the locks back, and foreseen
    anew. All who spend one person's balance wait for that person first: they would thwart each other's foresight.
    """
    lock_customers(session, app_id=app_id, ids=[customer_id])
    for _ in range(ATTEMPTS_MAX):
        foreseen = would_empty(session, app_id=app_id, customer_id=customer_id, unit=unit, amount=amount, now=now)
        attempt = session.begin_nested()
        locked = {reward.id: reward for reward in lock_rewards(session, app_id=app_id, reward_ids=foreseen)}
        taken = take()
        if set(taken.emptied) <= set(foreseen):
            attempt.commit()
            break
        attempt.rollback()
    else:
        # So much is happening to this wallet that foresight is in vain. Should this meet another crosswise, one of the
        # two is told by the database to try again.
        taken = take()
        locked = {reward.id: reward for reward in lock_rewards(session, app_id=app_id, reward_ids=taken.emptied)}
    emptied = [locked[origin] for origin in taken.emptied if origin in locked and locked[origin].state == AVAILABLE]
    _turn(session, emptied, app_id=app_id, now=now)
    return taken


def _turn(session: Session, emptied: list[Holding], *, app_id: int, now: datetime) -> None:
    if not emptied:
        return
    rules = stored_rules(session, app_id=app_id, rewards=emptied)
    plans = [spend(reward, rules[reward.id], reason="spent", now=now) for reward in emptied]
    carry_out(session, app_id=app_id, plans=plans, now=now)
