"""Where referrals stand, read once for whoever is to be told: support in full, a customer what concerns them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from referral_service.customers.attributes_of import attributes_of
from referral_service.journeys.settling.judge import Settled, judge
from referral_service.programs.terms.document import Reward
from referral_service.referrals.policy import PENDING, UNDER_REVIEW
from referral_service.referrals.progress import Progress, StepProgress, progress
from referral_service.referrals.store import ReferralRow
from referral_service.rewards.dues import CLAIMED


@dataclass(frozen=True, slots=True)
class Survey:
    """One referral: how it was judged, how far it has come, and what the terms still promise it as things are."""

    judged: Settled
    found: Progress
    is_open: bool
    promised: Sequence[Reward]

    @property
    def referral(self) -> ReferralRow:
        return self.judged.referral

    @property
    def next_step(self) -> StepProgress | None:
        """What an open referral waits for first."""
        if not self.is_open:
            return None
        return next((step for step in self.found.steps if not step.is_met), None)


def survey(session: Session, *, app_id: int, referrals: Sequence[ReferralRow], now: datetime) -> list[Survey]:
    """Survey referrals in their order, by as many queries for many as for one. Changes nothing, locks nothing."""
    judged = judge(session, app_id=app_id, referrals=referrals, lock=False)
    asked = [each.referral for each in judged if any(reward.audience for reward in each.terms.rewards)]
    people = {customer_id for row in asked for customer_id in (row.referrer_id, row.referee_id)}
    known = attributes_of(session, app_id=app_id, ids=people)
    return [
        Survey(
            judged=each,
            found=progress(each.facts, each.terms, each.referral.window),
            is_open=each.referral.state == PENDING and now <= each.referral.deadline_at,
            promised=_promised(
                each,
                {
                    "referrer": known.get(each.referral.referrer_id, {}),
                    "referee": known.get(each.referral.referee_id, {}),
                },
            ),
        )
        for each in judged
    ]


def _promised(judged: Settled, attributes: dict[str, dict[str, object]]) -> list[Reward]:
    """What was neither granted nor refused so far, and comes with the claim or the way to the conversion."""
    if judged.referral.state not in (PENDING, UNDER_REVIEW):
        return []
    there = {reward.reward_key for reward in judged.stored}
    return [
        reward
        for reward in judged.terms.rewards
        if reward.key not in there
        and (reward.on == CLAIMED or reward.on_conversion)
        and reward.audience.accepts(attributes.get(reward.side, {}))
    ]
