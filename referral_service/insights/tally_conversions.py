"""Count conversions into days: those whose rows say that they are not counted as they stand.

What is announced of a referral does not tell enough: an earlier purchase may take the place of the one that was
counted, and the conversion moves to another day without a change of state. So each row keeps under which day and state
it is counted, and whoever writes it marks it (`referrals/store.py`); the marked ones are few and have an index.
"""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Iterable
from typing import Any, NamedTuple, TypeAlias

from sqlalchemy import bindparam, exists, func, select, tuple_
from sqlalchemy.orm import Session

from referral_service.insights.add_up import Cell, add_up
from referral_service.kit.db.batch import Batch
from referral_service.kit.db.write_rows import update_rows
from referral_service.referrals.store import IS_UNTALLIED, conversions, referrals
from referral_service.tenants.models import App

CONVERSIONS = "conversions"
BATCH_MAX = 1_000

# Every session speaks UTC (kit/db/engines.py), so this is the day in UTC on both databases.
_AT_DAY = func.date(conversions.c.occurred_at)
_MARKED = (
    select(
        conversions.c.referral_id,
        conversions.c.n,
        referrals.c.program_id,
        conversions.c.tallied_on,
        conversions.c.tallied_state,
        _AT_DAY.label("on_day"),
        conversions.c.state,
    )
    .join(referrals, (referrals.c.app_id == conversions.c.app_id) & (referrals.c.id == conversions.c.referral_id))
    .where(conversions.c.app_id == bindparam("app_id"), IS_UNTALLIED)
)
# What somebody is writing at this moment has its turn next time.
NEXT = (
    _MARKED.where(
        tuple_(conversions.c.referral_id, conversions.c.n) > tuple_(bindparam("after_id"), bindparam("after_n"))
    )
    .order_by(conversions.c.referral_id, conversions.c.n)
    .limit(bindparam("count"))
    .with_for_update(of=conversions, key_share=True, skip_locked=True)
)
OF_PROGRAM = _MARKED.where(referrals.c.program_id == bindparam("program_id"))
_APPS = select(App.id).where(exists().where(conversions.c.app_id == App.id, IS_UNTALLIED)).order_by(App.id)


Place: TypeAlias = tuple[str, int]


class Marked(NamedTuple):
    """A conversion: as what it is counted (empty: not at all), and as what it ought to be."""

    referral_id: str
    n: int
    program_id: str
    was_on: str | None
    was: str | None
    on: str
    state: str


def apps_with_conversions(session: Session) -> list[int]:
    """Return the short numbers of the apps that have conversions which are not counted as they stand."""
    return list(session.scalars(_APPS))


def tally_conversions(session: Session, *, app_id: int, after: Place = ("", 0), limit: int = BATCH_MAX) -> Batch[Place]:
    """Count up to `limit` of the app's conversions behind a referral's id and `n` as they stand."""
    asked = {"app_id": app_id, "after_id": after[0], "after_n": after[1], "count": limit}
    found = [_marked(row) for row in session.execute(NEXT, asked)]
    add_up(session, app_id=app_id, cells=cells_of(found))
    counted = [
        {
            "app_id": app_id, "referral_id": row.referral_id, "n": row.n, "is_tallied": True, "tallied_on": row.on,
            "tallied_state": row.state,
        }
        for row in found
    ]  # fmt: skip
    update_rows(session, conversions, counted, key=("app_id", "referral_id", "n"))
    return Batch(len(found), (found[-1].referral_id, found[-1].n) if len(found) == limit else None)


def not_counted_yet(session: Session, *, app_id: int, program_id: str) -> Tally[Cell]:
    """Return by how much the counters of a program are behind its conversions."""
    asked = {"app_id": app_id, "program_id": program_id}
    return cells_of(map(_marked, session.execute(OF_PROGRAM, asked)))


def cells_of(marked: Iterable[Marked]) -> Tally[Cell]:
    """By how much each number changes when these are counted as they stand. Pure."""
    cells: Tally[Cell] = Tally()
    for row in marked:
        if row.was_on is not None and row.was is not None:
            cells[Cell(row.program_id, CONVERSIONS, row.was_on, row.was)] -= 1
        cells[Cell(row.program_id, CONVERSIONS, row.on, row.state)] += 1
    return cells


def _marked(row: Any) -> Marked:
    # SQLite gives the day of an instant as a text, PostgreSQL as a date, and both are written alike.
    referral_id, n, program_id, was_on, was, on, state = row
    return Marked(referral_id, n, program_id, None if was_on is None else str(was_on), was, str(on), state)
