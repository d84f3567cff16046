"""What can be wrong with a call about rewards."""

from __future__ import annotations

from referral_service.kit.errors import NotFound


class RewardNotFound(NotFound):
    code, status = "reward_not_found", 404
    title = "There is no such reward."
    remedy = "Check the id, and that the key belongs to the app the reward was granted in."
