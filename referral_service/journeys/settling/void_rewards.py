"""Take unreleased rewards back for good, whatever their facts say; what they took up of caps and budget is free."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from referral_service.journeys.settling.announce_budgets import budget_changes
from referral_service.programs.newest_terms import newest_terms
from referral_service.rewards.anchors import lock_anchors, lock_budgets, save_limits
from referral_service.rewards.carry_out import carry_out
from referral_service.rewards.fitting import slot_held
from referral_service.rewards.limits import AnchorKey, Limits
from referral_service.rewards.plan import void
from referral_service.rewards.steps import Holding, Plan
from referral_service.rewards.stored_rules import stored_rules


def void_rewards(
    session: Session, *, app_id: int, rewards: Sequence[Holding], reason: str, now: datetime
) -> list[Plan]:
    """Void these locked rewards, none of which is released; one that is voided already stays so, now for this reason.

    `reason` is one of `policy.UNCONDITIONAL`: nothing that is told later brings such a reward back.
    """
    if not rewards:
        return []
    rules = stored_rules(session, app_id=app_id, rewards=rewards)
    plans = [void(reward, rules[reward.id], reason=reason, now=now) for reward in rewards]
    limits = Limits(anchors=lock_anchors(session, app_id=app_id, keys={_key(reward) for reward in rewards}))
    newest = newest_terms(session, app_id=app_id, program_ids={reward.program_id for reward in rewards}, hold=True)
    limits.budgets = lock_budgets(session, app_id=app_id, newest=newest)
    loaded = limits.anchors_used()
    for before, plan in zip(rewards, plans, strict=True):
        limits.swap(
            _key(before),
            referral_id=before.referral_id,
            at=before.created_at,
            before=slot_held(before, plan.rules),
            after=slot_held(plan.reward, plan.rules),
        )
    changes = budget_changes(limits.budgets)
    save_limits(session, app_id=app_id, limits=limits, loaded=loaded)
    carry_out(session, app_id=app_id, plans=plans, told_before=changes, now=now)
    return plans


def _key(reward: Holding) -> AnchorKey:
    return (reward.program_id, reward.reward_key, reward.recipient_id)
