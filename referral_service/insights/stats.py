"""A program's funnel: clicks, claims, conversions, rewards.

Counted from the rows themselves, each by its index, within a bounded span of time.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any, cast

from sqlalchemy import ColumnElement, Select, Table, bindparam, case, func, select
from sqlalchemy.orm import Session

from referral_service.clicks.models import Click
from referral_service.insights.span import Span
from referral_service.kit.db.base import UtcDateTime
from referral_service.referrals.store import conversions, referrals
from referral_service.rewards.models import Reward

clicks = cast(Table, Click.__table__)
rewards = cast(Table, Reward.__table__)

# A channel is a word in a link, and anybody can write links: the busiest are told.
CHANNELS_MAX = 50
PERSON, REVERSED = "person", "reversed"


def _in_span(table: Table, moment: ColumnElement[Any]) -> list[ColumnElement[bool]]:
    start, end = bindparam("start", type_=UtcDateTime()), bindparam("end", type_=UtcDateTime())
    return [table.c.app_id == bindparam("app_id"), moment >= start, moment <= end]


def _by_day(moment: ColumnElement[Any], *more: ColumnElement[Any]) -> Select[Any]:
    # Every session speaks UTC (see engines.py), so this is the day in UTC on both databases.
    day = func.date(moment)
    return select(day.label("day"), func.count().label("times"), *more).group_by(day)


_CLICKED = (*_in_span(clicks, clicks.c.at), clicks.c.program_id == bindparam("program_id"), clicks.c.kind == PERSON)
CLICKS = _by_day(clicks.c.at).where(*_CLICKED)
CHANNELS = (
    select(clicks.c.channel, func.count().label("clicks"))
    .where(*_CLICKED)
    .group_by(clicks.c.channel)
    .order_by(func.count().desc(), clicks.c.channel.asc().nulls_last())
    .limit(CHANNELS_MAX)
)
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
    for name, statement in (("clicks", CLICKS), ("claims", CLAIMS), ("conversions", CONVERSIONS)):
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
        "by_channel": [{"channel": row.channel, "clicks": row.clicks} for row in session.execute(CHANNELS, asked)],
    }
