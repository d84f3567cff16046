"""Count clicks into days, and drop them once they are old: what is kept for ever is a few numbers a day.

A click's id says when it was made, and ids sort by that; so what has been counted is told apart by one id.
"""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple, cast

from sqlalchemy import Table, bindparam, delete, select, update
from sqlalchemy.orm import Session

from referral_service.clicks.bots import PERSON
from referral_service.clicks.models import Click
from referral_service.insights.add_up import Cell, add_up, counters
from referral_service.insights.models import ClickTally
from referral_service.kit.db.upsert import insert_unless_there
from referral_service.kit.ids import first_id_at

CLICKS = "clicks"
# No link can name a channel like this one: what is neither "no channel" nor one of the first of its day.
OTHER_CHANNELS = "…"
CHANNELS_A_DAY_MAX = 200
# A click is written a tenth of a second after it is made; or seconds after a database that was away is back.
SETTLED_AFTER = timedelta(minutes=1)
BATCH_MAX = 5_000

clicks = cast(Table, Click.__table__)
tallies = cast(Table, ClickTally.__table__)

_HEAD = select(tallies.c.last_id, tallies.c.next_id, tallies.c.next_from).where(tallies.c.app_id == bindparam("app_id"))
_NEXT = (
    select(clicks.c.id, clicks.c.program_id, clicks.c.at, clicks.c.channel, clicks.c.kind)
    .where(
        clicks.c.app_id == bindparam("app_id"),
        clicks.c.id > bindparam("last_id"),
        clicks.c.id < bindparam("next_id"),
    )
    .order_by(clicks.c.id)
    .limit(bindparam("count"))
)
_CHANNELS = select(counters.c.key).where(
    counters.c.app_id == bindparam("app_id"),
    counters.c.program_id == bindparam("program_id"),
    counters.c.name == CLICKS,
    counters.c.day == bindparam("on_day"),
)
_OLD = (
    select(clicks.c.id)
    .where(clicks.c.app_id == bindparam("app_id"), clicks.c.id <= bindparam("last_id"), clicks.c.id < bindparam("old"))
    .order_by(clicks.c.id)
    .limit(bindparam("count"))
)
# Both edges, so that the index is walked from one to the other and no list of ids is looked up one by one.
_DROP = delete(clicks).where(
    clicks.c.app_id == bindparam("of_app"), clicks.c.id >= bindparam("first"), clicks.c.id <= bindparam("last")
)


class Day(NamedTuple):
    """A day of one program, in UTC and by the app's business time."""

    program_id: str
    day: date


def counted_to(session: Session, *, app_id: int) -> str:
    """Return the id of the last click that is in the counters; the empty text where none is."""
    row = session.execute(_HEAD, {"app_id": app_id}).first()
    return "" if row is None else str(row.last_id)


def tally_clicks(session: Session, *, app_id: int, now: datetime, limit: int = BATCH_MAX) -> int:
    """Add up to `limit` of an app's next clicks to its days; gives how many there were. `now` is real time.

    Each is counted once: how far the count has come is written with the numbers, under a lock.
    """
    until = first_id_at("clk", now - SETTLED_AFTER)
    fresh = {"app_id": app_id, "last_id": "", "next_id": until, "next_from": now + SETTLED_AFTER}
    session.execute(insert_unless_there(session, tallies), fresh)
    head = session.execute(_HEAD.with_for_update(key_share=True), {"app_id": app_id}).one()
    if now < head.next_from:
        return 0
    asked = {"app_id": app_id, "last_id": head.last_id, "next_id": head.next_id, "count": limit}
    found = session.execute(_NEXT, asked).all()
    _add(session, app_id=app_id, found=found)
    moved: dict[str, Any] = {"last_id": found[-1].id} if found else {}
    if len(found) < limit:
        moved |= {"next_id": max(until, head.next_id), "next_from": now + SETTLED_AFTER}
    session.execute(update(tallies).where(tallies.c.app_id == app_id).values(moved))
    return len(found)


def drop_clicks(session: Session, *, app_id: int, now: datetime, kept: timedelta, limit: int = BATCH_MAX) -> int:
    """Delete up to `limit` clicks that are in the counters and were made longer than `kept` before `now` (real time).

    Nobody misses them: a claim is proved by its click token alone, however old the click may be.
    """
    asked = {"app_id": app_id, "last_id": counted_to(session, app_id=app_id), "count": limit}
    old = session.scalars(_OLD, asked | {"old": first_id_at("clk", now - kept)}).all()
    if old:
        session.execute(_DROP, {"of_app": app_id, "first": old[0], "last": old[-1]})
    return len(old)


def _add(session: Session, *, app_id: int, found: Sequence[Any]) -> None:
    counts: Tally[tuple[Day, str]] = Tally()
    for row in found:
        if row.kind == PERSON:
            counts[Day(row.program_id, row.at.date()), row.channel or ""] += 1
    known = {day: _channels(session, app_id=app_id, day=day) for day in sorted({day for day, _ in counts})}
    cells: Tally[Cell] = Tally()
    for (day, channel), count in sorted(counts.items()):
        cells[Cell(day.program_id, CLICKS, str(day.day), _kept(channel, known[day]))] += count
    add_up(session, app_id=app_id, cells=cells)


def _channels(session: Session, *, app_id: int, day: Day) -> set[str]:
    asked = {"app_id": app_id, "program_id": day.program_id, "on_day": day.day}
    return set(session.scalars(_CHANNELS, asked))


def _kept(channel: str, known: set[str]) -> str:
    """The channel, unless the day has too many: anybody can write a link with a new one, and a thousand of them."""
    if channel in known or not channel or len(known) < CHANNELS_A_DAY_MAX:
        known.add(channel)
        return channel
    return OTHER_CHANNELS
