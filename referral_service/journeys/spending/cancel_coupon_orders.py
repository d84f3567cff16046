"""An order that used a coupon was cancelled: by its terms, the coupon is burned, or there again."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from referral_service.programs.terms.gives import Coupon
from referral_service.rewards.carry_out import carry_out
from referral_service.rewards.coupons.policy import REDEEMED, HeldCoupon, standing
from referral_service.rewards.coupons.store import coupon_by_code, coupons, coupons_of, update_coupons
from referral_service.rewards.errors import CouponRedeemed
from referral_service.rewards.plan import unspend
from referral_service.rewards.policy import REDEEMED as REWARD_REDEEMED
from referral_service.rewards.policy import Rules
from referral_service.rewards.read_rewards import lock_rewards, read_reward
from referral_service.rewards.steps import Holding
from referral_service.rewards.stored_rules import stored_rules


def cancel_coupon_order(
    session: Session, *, app_id: int, code: str, order_id: str, now: datetime
) -> tuple[HeldCoupon, Holding]:
    """Say that the order which used this coupon was cancelled; return the coupon as it stands now, with its reward.

    A coupon that no order holds stays as it is, so saying it again changes nothing. Raises CouponNotFound, and
    CouponRedeemed where another order holds it.
    """
    coupon = coupon_by_code(session, app_id=app_id, code=code)
    _give_back(session, app_id=app_id, reward_ids=[coupon.reward_id], orders={order_id}, now=now)
    coupon = coupon_by_code(session, app_id=app_id, code=code)
    if coupon.is_used and coupon.redeemed_order != order_id:
        raise CouponRedeemed
    return coupon, read_reward(session, app_id=app_id, reward_id=coupon.reward_id)


def restore_coupons_of_cancelled(
    session: Session, *, app_id: int, order_names: Collection[str], now: datetime
) -> list[str]:
    """Give back the coupons that these orders used, where their terms say so; return the ids of their rewards.

    `order_names` are all names of orders that were refunded in full; one look-up by an index where no coupon is theirs.
    """
    if not order_names:
        return []
    reward_ids = session.scalars(
        select(coupons.c.reward_id).where(
            coupons.c.app_id == app_id,
            coupons.c.redeemed_order.in_(sorted(order_names)),
            coupons.c.state == REDEEMED,
        )
    ).all()
    return _give_back(session, app_id=app_id, reward_ids=reward_ids, orders=frozenset(order_names), now=now)


def _give_back(
    session: Session, *, app_id: int, reward_ids: Collection[str], orders: Collection[str], now: datetime
) -> list[str]:
    locked = lock_rewards(session, app_id=app_id, reward_ids=reward_ids)
    rules = stored_rules(session, app_id=app_id, rewards=locked)
    # Read under the lock of the rewards: the order may have been another a moment ago.
    held = coupons_of(session, app_id=app_id, reward_ids=[reward.id for reward in locked])
    back = [reward for reward in locked if held[reward.id].redeemed_order in orders and _is_restored(rules[reward.id])]
    for reward in back:
        coupon = held[reward.id]
        coupon.redeemed_order = coupon.redeemed_at = None
        # One whose reward was taken back meanwhile is nobody's any more: it is not used, but revoked.
        coupon.state = standing(reward.state, is_used=False)
    update_coupons(session, app_id=app_id, changed=[held[reward.id] for reward in back])
    plans = [
        unspend(reward, rules[reward.id], reason="order_cancelled", now=now)
        for reward in back
        if reward.state == REWARD_REDEEMED
    ]
    carry_out(session, app_id=app_id, plans=plans, now=now)
    return [reward.id for reward in back]


def _is_restored(rules: Rules) -> bool:
    give: Coupon | None = rules.coupon
    return give is not None and give.on_order_cancelled == "restore"
