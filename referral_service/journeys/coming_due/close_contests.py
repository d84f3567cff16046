"""Programs end when their schedule says so, and whoever has brought the most by then gets the prizes, once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from heapq import heappop, heappush
from typing import NamedTuple

from sqlalchemy import ScalarSelect, bindparam, func, select
from sqlalchemy.orm import Session

from referral_service.customers.ensure_customers import customers
from referral_service.customers.lock_customers import lock_customers
from referral_service.journeys.settling.grant import grant
from referral_service.kit.db.base import UtcDateTime
from referral_service.programs.models import Program
from referral_service.programs.read_programs import lock_program
from referral_service.programs.take_step import take_step
from referral_service.programs.terms.document import Prize, Terms
from referral_service.programs.terms_of import terms_of
from referral_service.referrals.policy import CONVERTED
from referral_service.referrals.ranks import ranks
from referral_service.referrals.store import conversions, referrals
from referral_service.rewards.dues import prize_due
from referral_service.tenants.models import App

ACTOR = "worker"
RUNNING = ("active", "paused")

# Few, unless the worker comes very late: what happened after the end and had been told by the time of closing.
_LATE = (
    select(referrals.c.referrer_id, func.count().label("late"))
    .join(conversions, (conversions.c.app_id == referrals.c.app_id) & (conversions.c.referral_id == referrals.c.id))
    .where(
        conversions.c.app_id == bindparam("app_id"),
        conversions.c.occurred_at > bindparam("ends_at", type_=UtcDateTime()),
        conversions.c.n == referrals.c.conversion_no,
        referrals.c.program_id == bindparam("program_id"),
        referrals.c.state == CONVERTED,
    )
    .group_by(referrals.c.referrer_id)
    .subquery()
)
# One statement, for the two counts belong together: a conversion may be written at any moment.
STANDINGS = (
    select(ranks.c.customer_id, ranks.c.conversions, func.coalesce(_LATE.c.late, 0))
    .join(customers, (customers.c.app_id == ranks.c.app_id) & (customers.c.id == ranks.c.customer_id))
    .outerjoin(_LATE, _LATE.c.referrer_id == ranks.c.customer_id)
    .where(
        ranks.c.app_id == bindparam("app_id"),
        ranks.c.program_id == bindparam("program_id"),
        ranks.c.conversions > 0,
        customers.c.erased_at.is_(None),
    )
    .order_by(ranks.c.conversions.desc(), ranks.c.customer_id.desc())
)
ROWS_AT_ONCE = 500


class Winner(NamedTuple):
    """Who holds a rank that has a prize; several hold one together. `customer_id` is the `cus_…` id."""

    customer_id: str
    rank: int


class Tally(NamedTuple):
    """How many conversions somebody has, and how many of them came too late."""

    customer_id: str
    conversions: int
    late: int


def first_program_end() -> ScalarSelect[datetime | None]:
    """When the first of an app's running programs ends, as a part of a query for apps: an index look-up."""
    return (
        select(func.min(Program.ends_at)).where(Program.app_id == App.id, Program.status.in_(RUNNING)).scalar_subquery()
    )


def close_due(session: Session, *, app_id: int, now: datetime, limit: int = 1) -> int:
    """End up to `limit` of an app's programs whose schedule has come to its end by business time; gives how many.

    A program ended when its schedule said so, however late this is done. Programs that another worker holds are left
    to it; it also grants their prizes, in the same transaction, so that they are granted once.
    """
    due = session.scalars(
        select(Program.id)
        .where(Program.app_id == app_id, Program.status.in_(RUNNING), Program.ends_at <= now)
        .order_by(Program.ends_at, Program.id)
        .limit(limit)
        .with_for_update(key_share=True, skip_locked=True)
    ).all()
    for program_id in due:
        _close(session, app_id=app_id, program_id=program_id, now=now)
    return len(due)


def winners(
    session: Session, *, app_id: int, program_id: str, prizes: Sequence[Prize], ends_at: datetime
) -> list[Winner]:
    """Return who holds the ranks that have a prize, by rank, and hold these people still.

    Ranked are all referrers by their referrals that stand converted, by a conversion that happened no later than
    `ends_at`: what was told too late for that is not waited for, and what happened since does not count. Equal numbers
    share the better rank, and the next one skips: whoever comes after two first ones is third. Who was erased takes no
    rank.
    """
    asked = {"app_id": app_id, "program_id": program_id, "ends_at": ends_at}
    with_prize = {prize.rank for prize in prizes}
    while True:
        with session.execute(STANDINGS, asked, execution_options={"yield_per": ROWS_AT_ONCE}) as standings:
            first = first_ranks((Tally(*row) for row in standings), last=max(with_prize))
        found = [winner for winner in first if winner.rank in with_prize]
        held = lock_customers(session, app_id=app_id, ids=[winner.customer_id for winner in found])
        # One who was erased a moment ago makes room for the next. Who is locked cannot be, so this comes to an end.
        if all(held[winner.customer_id].erased_at is None for winner in found):
            return found


def first_ranks(standings: Iterable[Tally], *, last: int) -> list[Winner]:
    """Return who holds the ranks up to `last`, in their order; takes no more of `standings` than it needs. Pure.

    These come by falling `conversions`, which may still hold late ones.
    """
    in_time: list[tuple[int, str]] = []
    best: list[int] = []
    for standing in standings:
        # Nobody further down has more than this: the last rank is settled.
        if len(best) == last and standing.conversions < best[0]:
            break
        n = standing.conversions - standing.late
        if n > 0:
            in_time.append((n, standing.customer_id))
            heappush(best, n)
            if len(best) > last:
                heappop(best)
    in_time.sort(key=lambda each: (-each[0], each[1]))
    found: list[Winner] = []
    rank, before = 1, 0
    for place, (n, customer_id) in enumerate(in_time, start=1):
        rank = rank if n == before else place
        if rank > last:
            break
        before = n
        found.append(Winner(customer_id, rank))
    return found


def _close(session: Session, *, app_id: int, program_id: str, now: datetime) -> None:
    program, version = lock_program(session, app_id=app_id, program_id=program_id)
    assert program.ends_at is not None
    key = (program_id, version.version)
    terms = terms_of(session, app_id=app_id, versions=[key])[key]
    if terms.prizes:
        _give_prizes(session, program, terms, now=now)
    take_step(session, "end", program, version, actor=ACTOR, now=now)


def _give_prizes(session: Session, program: Program, terms: Terms, *, now: datetime) -> None:
    assert program.ends_at is not None
    found = winners(session, app_id=program.app_id, program_id=program.id, prizes=terms.prizes, ends_at=program.ends_at)
    gives = {prize.rank: prize.give for prize in terms.prizes}
    dues = [
        prize_due(
            terms,
            gives[winner.rank],
            rank=winner.rank,
            program_id=program.id,
            version=program.version,
            customer_id=winner.customer_id,
            at=program.ends_at,
        )
        for winner in found
    ]
    grant(session, app_id=program.app_id, program_id=program.id, dues=dues, now=now)
