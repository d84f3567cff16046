"""Take unreleased rewards back for good, whatever their facts say; what they took up of caps and budget is free."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from referral_service.journeys.announce_budgets import budget_changes
from referral_service.programs.newest_terms import newest_terms
from referral_service.programs.terms.document import Terms
from referral_service.programs.terms_of import terms_of
from referral_service.rewards.anchors import lock_anchors, lock_budgets, save_limits
from referral_service.rewards.carry_out import carry_out
from referral_service.rewards.limits import AnchorKey, Limits, Slot, slot_of
from referral_service.rewards.plan import Holding, Plan, void
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
    terms = terms_of(session, app_id=app_id, versions={(reward.program_id, reward.version) for reward in rewards})
    limits = Limits(anchors=lock_anchors(session, app_id=app_id, keys={_key(reward) for reward in rewards}))
    newest = newest_terms(session, app_id=app_id, program_ids={reward.program_id for reward in rewards})
    limits.budgets = lock_budgets(session, app_id=app_id, newest=newest)
    loaded = limits.anchors_used()
    for before, plan in zip(rewards, plans, strict=True):
        its_terms = terms[before.program_id, before.version]
        limits.swap(
            _key(before),
            referral_id=before.referral_id,
            at=before.created_at,
            before=_slot(before, its_terms),
            after=_slot(plan.reward, its_terms),
        )
    changes = budget_changes(limits.budgets)
    save_limits(session, app_id=app_id, limits=limits, loaded=loaded)
    carry_out(session, app_id=app_id, plans=plans, told_before=changes, now=now)
    return plans


def _key(reward: Holding) -> AnchorKey:
    return (reward.program_id, reward.reward_key, reward.recipient_id)


def _slot(reward: Holding, terms: Terms) -> Slot:
    # A prize is in no list of rewards, and weighs nothing.
    values = {it.key: it.value_minor for it in terms.rewards}
    return slot_of(
        state=reward.state,
        reason=reward.reason,
        kind=reward.kind,
        granted=reward.granted,
        value_minor=values.get(reward.reward_key, 0),
    )
