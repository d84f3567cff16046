"""Redeem a coupon: one order, once."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import update
from sqlalchemy.orm import Session

from referral_service.kit.clock import format_rfc3339
from referral_service.kit.errors import Problem
from referral_service.rewards.carry_out import carry_out
from referral_service.rewards.coupons.policy import ACTIVE, REDEEMED, HeldCoupon, Verdict, judge
from referral_service.rewards.coupons.store import coupon_by_code, coupons
from referral_service.rewards.errors import CouponExpired, CouponNotYetValid, CouponRedeemed, CouponRevoked
from referral_service.rewards.plan import spend
from referral_service.rewards.read_rewards import lock_reward, read_reward
from referral_service.rewards.steps import Holding
from referral_service.rewards.stored_rules import stored_rules

_PROBLEMS: dict[Verdict, type[Problem]] = {
    "redeemed": CouponRedeemed,
    "revoked": CouponRevoked,
    "expired": CouponExpired,
    "not_yet_valid": CouponNotYetValid,
}


def redeem_coupon(
    session: Session, *, app_id: int, code: str, order_id: str, now: datetime
) -> tuple[HeldCoupon, Holding]:
    """Use the coupon for an order; return it with its reward. The same order again gets the same answer.

    `now` is business time. Raises CouponNotFound, CouponRedeemed, CouponRevoked, CouponExpired and CouponNotYetValid.
    """
    coupon = coupon_by_code(session, app_id=app_id, code=code)
    if judge(coupon, order_id=order_id, now=now) == "again":
        return coupon, read_reward(session, app_id=app_id, reward_id=coupon.reward_id)
    # Whatever else becomes of a coupon (an end, a claw-back, another order) happens under the lock of its reward. The
    # coupon is read anew: the first reading only told which reward that is.
    reward = lock_reward(session, app_id=app_id, reward_id=coupon.reward_id)
    coupon = coupon_by_code(session, app_id=app_id, code=code)
    verdict = judge(coupon, order_id=order_id, now=now)
    if verdict == "again":
        return coupon, reward
    if verdict != "redeem":
        raise _PROBLEMS[verdict](_told(coupon, verdict))
    if not _marked(session, coupon, app_id=app_id, order_id=order_id, now=now):
        raise CouponRedeemed
    plan = spend(reward, stored_rules(session, app_id=app_id, rewards=[reward])[reward.id], reason="used", now=now)
    carry_out(session, app_id=app_id, plans=[plan], now=now)
    return coupon, plan.reward


def _marked(session: Session, coupon: HeldCoupon, *, app_id: int, order_id: str, now: datetime) -> bool:
    """Put the order on the coupon, unless one is there: of all who try, the database lets one through."""
    coupon.state, coupon.redeemed_order, coupon.redeemed_at = REDEEMED, order_id, now
    statement = (
        update(coupons)
        .where(
            coupons.c.app_id == app_id,
            coupons.c.id == coupon.id,
            coupons.c.state == ACTIVE,
            coupons.c.redeemed_order.is_(None),
        )
        .values(state=REDEEMED, redeemed_order=order_id, redeemed_at=now)
        .returning(coupons.c.id)
    )
    return session.execute(statement).one_or_none() is not None


def _told(coupon: HeldCoupon, verdict: Verdict) -> str | None:
    match verdict:
        case "not_yet_valid":
            return f"It is valid from {format_rfc3339(coupon.valid_from)}."
        case "expired" if coupon.valid_until is not None:
            return f"It was valid until {format_rfc3339(coupon.valid_until)}."
        case _:
            return None
