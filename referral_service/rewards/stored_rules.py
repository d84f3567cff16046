"""The rules of stored rewards, by the terms of the version each was granted under."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.orm import Session

from referral_service.programs.terms_of import terms_of
from referral_service.rewards.policy import Rules, rules_of
from referral_service.rewards.steps import Holding


def stored_rules(session: Session, *, app_id: int, rewards: Sequence[Holding]) -> dict[str, Rules]:
    """Return each reward's rules by its id; one query at most, none where the terms are in memory."""
    terms = terms_of(session, app_id=app_id, versions={(reward.program_id, reward.version) for reward in rewards})
    return {
        reward.id: rules_of(terms[reward.program_id, reward.version], key=reward.reward_key, subject=reward.subject)
        for reward in rewards
    }
