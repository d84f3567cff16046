"""What a coupon is, where it stands, and whether an order may redeem it. Pure.

A coupon follows its reward: it is made when the reward is released, ends with it and is revoked with it. Only one thing
comes from the coupon itself, the order that used it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal

from referral_service.kit.ids import random_text
from referral_service.programs.terms.gives import Coupon
from referral_service.rewards import policy as rewards

ACTIVE, REDEEMED, EXPIRED, REVOKED = "active", "redeemed", "expired", "revoked"
STATES = (ACTIVE, REDEEMED, EXPIRED, REVOKED)
# 40 bits: whoever tries codes at random meets one of a million coupons in a million tries.
RANDOM_CHARACTERS = 8

REASONS = ("coupon_redeemed", "coupon_revoked", "coupon_expired", "coupon_not_yet_valid")
Verdict = Literal["redeem", "again", "redeemed", "revoked", "expired", "not_yet_valid"]


@dataclass(slots=True)
class HeldCoupon:
    """A coupon as it is stored; the fields are the columns of `coupons`. `valid_until` None: without end."""

    id: str
    reward_id: str
    text: str
    folded: str
    percent_off_hundredths: int | None
    amount_off_minor: int | None
    currency: str
    valid_from: datetime
    valid_until: datetime | None
    state: str
    redeemed_order: str | None
    redeemed_at: datetime | None

    @property
    def is_used(self) -> bool:
        return self.redeemed_order is not None

    def is_over(self, now: datetime) -> bool:
        """Whether its end has come, also while the worker has not yet marked it as expired."""
        return self.valid_until is not None and self.valid_until <= now


def standing(reward_state: str, *, is_used: bool) -> str:
    """The state of a coupon by that of its released reward; a used one stays redeemed whatever becomes of that."""
    if is_used:
        return REDEEMED
    match reward_state:
        case rewards.CLAWED_BACK:
            return REVOKED
        case rewards.EXPIRED:
            return EXPIRED
        case _:
            return ACTIVE


def judge(coupon: HeldCoupon, *, order_id: str, now: datetime) -> Verdict:
    """Whether `order_id` may redeem the coupon at `now`, has done so already, or why not.

    What somebody was told last comes first: a coupon that was used says so, also when its time is over.
    """
    if coupon.is_used:
        return "again" if coupon.redeemed_order == order_id else "redeemed"
    if coupon.state == REVOKED:
        return "revoked"
    if coupon.state == EXPIRED or coupon.is_over(now):
        return "expired"
    return "redeem" if coupon.valid_from <= now else "not_yet_valid"


def why_invalid(coupon: HeldCoupon, *, now: datetime) -> str | None:
    """Why no order may redeem the coupon now, as the code of the problem; None where one may."""
    verdict = judge(coupon, order_id="", now=now)
    return None if verdict == "redeem" else f"coupon_{verdict}"


def begins(give: Coupon, *, released_at: datetime) -> datetime:
    """When a coupon is valid from: the fixed time of its terms, or its release."""
    return give.valid_from or released_at


def hundredths(percent: Decimal | None) -> int | None:
    """A percentage in hundredths of a percent: 15.00 is 1500."""
    return None if percent is None else int(percent * 100)


def new_text(give: Coupon) -> str:
    """Return a random text for a coupon, as it is shown: `FRIEND-7Q2M4XTD`, or `7Q2M4XTD` without a prefix."""
    body = random_text(RANDOM_CHARACTERS)
    return body if give.prefix is None else f"{give.prefix}-{body}"
