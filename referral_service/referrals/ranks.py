"""How many of a referrer's referrals stand converted in a program: one row each, kept where the conversions are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias, cast

from sqlalchemy import ColumnElement, Table, bindparam, func, literal_column, select, update
from sqlalchemy.orm import Session

from referral_service.customers.ensure_customers import customers
from referral_service.kit.db.write_rows import add_rows
from referral_service.programs.models import Program
from referral_service.referrals.models import Rank

ranks = cast(Table, Rank.__table__)
# Written out, or the index over what is to be counted would not be known to hold what is looked for.
IS_UNTALLIED: ColumnElement[bool] = literal_column("NOT ranks.is_tallied")

RankKey: TypeAlias = tuple[str, str]
"""(program id, referrer): what one row stands for."""

_OWN = select(ranks.c.conversions).where(
    ranks.c.app_id == bindparam("app_id"),
    ranks.c.program_id == bindparam("program_id"),
    ranks.c.customer_id == bindparam("customer_id"),
)
# Who was erased is not counted, as on the leaderboard.
_ABOVE = select(func.count()).select_from(
    select(ranks.c.customer_id)
    .join(customers, (customers.c.app_id == ranks.c.app_id) & (customers.c.id == ranks.c.customer_id))
    .where(
        ranks.c.app_id == bindparam("app_id"),
        ranks.c.program_id == bindparam("program_id"),
        ranks.c.conversions > bindparam("conversions"),
        customers.c.erased_at.is_(None),
    )
    .limit(bindparam("rank_max"))
    .subquery()
)


def conversions_of(session: Session, *, app_id: int, program_id: str, customer_id: str) -> int:
    """Return how many referrals of a `cus_…` stand converted."""
    whose = {"app_id": app_id, "program_id": program_id, "customer_id": customer_id}
    return session.execute(_OWN, whose).scalar() or 0


def rank_of(session: Session, *, app_id: int, program_id: str, conversions: int, rank_max: int) -> int | None:
    """Return the rank among all referrers of whoever has so many conversions; None for none, and past `rank_max`.

    One more than the number of those who have more, as on the leaderboard; no more than `rank_max` are counted.
    """
    if conversions <= 0:
        return None
    asked = {"app_id": app_id, "program_id": program_id, "conversions": conversions, "rank_max": rank_max}
    rank = int(session.execute(_ABOVE, asked).scalar_one()) + 1
    return rank if rank <= rank_max else None


def count_conversions(session: Session, *, app_id: int, deltas: Mapping[RankKey, int]) -> None:
    """Add to the counts: +1 for each referral that has become converted, -1 for each that is so no more.

    One statement for all of them, in sorted order, so that two transactions never wait for each other's rows in a
    circle. What comes to nothing is left alone.
    """
    rows = [
        {
            "app_id": app_id, "program_id": program_id, "customer_id": referrer_id, "conversions": delta,
            "is_tallied": False, "tallied": 0,
        }
        for (program_id, referrer_id), delta in sorted(deltas.items())
        if delta
    ]  # fmt: skip
    # A new row is not tallied, and one that changes is so no more.
    add_rows(session, ranks, rows, "conversions", overwrite=("is_tallied",))


def count_anew(session: Session, *, app_id: int, customer_id: str) -> None:
    """Let the worker see again where a `cus_…` belongs on the leaderboards: who is erased belongs on none.

    The caller holds the person against everyone, also those who only refer to the row: so no rank of theirs can be
    made or counted until it is known that they are erased.
    """
    programs = select(Program.id).where(Program.app_id == app_id)
    mine = (ranks.c.app_id == app_id, ranks.c.customer_id == customer_id, ranks.c.program_id.in_(programs))
    session.execute(update(ranks).where(*mine).values(is_tallied=False))
