"""How many of a referrer's referrals stand converted in a program: one row each, kept where the conversions are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias, cast

from sqlalchemy import Table
from sqlalchemy.orm import Session

from referral_service.kit.db.upsert import insert_or_add
from referral_service.referrals.models import Rank

ranks = cast(Table, Rank.__table__)

RankKey: TypeAlias = tuple[str, str]
"""(program id, referrer): what one row stands for."""


def count_conversions(session: Session, *, app_id: int, deltas: Mapping[RankKey, int]) -> None:
    """Add to the counts: +1 for each referral that has become converted, -1 for each that is so no more.

    One statement for all of them, in sorted order, so that two transactions never wait for each other's rows in a
    circle. What comes to nothing is left alone.
    """
    rows = [
        {"app_id": app_id, "program_id": program_id, "customer_id": referrer_id, "conversions": delta}
        for (program_id, referrer_id), delta in sorted(deltas.items())
        if delta
    ]
    if rows:
        session.execute(insert_or_add(session, ranks, "conversions"), rows)
