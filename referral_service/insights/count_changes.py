"""How many claims, conversions and rewards a program had within a span of time: from the counters, and what is not in
them yet."""

from __future__ import annotations

from collections import Counter as Tally
from datetime import date
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, Table, bindparam, func, select
from sqlalchemy.orm import Session

from referral_service.insights import tally_changes, tally_conversions
from referral_service.insights.add_up import Cell, counters
from referral_service.insights.span import Span, parts_of_days, whole_days
from referral_service.insights.tally_changes import CLAIMS, REWARDS
from referral_service.insights.tally_conversions import CONVERSIONS
from referral_service.kit.db.base import UtcDateTime
from referral_service.referrals.store import conversions, referrals
from referral_service.rewards.store import rewards

_OF_DAYS = (
    counters.c.app_id == bindparam("app_id"),
    counters.c.program_id == bindparam("program_id"),
    counters.c.day >= bindparam("first"),
    counters.c.day <= bindparam("last"),
)
COUNTED_BY_DAY = select(counters.c.name, counters.c.day, counters.c.key, counters.c.value).where(
    *_OF_DAYS, counters.c.name.in_([CLAIMS, CONVERSIONS])
)
COUNTED_REWARDS = (
    select(counters.c.key, func.sum(counters.c.value))
    .where(*_OF_DAYS, counters.c.name == REWARDS)
    .group_by(counters.c.key)
)


def _in_part(moment: ColumnElement[Any], table: Table, *key: ColumnElement[Any]) -> Select[Any]:
    # Every session speaks UTC (kit/db/engines.py), so this is the day in UTC on both databases.
    day = func.date(moment).label("day")
    start, end = bindparam("start", type_=UtcDateTime()), bindparam("end", type_=UtcDateTime())
    return (
        select(day, *key, func.count())
        .where(table.c.app_id == bindparam("app_id"), moment >= start, moment <= end)
        .group_by(day, *key)
    )


CLAIMS_OF_PART = _in_part(referrals.c.claimed_at, referrals).where(
    referrals.c.program_id == bindparam("program_id"), ~referrals.c.is_refused_claim
)
CONVERSIONS_OF_PART = (
    _in_part(conversions.c.occurred_at, conversions, conversions.c.state)
    .join(referrals, (referrals.c.app_id == conversions.c.app_id) & (referrals.c.id == conversions.c.referral_id))
    .where(referrals.c.program_id == bindparam("program_id"))
)
REWARDS_OF_PART = _in_part(rewards.c.created_at, rewards, rewards.c.state).where(
    rewards.c.program_id == bindparam("program_id")
)


class Counted(NamedTuple):
    """Claims and conversions by day (`2026-03-01`, UTC), all conversions by state, and rewards by state."""

    claims: Tally[str]
    conversions: Tally[str]
    conversions_in: Tally[str]
    rewards: Tally[str]

    def add(self, cell: Cell, count: int) -> None:
        if cell.name == CLAIMS:
            self.claims[cell.day] += count
        elif cell.name == CONVERSIONS:
            self.conversions[cell.day] += count
            self.conversions_in[cell.key] += count
        else:
            self.rewards[cell.key] += count


def count_changes(session: Session, *, app_id: int, program_id: str, span: Span) -> Counted:
    """Count what happened within the span, in the states in which it stands now.

    A day that lies in it as a whole is read from the counters, so it costs the same however much there was; to these
    comes what the worker has not counted yet. Only the part of a day is counted from the rows themselves.
    """
    found = Counted(Tally(), Tally(), Tally(), Tally())
    whole = whole_days(span)
    if whole is not None:
        _add_days(found, session, app_id, program_id, whole.start.date(), whole.end.date())
    asked = {"app_id": app_id, "program_id": program_id}
    for part in parts_of_days(span, whole):
        edges = asked | {"start": part.start, "end": part.end}
        for day, count in session.execute(CLAIMS_OF_PART, edges):
            found.add(Cell(program_id, CLAIMS, str(day), ""), count)
        for name, statement in ((CONVERSIONS, CONVERSIONS_OF_PART), (REWARDS, REWARDS_OF_PART)):
            for day, state, count in session.execute(statement, edges):
                # SQLite gives a text, PostgreSQL a date, and both are written alike.
                found.add(Cell(program_id, name, str(day), state), count)
    return found


def _add_days(found: Counted, session: Session, app_id: int, program_id: str, first: date, last: date) -> None:
    asked = {"app_id": app_id, "program_id": program_id, "first": first, "last": last}
    for name, day, key, count in session.execute(COUNTED_BY_DAY, asked):
        found.add(Cell(program_id, name, str(day), key), count)
    for state, count in session.execute(COUNTED_REWARDS, asked):
        found.rewards[state] += int(count)
    for room in (tally_changes, tally_conversions):
        for cell, count in room.not_counted_yet(session, app_id=app_id, program_id=program_id).items():
            # Written so, days sort as texts.
            if str(first) <= cell.day <= str(last):
                found.add(cell, count)
