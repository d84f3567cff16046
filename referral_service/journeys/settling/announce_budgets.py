"""Tell an app that the budget of a program runs low, or has run out."""

from __future__ import annotations

from collections.abc import Mapping

from referral_service.notifications.announce import Change
from referral_service.rewards.limits import BudgetRoom

FULLNESS = ("ample", "low", "exhausted")
TYPES = {"low": "program.budget_low", "exhausted": "program.budget_exhausted"}


def budget_changes(budgets: Mapping[str, BudgetRoom]) -> list[Change]:
    """Bring each budget to its present level; gives what is to be announced.

    A level that was told is kept until the budget itself is changed, so that each is told once.
    """
    changes = []
    for program_id, room in sorted(budgets.items()):
        is_new = room.level not in FULLNESS
        before, after = FULLNESS[0] if is_new else room.level, room.level_now()
        if FULLNESS.index(after) <= FULLNESS.index(before) and not is_new:
            continue
        room.level, room.is_changed = after, True
        if after == FULLNESS[0]:
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
