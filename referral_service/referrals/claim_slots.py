"""Places that claims take where a program bounds them: one program per referee, so many referees per referrer.

A place belongs to a referral that is accepted, that is, not rejected. Who has one is decided by rows that claims meet
on: the anchor of a referee is a row of its own key, the anchor of a referrer a row that is locked while the referrals
are counted. Counting anew each time, no version of the terms and no rejection can leave a number behind that is wrong.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import cast

from sqlalchemy import Table, bindparam, delete, func, select
from sqlalchemy.orm import Session

from referral_service.kit.db.upsert import insert_or_overwrite, insert_unless_there
from referral_service.referrals.models import RefereeAnchor, ReferrerAnchor
from referral_service.referrals.store import IS_ACCEPTED, ReferralRow, referrals

referee_anchors = cast(Table, RefereeAnchor.__table__)
referrer_anchors = cast(Table, ReferrerAnchor.__table__)

ANCHORED = select(referee_anchors.c.referral_id).where(
    referee_anchors.c.app_id == bindparam("app_id"), referee_anchors.c.referee_id == bindparam("referee_id")
)
OF_REFERRER = (
    referrals.c.app_id == bindparam("b_app_id"),
    referrals.c.referrer_id == bindparam("b_referrer_id"),
    referrals.c.program_id == bindparam("b_program_id"),
    IS_ACCEPTED,
)
AS_FAR_AS_IT_MATTERS = select(func.count()).select_from(
    select(referrals.c.id).where(*OF_REFERRER).limit(bindparam("places")).subquery()
)


def is_anchored(session: Session, *, app_id: int, referee_id: str) -> bool:
    """Tell whether a locked referee has an accepted referral in a program that wants to be the only one."""
    found = session.execute(ANCHORED, {"app_id": app_id, "referee_id": referee_id})
    return found.scalar_one_or_none() is not None


def anchor(session: Session, *, app_id: int, rows: Iterable[ReferralRow]) -> None:
    """Note stored referrals of locked referees as the only ones of their kind; a referee who has one keeps that."""
    wanted = [
        {"app_id": app_id, "referee_id": row.referee_id, "referral_id": row.id}
        for row in sorted(rows, key=lambda row: row.referee_id)
    ]
    if wanted:
        session.execute(insert_unless_there(session, referee_anchors), wanted)


def lock_referrers(session: Session, *, app_id: int, keys: Iterable[tuple[str, str]]) -> None:
    """Lock each (program id, referrer) in one order, so that its referees can be counted: others who want to count them
    wait until this transaction ends.
    """
    # Overwriting a row with what it is locks it, and makes it where it is not there yet.
    lock = insert_or_overwrite(session, referrer_anchors, "referrer_id")
    for program_id, referrer_id in sorted(set(keys)):
        session.execute(lock, {"app_id": app_id, "program_id": program_id, "referrer_id": referrer_id})


def count_referees(session: Session, *, app_id: int, program_id: str, referrer_id: str, places: int) -> int:
    """How many accepted referrals the referrer, who is locked, has in the program; `places` at most."""
    named = {"b_app_id": app_id, "b_program_id": program_id, "b_referrer_id": referrer_id}
    return int(session.execute(AS_FAR_AS_IT_MATTERS, named | {"places": places}).scalar_one())


def give_back_claim_slots(session: Session, *, app_id: int, referrals: Sequence[ReferralRow]) -> None:
    """Give back what referrals held that were rejected just now. Call it while their referees are locked.

    A referrer's number needs nothing: it is counted anew by the next claim.
    """
    if not referrals:
        return
    session.execute(
        delete(referee_anchors).where(
            referee_anchors.c.app_id == app_id,
            referee_anchors.c.referee_id.in_(sorted({row.referee_id for row in referrals})),
            referee_anchors.c.referral_id.in_([row.id for row in referrals]),
        )
    )
