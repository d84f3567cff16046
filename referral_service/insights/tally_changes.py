"""Count claims and rewards into days from what was announced, so that whoever writes them counts nothing.

Each change of a referral or reward has one notification, which tells the state before and after and the day it is
counted on, and notifications have one order without gaps (`notifications/place.py`). So what has been counted is told
apart by one position, and the rest are the few after it: `not_counted_yet`.
"""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Iterable
from typing import Any, NamedTuple, cast

from sqlalchemy import Select, Table, bindparam, func, or_, select, update
from sqlalchemy.orm import Session

from referral_service.insights.add_up import Cell, add_up
from referral_service.insights.models import ChangeTally
from referral_service.kit.db.upsert import insert_unless_there
from referral_service.notifications.models import Notification, NotificationHead

CLAIMS, REWARDS = "claims", "rewards"
# A claim that is accepted is told so once; a refused one never is.
CLAIM_TYPE, REWARD_TYPES = "referral.created", "reward."
BATCH_MAX = 5_000

notifications = cast(Table, Notification.__table__)
heads = cast(Table, NotificationHead.__table__)
tallies = cast(Table, ChangeTally.__table__)

_object = notifications.c.object
_program = _object["program_id"].as_string()
# An instant as RFC 3339 in UTC begins with its day.
_day = func.substr(func.coalesce(_object["claimed_at"].as_string(), _object["created_at"].as_string()), 1, 10)
_TOLD = (
    select(
        _program.label("program_id"),
        _day.label("on_day"),
        notifications.c.type,
        notifications.c.previous_state,
        notifications.c.state,
        func.count().label("times"),
    )
    .where(
        notifications.c.app_id == bindparam("app_id"),
        or_(notifications.c.type == CLAIM_TYPE, notifications.c.type.startswith(REWARD_TYPES)),
    )
    .group_by("program_id", "on_day", notifications.c.type, notifications.c.previous_state, notifications.c.state)
)
_PLACED = _TOLD.where(notifications.c.position > bindparam("after"))
BETWEEN = _PLACED.where(notifications.c.position <= bindparam("until"))
PLACED_SINCE = _PLACED.where(_program == bindparam("program_id"))
UNPLACED = _TOLD.where(notifications.c.position.is_(None), _program == bindparam("program_id"))

_COUNTED_TO = select(tallies.c.last_position).where(tallies.c.app_id == bindparam("app_id"))
_LOCK = _COUNTED_TO.with_for_update(key_share=True)
_PLACED_TO = select(heads.c.last_position).where(heads.c.app_id == bindparam("app_id"))
_APPS = (
    select(heads.c.app_id)
    .outerjoin(tallies, tallies.c.app_id == heads.c.app_id)
    .where(heads.c.last_position > func.coalesce(tallies.c.last_position, 0))
    .order_by(heads.c.app_id)
)


class Told(NamedTuple):
    """So many changes of one kind: of things of this program and day (`2026-03-01`, UTC), from one state to another."""

    program_id: str
    day: str
    type: str
    previous_state: str | None
    state: str
    times: int


def apps_with_changes(session: Session) -> list[int]:
    """Return the short numbers of the apps that have placed notifications which are not counted."""
    return list(session.scalars(_APPS))


def tally_changes(session: Session, *, app_id: int, limit: int = BATCH_MAX) -> int:
    """Count up to `limit` of the app's next notifications; gives how many there were.

    Each is counted once: how far the count has come is written with the numbers, under a lock.
    """
    session.execute(insert_unless_there(session, tallies), {"app_id": app_id, "last_position": 0})
    after = int(session.execute(_LOCK, {"app_id": app_id}).scalar_one())
    until = min(after + limit, int(session.execute(_PLACED_TO, {"app_id": app_id}).scalar() or 0))
    if until <= after:
        return 0
    add_up(session, app_id=app_id, cells=cells_of(_told(session, BETWEEN, app_id=app_id, after=after, until=until)))
    session.execute(update(tallies).where(tallies.c.app_id == app_id).values(last_position=until))
    return until - after


def not_counted_yet(session: Session, *, app_id: int, program_id: str) -> Tally[Cell]:
    """Return what the counters of a program lack: what was announced and is not counted, or has no position yet."""
    after = session.execute(_COUNTED_TO, {"app_id": app_id}).scalar() or 0
    asked = {"app_id": app_id, "program_id": program_id}
    return cells_of([*_told(session, PLACED_SINCE, **asked, after=after), *_told(session, UNPLACED, **asked)])


def cells_of(told: Iterable[Told]) -> Tally[Cell]:
    """By how much each number changes: a claim is one more of its day; a reward leaves one state for another. Pure."""
    cells: Tally[Cell] = Tally()
    for change in told:
        if change.type == CLAIM_TYPE:
            cells[Cell(change.program_id, CLAIMS, change.day, "")] += change.times
            continue
        cells[Cell(change.program_id, REWARDS, change.day, change.state)] += change.times
        if change.previous_state is not None:
            cells[Cell(change.program_id, REWARDS, change.day, change.previous_state)] -= change.times
    return cells


def _told(session: Session, statement: Select[Any], **asked: object) -> list[Told]:
    return [Told(*row) for row in session.execute(statement, asked)]
