"""Fulfil a custom reward: the app has handed over what it promised."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from referral_service.audit.record import record
from referral_service.programs.terms.gives import Custom
from referral_service.rewards.carry_out import carry_out
from referral_service.rewards.errors import RewardStateConflict
from referral_service.rewards.plan import FULFILLED, spend
from referral_service.rewards.policy import AVAILABLE, REDEEMED
from referral_service.rewards.read_rewards import lock_reward
from referral_service.rewards.steps import Holding
from referral_service.rewards.stored_rules import stored_rules


def fulfil_reward(
    session: Session, *, app_id: int, reward_id: str, reference: str | None, actor: str, now: datetime
) -> Holding:
    """Turn an available custom reward `redeemed` and return it; one that is fulfilled already stays as it is.

    `reference`, the app's own word for what was handed over, is kept in the audit log. Raises RewardNotFound and
    RewardStateConflict.
    """
    reward = lock_reward(session, app_id=app_id, reward_id=reward_id)
    if reward.kind != Custom.kind:
        raise RewardStateConflict(
            f"Only a custom reward is fulfilled by the app; this one is a {reward.kind}.", reward_state=reward.state
        )
    if reward.state == REDEEMED:
        return reward
    is_over = reward.expires_at is not None and reward.expires_at <= now
    if reward.state != AVAILABLE or is_over:
        stands = "past its end" if reward.state == AVAILABLE else reward.state
        raise RewardStateConflict(
            f"Only an available reward is fulfilled; this one is {stands}.", reward_state=reward.state
        )
    plan = spend(reward, stored_rules(session, app_id=app_id, rewards=[reward])[reward.id], reason=FULFILLED, now=now)
    carry_out(session, app_id=app_id, plans=[plan], now=now)
    record(
        session,
        app_id=app_id,
        actor=actor,
        action="reward.fulfilled",
        object_id=reward.id,
        details={"reference": reference},
        now=now,
    )
    return plan.reward
