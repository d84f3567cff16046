"""Claims as rows: an accepted referral, or a refused one that is kept beside it with its reason."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from sqlalchemy import Table, bindparam, delete, select
from sqlalchemy.orm import Session

from referral_service.kit.db.write_rows import insert_rows
from referral_service.kit.ids import new_id
from referral_service.notifications.announce import announce
from referral_service.referrals.attribution import TouchSeen
from referral_service.referrals.models import Touch
from referral_service.referrals.policy import PENDING, REJECTED
from referral_service.referrals.progress import Window
from referral_service.referrals.store import (
    COLUMNS,
    IS_ACCEPTED,
    ReferralRow,
    insert_referrals,
    referrals,
    update_referrals,
)

touches = cast(Table, Touch.__table__)
ACCEPTED = select(*COLUMNS).where(
    referrals.c.app_id == bindparam("app_id"),
    referrals.c.program_id == bindparam("program_id"),
    referrals.c.referee_id == bindparam("referee_id"),
    IS_ACCEPTED,
)


@dataclass(frozen=True, slots=True)
class ClaimMade:
    """A claim whose evidence has been judged: whose code counts, under which version, and when a purchase counts."""

    program_id: str
    version: int
    referrer_id: str
    code_id: str
    claimed_at: datetime
    window: Window
    seen: Sequence[TouchSeen]


def accepted_referral(session: Session, *, app_id: int, program_id: str, referee_id: str) -> ReferralRow | None:
    """The referral of a locked referee in a program that was accepted, if there is one."""
    named = {"app_id": app_id, "program_id": program_id, "referee_id": referee_id}
    row = session.execute(ACCEPTED, named).one_or_none()
    return ReferralRow(*row) if row else None


def accept_claims(
    session: Session, *, app_id: int, claims: Iterable[tuple[ClaimMade, str]], now: datetime
) -> list[ReferralRow]:
    """Write the referral that each claim of a referee (`cus_…`) makes, pending, with touches and a notification."""
    made = [
        (claim.seen, _new_row(claim, referee_id=referee_id, state=PENDING, reason=None, now=now))
        for claim, referee_id in claims
    ]
    rows = [row for _, row in made]
    insert_referrals(session, app_id=app_id, rows=rows)
    _write_touches(session, app_id=app_id, seen={row.id: seen for seen, row in made})
    announce(session, app_id=app_id, changes=[row.change("referral.created", None) for row in rows], now=now)
    return rows


def refuse_claim(
    session: Session, *, app_id: int, made: ClaimMade, referee_id: str, reason: str, now: datetime
) -> ReferralRow:
    """Record a refused claim, once per code; tried again, the row keeps the latest reason and evidence."""
    found = session.execute(
        select(*COLUMNS)
        .where(
            referrals.c.app_id == app_id,
            referrals.c.program_id == made.program_id,
            referrals.c.referee_id == referee_id,
            referrals.c.code_id == made.code_id,
            referrals.c.is_refused_claim,
        )
        .with_for_update()
    ).one_or_none()
    if found is not None:
        row = ReferralRow(*found)
        row.reason, row.updated_at = reason, now
        update_referrals(session, app_id=app_id, rows=[row])
        session.execute(delete(touches).where(touches.c.app_id == app_id, touches.c.referral_id == row.id))
    else:
        row = _new_row(made, referee_id=referee_id, state=REJECTED, reason=reason, now=now)
        row.is_refused_claim = True
        insert_referrals(session, app_id=app_id, rows=[row])
        announce(session, app_id=app_id, changes=[row.change("referral.rejected", None)], now=now)
    _write_touches(session, app_id=app_id, seen={row.id: made.seen})
    return row


def _new_row(made: ClaimMade, *, referee_id: str, state: str, reason: str | None, now: datetime) -> ReferralRow:
    return ReferralRow(
        id=new_id("ref"),
        program_id=made.program_id,
        version=made.version,
        referrer_id=made.referrer_id,
        referee_id=referee_id,
        code_id=made.code_id,
        state=state,
        reason=reason,
        is_refused_claim=False,
        claimed_at=made.claimed_at,
        recorded_at=now,
        window_starts_at=made.window.starts_at,
        deadline_at=made.window.deadline_at,
        converted_at=None,
        conversion_no=0,
        sequence=1,
        updated_at=now,
    )


def _write_touches(session: Session, *, app_id: int, seen: Mapping[str, Sequence[TouchSeen]]) -> None:
    """Write the touches of each referral (`ref_…`)."""
    insert_rows(
        session,
        touches,
        [
            {
                "app_id": app_id, "referral_id": referral_id, "n": touch.n, "kind": touch.kind, "at": touch.at,
                "code_id": touch.code_id, "click_id": touch.click_id, "counted": touch.counted, "reason": touch.reason,
            }
            for referral_id, its in seen.items()
            for touch in its
        ],
    )  # fmt: skip
