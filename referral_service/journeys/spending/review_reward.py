"""A person's decision about a reward: approve one that is under review, or void one before its release."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from referral_service.audit.record import record
from referral_service.journeys.settling.void_rewards import void_rewards
from referral_service.rewards.carry_out import carry_out
from referral_service.rewards.errors import RewardStateConflict
from referral_service.rewards.plan import approve
from referral_service.rewards.policy import (
    AVAILABLE,
    CAPPED,
    EXPIRED,
    OFFERED,
    PENDING,
    REDEEMED,
    UNCONDITIONAL,
    UNDER_REVIEW,
    VOIDED,
)
from referral_service.rewards.read_rewards import lock_reward
from referral_service.rewards.steps import Holding
from referral_service.rewards.stored_rules import stored_rules

VOIDED_BY_HAND = "voided_by_hand"
# Nothing stands in the way of these any more, as after an approval.
GOES_ON = frozenset({PENDING, OFFERED, AVAILABLE, REDEEMED})


def approve_reward(session: Session, *, app_id: int, reward_id: str, reason: str, actor: str, now: datetime) -> Holding:
    """Let a reward that is under review go on, and return it; one that goes on already is returned as it stands.

    `reason` is the person's own and kept in the audit log. Raises RewardNotFound and RewardStateConflict.
    """
    reward = lock_reward(session, app_id=app_id, reward_id=reward_id)
    if reward.state in GOES_ON:
        return reward
    if reward.state != UNDER_REVIEW:
        raise RewardStateConflict(
            f"Only a reward that is under review is approved; this one is {reward.state}.", reward_state=reward.state
        )
    plan = approve(reward, stored_rules(session, app_id=app_id, rewards=[reward])[reward.id], now=now)
    carry_out(session, app_id=app_id, plans=[plan], now=now)
    _note(session, reward, app_id=app_id, action="reward.approved", reason=reason, actor=actor, now=now)
    return plan.reward


def void_reward(session: Session, *, app_id: int, reward_id: str, reason: str, actor: str, now: datetime) -> Holding:
    """Take an unreleased reward back for good, and return it; no later fact brings it back.

    `reason` is the person's own and kept in the audit log; the reward's says `voided_by_hand`. Raises RewardNotFound
    and, for what has been released, expired or was never granted, RewardStateConflict.
    """
    reward = lock_reward(session, app_id=app_id, reward_id=reward_id)
    if reward.state == VOIDED and reward.reason in UNCONDITIONAL:
        return reward
    if reward.released_at is not None:
        raise RewardStateConflict(
            f"This reward is {reward.state}: it has been released, and only an unreleased one is voided. Tell of the "
            "refund of what it was granted for, or take from the balance with POST /v1/customers/{id}/adjustments.",
            reward_state=reward.state,
        )
    if reward.state in (EXPIRED, CAPPED):
        raise RewardStateConflict(
            f"There is nothing to void: this reward is {reward.state}.", reward_state=reward.state
        )
    (plan,) = void_rewards(session, app_id=app_id, rewards=[reward], reason=VOIDED_BY_HAND, now=now)
    _note(session, reward, app_id=app_id, action="reward.voided", reason=reason, actor=actor, now=now)
    return plan.reward


def _note(
    session: Session, before: Holding, *, app_id: int, action: str, reason: str, actor: str, now: datetime
) -> None:
    record(
        session,
        app_id=app_id,
        actor=actor,
        action=action,
        object_id=before.id,
        details={"reason": reason, "from": before.state},
        now=now,
    )
