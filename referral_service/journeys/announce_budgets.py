"""Tell an app that the budget of a program runs low, or has run out."""

from __future__ import annotations

from collections.abc import Mapping

from referral_service.notifications.announce import Change
from referral_service.rewards.limits import BudgetRoom

FULLNESS = ("ample", "low", "exhausted")
TYPES = {"low": "program.budget_low", "exhausted": "program.budget_exhausted"}


def budget_changes(budgets: Mapping[str, BudgetRoom]) -> list[Change]:
    """Bring each budget to its present level; gives what is to be announced: it only tells when one gets fuller."""
    changes = []
    for program_id, room in sorted(budgets.items()):
        before, after = room.level if room.level in FULLNESS else FULLNESS[0], room.level_now()
        if room.level == after:
            continue
        room.level, room.is_changed = after, True
        if FULLNESS.index(after) <= FULLNESS.index(before):
            continue
        room.sequence += 1
        changes.append(
            Change(
                type=TYPES[after],
                object_id=program_id,
                sequence=room.sequence,
                previous_state=before,
                state=after,
                reason=None,
                object={
                    "program_id": program_id,
                    "budget": {"amount_minor": room.limit_minor, "count": room.limit_count},
                    "used": {"amount_minor": room.used_minor, "count": room.used_count},
                },
            )
        )
    return changes
