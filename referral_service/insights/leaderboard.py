"""Who has brought the most: a program's referrers by conversions, as far as they want to be seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import Table, bindparam, select, tuple_
from sqlalchemy.orm import Session

from referral_service.customers.ensure_customers import customers
from referral_service.customers.profile import open_profile
from referral_service.insights.tally_ranks import referrers_above
from referral_service.kit.crypto import Sealer
from referral_service.kit.db.among import among
from referral_service.referrals.ranks import ranks
from referral_service.rewards.models import Reward

rewards = cast(Table, Reward.__table__)

# A badge that was taken back is none any more.
BADGE_STATES = ("available", "redeemed", "expired")


@dataclass(frozen=True, slots=True)
class Standing:
    """One line of the leaderboard. `id` is the `cus_…` id, `customer_id` the app's own."""

    id: str
    rank: int
    customer_id: str | None
    display_name: str | None
    conversions: int
    badge: str | None


_OF_PROGRAM = (
    ranks.c.app_id == bindparam("app_id"),
    ranks.c.program_id == bindparam("program_id"),
    ranks.c.conversions > 0,
)
_PERSON = (customers.c.app_id == ranks.c.app_id) & (customers.c.id == ranks.c.customer_id)
# In the order of the index (app_id, program_id, conversions, customer_id), read backwards.
PAGE = (
    select(ranks.c.customer_id, ranks.c.conversions, customers.c.external_id, customers.c.profile_ct)
    .join(customers, _PERSON)
    .where(*_OF_PROGRAM, customers.c.leaderboard_opt_in, customers.c.erased_at.is_(None))
    .order_by(ranks.c.conversions.desc(), ranks.c.customer_id.desc())
    .limit(bindparam("rows_max"))
)
NEXT_PAGE = PAGE.where(
    tuple_(ranks.c.conversions, ranks.c.customer_id) < tuple_(bindparam("after_n"), bindparam("after_id"))
)

BADGES = select(rewards.c.recipient_id, rewards.c.badge, rewards.c.released_at, rewards.c.ordinal, rewards.c.id).where(
    rewards.c.app_id == bindparam("app_id"),
    rewards.c.program_id == bindparam("program_id"),
    among(rewards.c.recipient_id, "ids"),
    rewards.c.badge.is_not(None),
    rewards.c.released_at.is_not(None),
    rewards.c.state.in_(BADGE_STATES),
)


def leaderboard(
    session: Session, sealer: Sealer, *, app_id: int, program_id: str, after: Sequence[Any] | None, limit: int
) -> list[Standing]:
    """Return up to `limit` of those who opted in, the best first; `after` is [conversions, id] of the last one seen.

    The rank is the person's among all referrers of the program who have a conversion, also those who are not listed:
    one more than the number of those who have more conversions. So equal numbers share a rank and the next one skips.
    Who was erased is neither listed nor counted. Of equal ones, the latest known customer comes first.

    The badge is that of the person's latest released reward of this program that has one and was not taken back.
    """
    program = {"app_id": app_id, "program_id": program_id}
    if after is None:
        rows = session.execute(PAGE, program | {"rows_max": limit}).all()
    else:
        place = {"after_n": after[0], "after_id": after[1]}
        rows = session.execute(NEXT_PAGE, program | place | {"rows_max": limit}).all()
    if not rows:
        return []
    above = referrers_above(session, app_id=app_id, program_id=program_id, numbers={row.conversions for row in rows})
    badges = _badges(session, rows, program)
    return [
        Standing(
            id=row.customer_id,
            rank=above[row.conversions] + 1,
            customer_id=row.external_id,
            display_name=open_profile(sealer, row.profile_ct, app_id=app_id, customer_id=row.customer_id).display_name,
            conversions=row.conversions,
            badge=badges.get(row.customer_id),
        )
        for row in rows
    ]


def _badges(session: Session, rows: Sequence[Any], program: dict[str, Any]) -> dict[str, str]:
    held = session.execute(BADGES, program | {"ids": [row.customer_id for row in rows]})
    # Several may be released at one moment: then the higher ordinal is the later one.
    latest = sorted(held, key=lambda row: (row.released_at, row.ordinal, row.id))
    return {row.recipient_id: row.badge for row in latest}
