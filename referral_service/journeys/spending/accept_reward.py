"""Accept an offered reward, in the name of its recipient."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from referral_service.rewards.carry_out import carry_out
from referral_service.rewards.errors import OfferOver, RewardStateConflict
from referral_service.rewards.plan import accept
from referral_service.rewards.policy import OFFERED
from referral_service.rewards.read_rewards import lock_reward
from referral_service.rewards.steps import Holding
from referral_service.rewards.stored_rules import stored_rules


def accept_reward(session: Session, *, app_id: int, reward_id: str, now: datetime) -> Holding:
    """Make an offered reward available and return it; one that was accepted before is returned as it stands.

    The far edge still counts: at `accept_by` itself it can be accepted. Raises RewardNotFound, OfferOver and
    RewardStateConflict.
    """
    reward = lock_reward(session, app_id=app_id, reward_id=reward_id)
    if reward.state != OFFERED:
        if reward.accept_by is not None and reward.released_at is not None:
            return reward
        if reward.accept_by is not None and reward.reason == "not_accepted":
            raise OfferOver(reward_state=reward.state)
        raise RewardStateConflict(
            f"Only an offered reward is accepted; this one is {reward.state}.", reward_state=reward.state
        )
    if reward.accept_by is not None and reward.accept_by < now:
        # The worker has not been here yet; who asks first must not decide.
        raise OfferOver(reward_state=reward.state)
    plan = accept(reward, stored_rules(session, app_id=app_id, rewards=[reward])[reward.id], now=now)
    carry_out(session, app_id=app_id, plans=[plan], now=now)
    return plan.reward
