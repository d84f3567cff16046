"""Count a program's referrers by how many conversions they have, so that nobody is counted one by one for a rank.

The rows of `ranks` say under which number each is counted and whether that is so still; whoever changes one marks it
(`referrals/ranks.py`). The marked ones are few and have an index.
"""

from __future__ import annotations

from collections import Counter as Tally
from typing import TypeAlias, cast

from sqlalchemy import BindParameter, Table, bindparam, case, exists, func, literal, select, tuple_, union_all
from sqlalchemy.orm import Session

from referral_service.customers.ensure_customers import customers
from referral_service.insights.models import RankCount
from referral_service.kit.db.among import among
from referral_service.kit.db.batch import Batch
from referral_service.kit.db.write_rows import add_rows, update_rows
from referral_service.referrals.ranks import IS_UNTALLIED, ranks
from referral_service.tenants.models import App

BATCH_MAX = 1_000

rank_counts = cast(Table, RankCount.__table__)

# What somebody is writing at this moment has its turn next time.
NEXT = (
    select(ranks.c.program_id, ranks.c.customer_id, ranks.c.conversions, ranks.c.tallied)
    .where(
        ranks.c.app_id == bindparam("app_id"),
        IS_UNTALLIED,
        tuple_(ranks.c.program_id, ranks.c.customer_id) > tuple_(bindparam("after_program"), bindparam("after_id")),
    )
    .order_by(ranks.c.program_id, ranks.c.customer_id)
    .limit(bindparam("count"))
    .with_for_update(key_share=True, skip_locked=True)
)
_ERASED = select(customers.c.id).where(
    customers.c.app_id == bindparam("app_id"),
    among(customers.c.id, "ids"),
    customers.c.erased_at.is_not(None),
)
_APPS = select(App.id).where(exists().where(ranks.c.app_id == App.id, IS_UNTALLIED)).order_by(App.id)

_MARKED = (ranks.c.app_id == bindparam("app_id"), ranks.c.program_id == bindparam("program_id"), IS_UNTALLIED)
_PERSON = (customers.c.app_id == ranks.c.app_id) & (customers.c.id == ranks.c.customer_id)
_LEAST: BindParameter[int] = bindparam("least")
_REFERRERS = union_all(
    select(rank_counts.c.conversions.label("conversions"), rank_counts.c.referrers.label("referrers")).where(
        rank_counts.c.app_id == bindparam("app_id"),
        rank_counts.c.program_id == bindparam("program_id"),
        rank_counts.c.conversions > _LEAST,
    ),
    select(ranks.c.tallied, literal(-1)).where(*_MARKED, ranks.c.tallied > _LEAST),
    # By a difference, which no index knows: SQLite would rather read all who have more than look at the marked ones.
    select(ranks.c.conversions, literal(1))
    .join(customers, _PERSON)
    .where(*_MARKED, ranks.c.conversions - _LEAST > 0, customers.c.erased_at.is_(None)),
).subquery()
# Those above the best are one number: None.
_LEVEL = case((_REFERRERS.c.conversions > bindparam("most"), None), else_=_REFERRERS.c.conversions).label("level")
ABOVE = select(_LEVEL, func.sum(_REFERRERS.c.referrers)).group_by("level")


Place: TypeAlias = tuple[str, str]


def apps_with_ranks(session: Session) -> list[int]:
    """Return the short numbers of the apps that have referrers who are not counted where they belong."""
    return list(session.scalars(_APPS))


def tally_ranks(session: Session, *, app_id: int, after: Place = ("", ""), limit: int = BATCH_MAX) -> Batch[Place]:
    """Count up to `limit` of the app's referrers behind a program's id and a customer's where they belong. Erased ones:
    nowhere.

    Who is erased is looked up once the ranks are locked: an erasure marks them, so one that this look-up does not see
    yet will have its turn.
    """
    asked = {"app_id": app_id, "after_program": after[0], "after_id": after[1], "count": limit}
    found = session.execute(NEXT, asked).all()
    if not found:
        return Batch(0, None)
    ids = sorted({row.customer_id for row in found})
    erased = set(session.scalars(_ERASED, {"app_id": app_id, "ids": ids}))
    counts: Tally[tuple[str, int]] = Tally()
    moved = []
    for row in found:
        belongs = 0 if row.customer_id in erased else row.conversions
        counts[row.program_id, row.tallied] -= 1
        counts[row.program_id, belongs] += 1
        moved.append(
            {
                "app_id": app_id, "program_id": row.program_id, "customer_id": row.customer_id, "is_tallied": True,
                "tallied": belongs,
            }
        )  # fmt: skip
    _add(session, app_id=app_id, counts=counts)
    update_rows(session, ranks, moved, key=("app_id", "program_id", "customer_id"))
    return Batch(len(found), (found[-1].program_id, found[-1].customer_id) if len(found) == limit else None)


def referrers_above(session: Session, *, app_id: int, program_id: str, numbers: set[int]) -> dict[int, int]:
    """Return, for each of the `numbers` of conversions, how many referrers of the program have more."""
    edges = {"app_id": app_id, "program_id": program_id, "most": max(numbers), "least": min(numbers)}
    counts = {row[0]: int(row[1]) for row in session.execute(ABOVE, edges)}
    beyond = counts.pop(None, 0)
    return {n: beyond + sum(count for more, count in counts.items() if more > n) for n in numbers}


def _add(session: Session, *, app_id: int, counts: Tally[tuple[str, int]]) -> None:
    """Add to the numbers, in sorted order, so that two transactions never wait for each other's rows in a circle."""
    rows = [
        {"app_id": app_id, "program_id": program_id, "conversions": conversions, "referrers": count}
        for (program_id, conversions), count in sorted(counts.items())
        if conversions and count
    ]
    add_rows(session, rank_counts, rows, "referrers")
