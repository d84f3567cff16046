"""What a program owes now, what it will owe when holds end, and what open referrals could still cost."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import bindparam, func, select
from sqlalchemy.orm import Session

from referral_service.ledger.outstanding import outstanding
from referral_service.programs.terms.document import Credit, Points, Quota, Reward, Terms
from referral_service.programs.terms_of import terms_of
from referral_service.referrals.store import referrals
from referral_service.rewards.store import rewards

# Kept in wallets; coupons and custom rewards are no balance.
WALLET_KINDS = ("credit", "percent", "points", "quota")
HELD_STATES = ("pending", "under_review", "offered")
OPEN_STATES = ("pending", "under_review")


class Liability(NamedTuple):
    """In minor units of a currency, else in whole units."""

    unit: str
    outstanding: int
    held: int
    expected: int


HELD = (
    select(rewards.c.unit, func.sum(rewards.c.granted - rewards.c.reversed))
    .where(
        rewards.c.app_id == bindparam("app_id"),
        rewards.c.program_id == bindparam("program_id"),
        rewards.c.state.in_(HELD_STATES),
        rewards.c.kind.in_(WALLET_KINDS),
    )
    .group_by(rewards.c.unit)
)
_OPEN = (
    referrals.c.app_id == bindparam("app_id"),
    referrals.c.program_id == bindparam("program_id"),
    referrals.c.state.in_(OPEN_STATES),
)
OPEN_REFERRALS = select(referrals.c.version, func.count()).where(*_OPEN).group_by(referrals.c.version)
# What a step has granted already is held or owed, and no longer expected.
GRANTED_BY_STEPS = (
    select(referrals.c.version, rewards.c.reward_key, func.count())
    .join(rewards, (rewards.c.app_id == referrals.c.app_id) & (rewards.c.referral_id == referrals.c.id))
    .where(*_OPEN)
    .group_by(referrals.c.version, rewards.c.reward_key)
)


def liability(session: Session, *, app_id: int, program_id: str, version: int, now: datetime) -> list[Liability]:
    """Return what the program owes, in every unit that its newest `version` gives or that it still owes, by unit.

    - `outstanding`: can be spent now: the rests of the lots that its rewards put into wallets, less what customers owe
      it because a reward was taken back after they had spent it (see `ledger.outstanding`). Below zero where they owe
      more than they hold.
    - `held`: granted and not reversed, and waiting: for the end of a hold, an acceptance or a review.
    - `expected`: what the open referrals (pending, under review) would bring if each of them converted: the fixed
      amounts of the rewards on `converted` and `step:…` of the terms each was claimed under, as `give` states them. A
      share of a purchase has no fixed amount, and what only some n-ths give (`every`, `milestones`) is not looked at;
      nor are tiers, caps, audiences and the budget, which can make it more or less.
    """
    program = {"app_id": app_id, "program_id": program_id}
    owed = outstanding(session, app_id=app_id, program_id=program_id, now=now)
    held = {unit: int(amount) for unit, amount in session.execute(HELD, program)}
    counts = {row[0]: row[1] for row in session.execute(OPEN_REFERRALS, program)}
    terms = terms_of(session, app_id=app_id, versions={(program_id, n) for n in {version, *counts}})
    expected = _expected(session, program, counts, {n: its for (_, n), its in terms.items()})
    units = {*owed, *held, *expected, *_units(terms[program_id, version])}
    return [
        Liability(unit, outstanding=owed.get(unit, 0), held=held.get(unit, 0), expected=expected.get(unit, 0))
        for unit in sorted(units)
    ]


def fixed_amount(reward: Reward) -> int:
    """What each conversion certainly brings by this reward; 0 where that depends on a purchase or on the n-th. Pure."""
    if not reward.on_conversion or reward.every is not None or reward.milestones:
        return 0
    match reward.give:
        case Credit():
            return reward.give.amount_minor
        case Points() | Quota():
            return reward.give.quantity if reward.give.per_minor is None else 0
        case _:
            return 0


def _expected(
    session: Session, program: dict[str, object], counts: dict[int, int], terms: dict[int, Terms]
) -> dict[str, int]:
    has_steps = any(reward.step_key for n in counts for reward in terms[n].rewards)
    granted: dict[tuple[int, str], int] = {}
    if has_steps:
        granted = {(row[0], row[1]): row[2] for row in session.execute(GRANTED_BY_STEPS, program)}
    found: dict[str, int] = defaultdict(int)
    for n, count in counts.items():
        for reward in terms[n].rewards:
            amount = fixed_amount(reward)
            if amount:
                found[terms[n].unit_of(reward.give) or ""] += amount * (count - granted.get((n, reward.key), 0))
    return dict(found)


def _units(terms: Terms) -> set[str]:
    gives = [reward.give for reward in terms.rewards] + [prize.give for prize in terms.prizes]
    return {unit for unit in map(terms.unit_of, gives) if unit is not None}
