"""A reward as others see it: the shape of `GET /v1/rewards/{id}` and of what its notifications carry."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Protocol

from referral_service.kit.clock import format_rfc3339

MONEY_KINDS = frozenset({"credit", "percent"})


class RewardLike(Protocol):
    """A stored reward: a row of `rewards` or a `Holding`."""

    id: str
    program_id: str
    referral_id: str | None
    recipient_id: str
    reward_key: str
    side: str
    ordinal: int
    state: str
    reason: str | None
    kind: str
    unit: str
    granted: int
    reversed: int
    badge: str | None
    hold_ends_at: datetime
    accept_by: datetime | None
    expires_at: datetime | None
    released_at: datetime | None
    created_at: datetime


def reward_document(reward: RewardLike, coupon: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return the reward with its recipient's `cus_` id as `customer_id`; the app's own id is joined when it is read.

    `coupon` is the document of the coupon that it gave (`coupons.follow.coupon_told`), once it is released.
    """
    return {
        "id": reward.id,
        "key": reward.reward_key,
        "side": reward.side,
        "state": reward.state,
        "kind": reward.kind,
        "reason": reward.reason,
        "badge": reward.badge,
        "ordinal": reward.ordinal,
        "amount": _quantity(reward, reward.granted),
        "reversed": _quantity(reward, reward.reversed),
        "customer_id": reward.recipient_id,
        "referral_id": reward.referral_id,
        "program_id": reward.program_id,
        "hold_ends_at": format_rfc3339(reward.hold_ends_at),
        "accept_by": reward.accept_by and format_rfc3339(reward.accept_by),
        "expires_at": reward.expires_at and format_rfc3339(reward.expires_at),
        "created_at": format_rfc3339(reward.created_at),
        "coupon": coupon,
    }


def _quantity(reward: RewardLike, amount: int) -> dict[str, Any]:
    if reward.kind in MONEY_KINDS:
        return {"amount_minor": amount, "currency": reward.unit}
    return {"quantity": amount, "unit": reward.unit}
