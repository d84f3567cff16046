"""A coupon as others see it, beside its reward and on its own."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from referral_service.kit.clock import format_rfc3339
from referral_service.rewards.coupons.policy import HeldCoupon, standing, why_invalid
from referral_service.rewards.document import RewardLike


def coupon_document(coupon: HeldCoupon, *, state: str | None = None) -> dict[str, Any]:
    """Return the coupon as a reward's document shows it; `state` where another one than the stored is to be told."""
    return {
        "code": coupon.text,
        "percent_off": _percent(coupon.percent_off_hundredths),
        "amount_off_minor": coupon.amount_off_minor,
        "currency": coupon.currency,
        "valid_from": format_rfc3339(coupon.valid_from),
        "valid_until": coupon.valid_until and format_rfc3339(coupon.valid_until),
        "state": state or coupon.state,
    }


def coupon_told(reward: RewardLike, coupon: HeldCoupon | None) -> dict[str, Any] | None:
    """Return the coupon as it stood when its reward stood like this; None before the release."""
    if coupon is None or reward.released_at is None:
        return None
    return coupon_document(coupon, state=standing(reward.state, is_used=coupon.is_used))


def own_document(coupon: HeldCoupon, reward: RewardLike, *, now: datetime) -> dict[str, Any]:
    """Return the coupon as `GET /v1/coupons/{code}` tells it, with its recipient's `cus_` id as `customer_id`."""
    reason = why_invalid(coupon, now=now)
    return {
        **coupon_document(coupon),
        "valid": reason is None,
        "reason": reason,
        "customer_id": reward.recipient_id,
        "reward_id": reward.id,
        "program_id": reward.program_id,
        "redeemed_order": coupon.redeemed_order,
        "redeemed_at": coupon.redeemed_at and format_rfc3339(coupon.redeemed_at),
    }


def _percent(hundredths: int | None) -> str | None:
    return None if hundredths is None else f"{hundredths // 100}.{hundredths % 100:02}"
