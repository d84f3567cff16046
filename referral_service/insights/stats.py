"""A program's funnel: clicks, claims, conversions, rewards.

Read from the numbers that the worker keeps by day, and from what it has not counted yet.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from referral_service.insights.count_changes import count_changes
from referral_service.insights.count_clicks import count_clicks
from referral_service.insights.span import Span
from referral_service.referrals.policy import REVERSED

# A channel is a word in a link, and anybody can write links: the busiest are told.
CHANNELS_MAX = 50


def stats(session: Session, *, app_id: int, program_id: str, span: Span) -> dict[str, Any]:
    """Return the document of `GET /v1/programs/{id}/stats`, over what happened within `span`.

    - `clicks`: visits of people through share links; `by_channel` divides them, the busiest 50 channels first.
    - `claims`: claims that were accepted, by when they were made, whatever became of them since.
    - `conversions`: by when they happened, whatever became of them since; `reversed`: how many of these stand
      reversed now.
    - `rewards`: those granted (or recorded as capped), by the state each is in now; states that none is in are left
      out.
    - `by_day`: the same by days in UTC; days on which nothing happened are left out.
    """
    clicked = count_clicks(session, app_id=app_id, program_id=program_id, span=span)
    changed = count_changes(session, app_id=app_id, program_id=program_id, span=span)
    by_day = {"clicks": clicked.by_day, "claims": changed.claims, "conversions": changed.conversions}
    days = sorted({day for counts in by_day.values() for day, count in counts.items() if count})
    return {
        **{name: sum(counts.values()) for name, counts in by_day.items()},
        "reversed": changed.conversions_in[REVERSED],
        "rewards": {state: count for state, count in sorted(changed.rewards.items()) if count},
        "by_day": [{"day": day, **{name: counts[day] for name, counts in by_day.items()}} for day in days],
        "by_channel": [{"channel": channel, "clicks": count} for channel, count in _busiest(clicked.by_channel)],
    }


def _busiest(channels: Mapping[str | None, int]) -> list[tuple[str | None, int]]:
    """The busiest channels first; of equal ones by name, and those without a name last."""
    in_order = sorted(channels.items(), key=lambda item: (-item[1], item[0] is None, item[0] or ""))
    return in_order[:CHANNELS_MAX]
