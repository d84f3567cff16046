"""From a decision about a referral to plans for its rewards. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from referral_service.kit.ids import new_id
from referral_service.programs.terms.document import Reward, Terms
from referral_service.referrals.policy import Decision
from referral_service.referrals.store import ReferralRow
from referral_service.rewards.plan import Holding, Plan, Wanted, begin, change
from referral_service.rewards.policy import PENDING, taken_back, worth

ON_CONVERSION = "converted"


def plan_rewards(
    referral: ReferralRow,
    terms: Terms,
    decision: Decision,
    *,
    stored: Sequence[Holding],
    taken_over: bool,
    now: datetime,
) -> list[Plan]:
    """Plan every reward of the referral's conversion; none where there is no conversion.

    `taken_over`: an earlier purchase stands now where another one stood, which is the reason told for what comes back.
    """
    if not decision.counted or decision.converted_at is None:
        return []
    by_key = {reward.reward_key: reward for reward in stored if reward.conversion_no == decision.conversion_no}
    plans = []
    for reward in terms.rewards:
        if reward.on != ON_CONVERSION:
            continue
        current = by_key.get(reward.key)
        wanted = _wanted(reward, decision, current, taken_over=taken_over)
        if current is not None:
            plans.append(change(current, wanted, now=now))
        else:
            plans.append(begin(_new(referral, terms, reward, decision, wanted, now=now), wanted, now=now))
    return plans


def _wanted(reward: Reward, decision: Decision, current: Holding | None, *, taken_over: bool) -> Wanted:
    is_fixed = current is not None and current.released_at is not None
    granted = current.granted if current is not None and is_fixed else worth(reward, decision.counted_minor)
    back = taken_back(granted, decision.taken, on_refund=reward.on_refund)
    completed_at = max(item.fact.occurred_at for item in decision.counted)
    return Wanted(
        granted=granted,
        reversed=back,
        # One that is kept in spite of a refund has nothing taken back.
        is_whole=decision.taken.is_whole and back == granted,
        occurred_at=completed_at,
        hold_ends_at=completed_at + reward.hold,
        reason=decision.taken.reason,
        back_for="earlier_purchase" if taken_over else "dispute_won",
    )


def _new(
    referral: ReferralRow, terms: Terms, reward: Reward, decision: Decision, wanted: Wanted, *, now: datetime
) -> Holding:
    """A reward that is not stored yet; its ordinal is taken when it is written."""
    return Holding(
        id=new_id("rwd"),
        program_id=referral.program_id,
        version=referral.version,
        referral_id=referral.id,
        conversion_no=decision.conversion_no,
        recipient_id=referral.referrer_id if reward.side == "referrer" else referral.referee_id,
        reward_key=reward.key,
        subject=f"referral:{referral.id}:{decision.conversion_no}",
        side=reward.side,
        ordinal=0,
        state=PENDING,
        reason=None,
        kind=reward.give.kind,
        unit=terms.unit_of(reward.give) or reward.give.kind,
        granted=wanted.granted,
        reversed=0,
        badge=None,
        occurred_at=wanted.occurred_at,
        hold_ends_at=wanted.hold_ends_at,
        accept_by=None,
        expires_at=None,
        released_at=None,
        created_at=now,
        updated_at=now,
        sequence=0,
    )
