"""Read referrals: one, its touches, or a page of a list, newest first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from referral_service.referrals.errors import ReferralNotFound
from referral_service.referrals.models import Touch
from referral_service.referrals.store import COLUMNS, ReferralRow, referrals


@dataclass(frozen=True, slots=True)
class TouchRow:
    """One stored touch of a claim."""

    kind: str
    at: datetime | None
    code_id: str | None
    counted: bool
    reason: str | None


def read_referral(session: Session, *, app_id: int, referral_id: str) -> ReferralRow:
    """Return the referral; raise ReferralNotFound, also where it is another app's."""
    row = session.execute(
        select(*COLUMNS).where(referrals.c.app_id == app_id, referrals.c.id == referral_id)
    ).one_or_none()
    if row is None:
        raise ReferralNotFound
    return ReferralRow(*row)


def read_touches(session: Session, *, app_id: int, referral_id: str) -> list[TouchRow]:
    """Return the touches its claim brought, in their order."""
    rows = session.execute(
        select(Touch.kind, Touch.at, Touch.code_id, Touch.counted, Touch.reason)
        .where(Touch.app_id == app_id, Touch.referral_id == referral_id)
        .order_by(Touch.n)
    )
    return [TouchRow(*row) for row in rows]


def touches_of(session: Session, *, app_id: int, referral_ids: Sequence[str]) -> dict[str, list[TouchRow]]:
    """Return the touches of many claims, by referral, each list in its order."""
    found: dict[str, list[TouchRow]] = {}
    rows = session.execute(
        select(Touch.referral_id, Touch.kind, Touch.at, Touch.code_id, Touch.counted, Touch.reason)
        .where(Touch.app_id == app_id, Touch.referral_id.in_(referral_ids))
        .order_by(Touch.referral_id, Touch.n)
    )
    for referral_id, kind, at, code_id, counted, reason in rows:
        found.setdefault(referral_id, []).append(TouchRow(kind, at, code_id, counted, reason))
    return found


def list_referrals(
    session: Session,
    *,
    app_id: int,
    program_id: str | None,
    state: str | None,
    referrer_id: str | None,
    referee_id: str | None,
    after: str | None,
    limit: int,
) -> list[ReferralRow]:
    """Return referrals that match, the newest first; `after` is the id of the last one seen."""
    query = select(*COLUMNS).where(referrals.c.app_id == app_id)
    for column, value in (
        (referrals.c.program_id, program_id),
        (referrals.c.state, state),
        (referrals.c.referrer_id, referrer_id),
        (referrals.c.referee_id, referee_id),
    ):
        if value is not None:
            query = query.where(column == value)
    if after is not None:
        query = query.where(referrals.c.id < after)
    return [ReferralRow(*row) for row in session.execute(query.order_by(referrals.c.id.desc()).limit(limit))]
