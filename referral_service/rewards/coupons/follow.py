"""Coupons follow their rewards: made at the release, ended and revoked with them, and there again when they are."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from referral_service.codes.vanity import is_offensive
from referral_service.kit.ids import fold, new_id
from referral_service.programs.terms.gives import Coupon
from referral_service.programs.terms_of import terms_of
from referral_service.rewards.coupons.policy import ACTIVE, HeldCoupon, begins, hundredths, new_text, standing
from referral_service.rewards.coupons.store import coupons_of, insert_coupons, update_coupons
from referral_service.rewards.policy import AVAILABLE
from referral_service.rewards.policy import REDEEMED as REWARD_REDEEMED
from referral_service.rewards.steps import Plan

# 40 random bits: even among a thousand million coupons of one prefix, eight misses in a row mean a broken generator.
ATTEMPTS_MAX = 8


def follow_rewards(session: Session, *, app_id: int, plans: Sequence[Plan], now: datetime) -> dict[str, HeldCoupon]:
    """Bring the coupons of these rewards to where the plans bring the rewards; return them by reward id.

    To be called when new rewards are written, and before the others are and anything is told: a reward that comes
    back while its coupon is used turns `redeemed` at once. The rows of the rewards are locked.
    """
    released = {
        plan.reward.id: plan
        for plan in plans
        if plan.reward.kind == Coupon.kind and plan.reward.released_at is not None
    }
    if not released:
        return {}
    was_released = [
        reward_id
        for reward_id, plan in released.items()
        if plan.before is not None and plan.before.released_at is not None
    ]
    found = coupons_of(session, app_id=app_id, reward_ids=was_released)
    changed = []
    for reward_id, coupon in found.items():
        plan = released[reward_id]
        if coupon.is_used and plan.reward.state == AVAILABLE:
            plan.turn(REWARD_REDEEMED, event="reward.redeemed", reason="used", now=now)
        state = standing(plan.reward.state, is_used=coupon.is_used)
        if state != coupon.state:
            coupon.state = state
            changed.append(coupon)
    update_coupons(session, app_id=app_id, changed=changed)
    new = [plan for reward_id, plan in released.items() if reward_id not in found]
    return found | issue_coupons(session, app_id=app_id, plans=new)


def issue_coupons(session: Session, *, app_id: int, plans: Sequence[Plan]) -> dict[str, HeldCoupon]:
    """Make the coupons of rewards that have just been released, each with a code that is unique within the app.

    The unique key decides; a code that is taken already, or was taken at the same moment, is drawn anew.
    """
    if not plans:
        return {}
    terms = terms_of(session, app_id=app_id, versions={(plan.reward.program_id, plan.reward.version) for plan in plans})
    missing = {plan.reward.id: (plan, terms[plan.reward.program_id, plan.reward.version].currency) for plan in plans}
    made: dict[str, HeldCoupon] = {}
    for _ in range(ATTEMPTS_MAX):
        drawn = {reward_id: _draw(plan, currency) for reward_id, (plan, currency) in missing.items()}
        written = insert_coupons(session, app_id=app_id, new=list(drawn.values()))
        made |= {reward_id: drawn[reward_id] for reward_id in written}
        missing = {reward_id: rest for reward_id, rest in missing.items() if reward_id not in written}
        if not missing:
            return made
    raise RuntimeError("No free code was found in many attempts; the random generator must be broken.")


def _draw(plan: Plan, currency: str) -> HeldCoupon:
    reward, give = plan.reward, plan.rules.coupon
    assert give is not None
    assert reward.released_at is not None
    text = _clean_text(give)
    return HeldCoupon(
        id=new_id("cpn"),
        reward_id=reward.id,
        text=text,
        folded=fold(text) or "",
        percent_off_hundredths=hundredths(give.percent_off),
        amount_off_minor=give.amount_off_minor,
        currency=currency,
        valid_from=begins(give, released_at=reward.released_at),
        valid_until=reward.expires_at,
        state=ACTIVE,
        redeemed_order=None,
        redeemed_at=None,
    )


def _clean_text(give: Coupon) -> str:
    text = new_text(give)
    # The prefix is whoever wrote the terms' own business.
    while is_offensive(text.rpartition("-")[2]):
        text = new_text(give)
    return text
