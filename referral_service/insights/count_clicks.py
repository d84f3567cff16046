"""How many people followed a program's links within a span of time: from the counters, and what is not in them yet."""

from __future__ import annotations

from collections import Counter as Tally
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import FromClause, Select, bindparam, func, select
from sqlalchemy.orm import Session

from referral_service.clicks.bots import PERSON
from referral_service.insights.add_up import counters
from referral_service.insights.span import Span, parts_of_days, whole_days
from referral_service.insights.tally_clicks import CLICKS, OTHER_CHANNELS, clicks, counted_to
from referral_service.kit.db.base import UtcDateTime

# Under more than this, in one span, none is among the busiest.
_CHANNELS_READ_MAX = 1_000
# More than there can be: no limit, but for whoever plans the statement.
_CLICKS_READ_MAX = 10**12

_OF_DAYS = (
    counters.c.app_id == bindparam("app_id"),
    counters.c.program_id == bindparam("program_id"),
    counters.c.name == CLICKS,
    counters.c.day >= bindparam("first"),
    counters.c.day <= bindparam("last"),
)
_VALUE = func.sum(counters.c.value)
COUNTED_BY_DAY = select(counters.c.day, _VALUE).where(*_OF_DAYS).group_by(counters.c.day)
COUNTED_BY_CHANNEL = (
    select(counters.c.key, _VALUE)
    .where(*_OF_DAYS)
    .group_by(counters.c.key)
    .order_by(_VALUE.desc(), counters.c.key)
    .limit(_CHANNELS_READ_MAX)
)
# Taken first, in the order of their ids and so by these alone: SQLite would rather read all clicks of the span.
_LATEST = (
    select(clicks)
    .where(clicks.c.app_id == bindparam("app_id"), clicks.c.id > bindparam("counted_to"))
    .order_by(clicks.c.id)
    .limit(_CLICKS_READ_MAX)
    .subquery()
)


def _rows(table: FromClause) -> Select[Any]:
    # Every session speaks UTC (kit/db/engines.py), so this is the day in UTC on both databases.
    day = func.date(table.c.at)
    return (
        select(day, table.c.channel, func.count())
        .where(
            table.c.app_id == bindparam("app_id"),
            table.c.program_id == bindparam("program_id"),
            table.c.kind == PERSON,
            table.c.at >= bindparam("start", type_=UtcDateTime()),
            table.c.at <= bindparam("end", type_=UtcDateTime()),
        )
        .group_by(day, table.c.channel)
    )


NOT_COUNTED_YET = _rows(_LATEST)
OF_PART_OF_A_DAY = _rows(clicks).where(clicks.c.id <= bindparam("counted_to"))


class Clicks(NamedTuple):
    """Visits by day (`2026-03-01`, UTC) and by channel (None: the link named none)."""

    by_day: Tally[str]
    by_channel: Tally[str | None]


def count_clicks(session: Session, *, app_id: int, program_id: str, span: Span) -> Clicks:
    """Count the visits of people within the span.

    A day that lies in it as a whole is read from the counters, so it costs the same however many there were; to these
    come the last minutes, which nobody has counted yet. Only the part of a day is counted from the clicks themselves,
    as long as they are kept.
    """
    found = Clicks(Tally(), Tally())
    asked = {"app_id": app_id, "program_id": program_id}
    whole = whole_days(span)
    if whole is not None:
        days = {"first": whole.start.date(), "last": whole.end.date()}
        for day, count in session.execute(COUNTED_BY_DAY, asked | days):
            found.by_day[str(day)] += int(count)
        for channel, count in session.execute(COUNTED_BY_CHANNEL, asked | days):
            if channel != OTHER_CHANNELS:
                found.by_channel[channel or None] += int(count)
    last_id = counted_to(session, app_id=app_id)
    _add(found, session.execute(NOT_COUNTED_YET, asked | _edges(span) | {"counted_to": last_id}))
    if last_id:
        for part in parts_of_days(span, whole):
            _add(found, session.execute(OF_PART_OF_A_DAY, asked | _edges(part) | {"counted_to": last_id}))
    return found


def _add(found: Clicks, rows: Any) -> None:
    for day, channel, count in rows:
        # SQLite gives a text, PostgreSQL a date, and both are written alike.
        found.by_day[str(day)] += count
        found.by_channel[channel] += count


def _edges(span: Span) -> dict[str, datetime]:
    return {"start": span.start, "end": span.end}
