"""A coupon as others see it, beside its reward and on its own."""

from __future__ import annotations

from typing import Any

from referral_service.kit.clock import format_rfc3339
from referral_service.rewards.coupons.policy import HeldCoupon


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


def _percent(hundredths: int | None) -> str | None:
    return None if hundredths is None else f"{hundredths // 100}.{hundredths % 100:02}"
