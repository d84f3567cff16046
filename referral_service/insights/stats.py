"""A program's funnel: clicks, claims, conversions, rewards.

Counted from the rows themselves, each by its index, within a bounded span of time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any, cast

from sqlalchemy import ColumnElement, Select, Table, bindparam, case, func, select
from sqlalchemy.orm import Session

from referral_service.insights.count_clicks import count_clicks
from referral_service.insights.span import Span
from referral_service.kit.db.base import UtcDateTime
from referral_service.referrals.store import conversions, referrals
from referral_service.rewards.models import Reward

rewards = cast(Table, Reward.__table__)

# A channel is a word in a link, and anybody can write links: the busiest are told.
CHANNELS_MAX = 50
REVERSED = "reversed"


def _in_span(table: Table, moment: ColumnElement[Any]) -> list[ColumnElement[bool]]:
    start, end = bindparam("start", type_=UtcDateTime()), bindparam("end", type_=UtcDateTime())
    return [table.c.app_id == bindparam("app_id"), moment >= start, moment <= end]


def _by_day(moment: ColumnElement[Any], *more: ColumnElement[Any]) -> Select[Any]:
    # Every session speaks UTC (see engines.py), so this is the day in UTC on both databases.
    day = func.date(moment)
    return select(day.label("day"), func.count().label("times"), *more).group_by(day)


CLAIMS = _by_day(referrals.c.claimed_at).where(
    *_in_span(referrals, referrals.c.claimed_at),
    referrals.c.program_id == bindparam("program_id"),
    ~referrals.c.is_refused_claim,
)
CONVERSIONS = (
    _by_day(conversions.c.occurred_at, func.sum(case((conversions.c.state == REVERSED, 1), else_=0)).label("reversed"))
    .join(referrals, (referrals.c.app_id == conversions.c.app_id) & (referrals.c.id == conversions.c.referral_id))
    .where(*_in_span(conversions, conversions.c.occurred_at), referrals.c.program_id == bindparam("program_id"))
)
REWARDS = (
    select(rewards.c.state, func.count().label("times"))
    .where(*_in_span(rewards, rewards.c.created_at), rewards.c.program_id == bindparam("program_id"))
    .group_by(rewards.c.state)
    .order_by(rewards.c.state)
)


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
    asked = {"app_id": app_id, "program_id": program_id, "start": span.start, "end": span.end}
    days: dict[str, dict[str, int]] = defaultdict(lambda: dict.fromkeys(("clicks", "claims", "conversions"), 0))
    taken_back = 0
    clicked = count_clicks(session, app_id=app_id, program_id=program_id, span=span)
    for day, count in clicked.by_day.items():
        days[day]["clicks"] = count
    for name, statement in (("claims", CLAIMS), ("conversions", CONVERSIONS)):
        for row in session.execute(statement, asked):
            # SQLite gives a text, PostgreSQL a date, and both are written alike.
            days[str(row.day)][name] = row.times
            taken_back += row.reversed if name == "conversions" else 0
    return {
        "clicks": sum(day["clicks"] for day in days.values()),
        "claims": sum(day["claims"] for day in days.values()),
        "conversions": sum(day["conversions"] for day in days.values()),
        "reversed": taken_back,
        "rewards": {row.state: row.times for row in session.execute(REWARDS, asked)},
        "by_day": [{"day": day, **counts} for day, counts in sorted(days.items())],
        "by_channel": [{"channel": channel, "clicks": count} for channel, count in _busiest(clicked.by_channel)],
    }


def _busiest(channels: Mapping[str | None, int]) -> list[tuple[str | None, int]]:
    """The busiest channels first; of equal ones by name, and those without a name last."""
    in_order = sorted(channels.items(), key=lambda item: (-item[1], item[0] is None, item[0] or ""))
    return in_order[:CHANNELS_MAX]
