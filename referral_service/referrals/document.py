"""A referral as others see it: the shape of `GET /v1/referrals/{id}` and of what its notifications carry."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Protocol

from referral_service.kit.clock import format_rfc3339


class ReferralLike(Protocol):
    """A stored referral: a row of `referrals` or a `ReferralRow`."""

    id: str
    program_id: str
    version: int
    referrer_id: str
    referee_id: str
    state: str
    reason: str | None
    claimed_at: datetime
    converted_at: datetime | None
    deadline_at: datetime


def referral_document(referral: ReferralLike) -> dict[str, Any]:
    """Return the referral with `cus_` ids as `customer_id`; the app's own ids are joined when it is read."""
    return {
        "id": referral.id,
        "program_id": referral.program_id,
        "program_version": referral.version,
        "state": referral.state,
        "reason": referral.reason,
        "referrer": {"customer_id": referral.referrer_id},
        "referee": {"customer_id": referral.referee_id},
        "claimed_at": format_rfc3339(referral.claimed_at),
        "converted_at": referral.converted_at and format_rfc3339(referral.converted_at),
        "expires_at": format_rfc3339(referral.deadline_at),
    }
