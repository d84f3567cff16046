"""What a person decides about a referral: it is in order, or it is not."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from referral_service.audit.record import record
from referral_service.customers.lock_customers import lock_customers
from referral_service.journeys.settling.close_reservations import close_reservations
from referral_service.journeys.settling.settle import settle
from referral_service.journeys.settling.sunsets import sunsets
from referral_service.journeys.telling.answer_waiting import answer_waiting
from referral_service.notifications.announce import announce
from referral_service.notifications.models import Notification
from referral_service.referrals.claim_slots import give_back_claim_slots
from referral_service.referrals.errors import ReviewNotPossible
from referral_service.referrals.policy import CONVERTED, PENDING, REJECTED, REVERSED, UNDER_REVIEW
from referral_service.referrals.read_referrals import read_referral
from referral_service.referrals.store import ReferralRow, lock_referrals, move_deadlines, update_referrals

APPROVED_EVENT, REJECTED_EVENT = "referral.approved", "referral.rejected"
APPROVED, REVIEW = "approved", "review"


def approve_referral(
    session: Session, *, app_id: int, referral_id: str, note: str | None, actor: str, now: datetime
) -> ReferralRow:
    """Let a referral that was under review go on, and count what has happened since; the same again changes nothing.

    `note` is kept in the audit log. Raises ReferralNotFound, ReviewNotPossible.
    """
    row = _lock(session, app_id=app_id, referral_id=referral_id)
    if row.state != UNDER_REVIEW:
        if row.state != REJECTED and _was_approved(session, app_id=app_id, referral_id=row.id):
            return row
        raise _not_possible(row)
    return _decide(session, app_id=app_id, row=row, approve=True, note=note, actor=actor, now=now)


def reject_referral(
    session: Session, *, app_id: int, referral_id: str, note: str | None, actor: str, now: datetime
) -> ReferralRow:
    """Reject a referral that is open or under review, for good, and take back what its claim gave; the same again
    changes nothing.

    `note` is kept in the audit log. Raises ReferralNotFound, ReviewNotPossible.
    """
    row = _lock(session, app_id=app_id, referral_id=referral_id)
    if row.state == REJECTED and row.reason == REVIEW:
        return row
    if row.state not in (PENDING, UNDER_REVIEW):
        raise _not_possible(row)
    return _decide(session, app_id=app_id, row=row, approve=False, note=note, actor=actor, now=now)


def _lock(session: Session, *, app_id: int, referral_id: str) -> ReferralRow:
    """Lock the referee, then the referral: everything that changes it holds the referee."""
    referee_id = read_referral(session, app_id=app_id, referral_id=referral_id).referee_id
    lock_customers(session, app_id=app_id, ids=[referee_id])
    (row,) = lock_referrals(session, app_id=app_id, ids=[referral_id])
    return row


def _decide(
    session: Session, *, app_id: int, row: ReferralRow, approve: bool, note: str | None, actor: str, now: datetime
) -> ReferralRow:
    before = row.state
    if approve:
        change = row.turn(PENDING, event=APPROVED_EVENT, reason=APPROVED, now=now)
    else:
        change = row.turn(REJECTED, event=REJECTED_EVENT, reason=REVIEW, now=now)
    update_referrals(session, app_id=app_id, rows=[row])
    announce(session, app_id=app_id, changes=[change], now=now)
    if approve:
        _mind_the_sunset(session, app_id=app_id, row=row, now=now)
    else:
        give_back_claim_slots(session, app_id=app_id, referrals=[row])
    record(
        session,
        app_id=app_id,
        actor=actor,
        action=change.type,
        object_id=row.id,
        details={"from": before, "note": note},
        now=now,
    )
    settled = settle(session, app_id=app_id, referrals=[row], now=now)
    answer_waiting(session, app_id=app_id, settled=settled.values())
    if not approve:
        close_reservations(session, app_id=app_id, referrals=[row], now=now)
    return settled[row.id].referral


def _mind_the_sunset(session: Session, *, app_id: int, row: ReferralRow, now: datetime) -> None:
    """Its program may have closed meanwhile: then what came after the sunset counts as little as for any other."""
    ends_at = sunsets(session, app_ids=[app_id]).get(app_id, {}).get(row.program_id)
    if ends_at is not None and ends_at < min(now, row.deadline_at):
        row.deadline_at = max(row.claimed_at, ends_at)
        move_deadlines(session, app_id=app_id, rows=[row])


def _was_approved(session: Session, *, app_id: int, referral_id: str) -> bool:
    found = session.execute(
        select(Notification.id)
        .where(
            Notification.app_id == app_id,
            Notification.object_id == referral_id,
            Notification.type == APPROVED_EVENT,
        )
        .limit(1)
    )
    return found.one_or_none() is not None


def _not_possible(row: ReferralRow) -> ReviewNotPossible:
    said = {
        PENDING: "It is not under review: it can be rejected, and needs no approval.",
        CONVERTED: "It has converted: void its rewards instead.",
        REVERSED: "It was reversed already, and its rewards were taken back.",
        REJECTED: f"It was rejected already ({row.reason}), which is final: the referee may be claimed anew.",
    }
    return ReviewNotPossible(
        said.get(row.state, f"It is {row.state}: nothing is left to decide."), referral_state=row.state
    )
