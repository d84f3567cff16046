"""The types of notifications, and the filters by which an endpoint chooses among them. Pure."""

from __future__ import annotations

from collections.abc import Collection

TEST = "endpoint.test"
ENABLED_TYPE, DISABLED_TYPE = "endpoint.enabled", "endpoint.disabled"
EVENT_TYPES = (
    "referral.created",
    "referral.converted",
    "referral.rejected",
    "referral.expired",
    "referral.reversed",
    "referral.under_review",
    "referral.approved",
    "reward.created",
    "reward.under_review",
    "reward.approved",
    "reward.offered",
    "reward.available",
    "reward.redeemed",
    "reward.expired",
    "reward.voided",
    "reward.clawed_back",
    "reward.capped",
    "reward.restored",
    "balance.changed",
    "program.budget_low",
    "program.budget_exhausted",
    ENABLED_TYPE,
    DISABLED_TYPE,
)
EVERYTHING = "*"
_GROUPS = sorted({name.partition(".")[0] for name in EVENT_TYPES})
FILTERS = frozenset({EVERYTHING, *EVENT_TYPES, *(f"{group}.*" for group in _GROUPS)})


def filter_fault(wanted: str) -> str | None:
    """Say what is wrong with a filter, or return None: `reward.available`, `reward.*` or `*`."""
    if wanted in FILTERS:
        return None
    groups = ", ".join(f"{group}.*" for group in _GROUPS)
    return f"Must be a type of notification such as reward.available, a group ({groups}), or * for all."


def is_wanted(filters: Collection[str], event_type: str) -> bool:
    """Tell whether one of an endpoint's filters lets a type through."""
    return EVERYTHING in filters or event_type in filters or f"{event_type.partition('.')[0]}.*" in filters
