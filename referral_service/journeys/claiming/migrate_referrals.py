"""Move open referrals, of which nothing was granted yet, to newer terms: the one explicit exception to frozen terms."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, bindparam, exists, func, select, update
from sqlalchemy.orm import Session

from referral_service.audit.record import record
from referral_service.customers.lock_customers import lock_customers
from referral_service.journeys.settling.settle import settle
from referral_service.journeys.telling.answer_waiting import answer_waiting
from referral_service.kit.errors import InvalidRequest
from referral_service.programs.errors import ProgramStatusConflict
from referral_service.programs.policy import CLOSED
from referral_service.programs.read_programs import lock_program
from referral_service.programs.terms.document import Terms
from referral_service.programs.terms_of import terms_of
from referral_service.referrals.attribution import window_from
from referral_service.referrals.claim_slots import anchor, give_back_claim_slots
from referral_service.referrals.policy import EXPIRED, PENDING
from referral_service.referrals.read_referrals import touches_of
from referral_service.referrals.store import ReferralRow, lock_referrals, referrals
from referral_service.rewards.store import rewards

# One call moves so many at most, in one transaction; the caller repeats it while some are left.
BATCH_MAX = 500
SAMPLE_MAX = 100
MOVE = (
    update(referrals)
    .where(referrals.c.app_id == bindparam("b_app_id"), referrals.c.id == bindparam("b_id"))
    .values(
        version=bindparam("b_version"),
        window_starts_at=bindparam("b_window_starts_at"),
        deadline_at=bindparam("b_deadline_at"),
        updated_at=bindparam("b_updated_at"),
    )
)


@dataclass(frozen=True, slots=True)
class MovedReferral:
    """What the move changes for one referral. `state` is where it stands afterwards, with its reason."""

    referral_id: str
    from_version: int
    expires_at_before: datetime
    expires_at: datetime
    state: str
    reason: str | None


@dataclass(frozen=True, slots=True)
class Migration:
    """What became, or in a dry run would become, of referrals. `remaining` can be moved after this call."""

    program_id: str
    to_version: int
    dry_run: bool
    moved: int
    remaining: int
    states: dict[str, int]
    items: list[MovedReferral]


def migrate_referrals(
    session: Session,
    *,
    app_id: int,
    program_id: str,
    to_version: int,
    dry_run: bool,
    reason: str,
    actor: str,
    now: datetime,
) -> Migration:
    """Move up to BATCH_MAX pending referrals of older versions to `to_version`, the oldest first, and settle them.

    Only referrals that have no reward, in whatever state, and never converted. Each keeps its claim: window and
    deadline are reckoned from it anew, and eligibility, which was judged then, is not judged again, but for a purchase
    that shows that the referee was not new. A dry run does the same to SAMPLE_MAX of them and keeps nothing. Raises
    NotFound, InvalidRequest, ProgramStatusConflict.
    """
    program, _ = lock_program(session, app_id=app_id, program_id=program_id)
    if program.status in CLOSED:
        raise ProgramStatusConflict("The referrals of a program that has ended stay as they are.")
    to = (to_version, _terms(session, app_id=app_id, program_id=program_id, version=to_version))
    can_be_moved = _can_be_moved(app_id=app_id, program_id=program_id, to_version=to_version)
    in_all = session.execute(select(func.count()).select_from(referrals).where(can_be_moved)).scalar_one()
    if dry_run:
        with session.begin_nested() as nothing_kept:
            items = _move(session, app_id=app_id, wanted=can_be_moved, to=to, limit=SAMPLE_MAX, now=now)
            nothing_kept.rollback()
        return _told(program_id, to_version, items, dry_run=True, remaining=in_all)
    items = _move(session, app_id=app_id, wanted=can_be_moved, to=to, limit=BATCH_MAX, now=now)
    done = _told(program_id, to_version, items, dry_run=False, remaining=in_all - len(items))
    if items:
        record(
            session,
            app_id=app_id,
            actor=actor,
            action="program.referrals_migrated",
            object_id=program_id,
            details={
                "to_version": to_version,
                "reason": reason,
                "states": done.states,
                "from_versions": {str(n): count for n, count in Counter(it.from_version for it in items).items()},
                "referrals": [item.referral_id for item in items],
            },
            now=now,
        )
    return done


def _terms(session: Session, *, app_id: int, program_id: str, version: int) -> Terms:
    terms = terms_of(session, app_id=app_id, versions=[(program_id, version)]).get((program_id, version))
    if terms is None:
        raise InvalidRequest(errors={"to_version": ["The program has no such version."]})
    return terms


def _can_be_moved(*, app_id: int, program_id: str, to_version: int) -> ColumnElement[bool]:
    return and_(
        referrals.c.app_id == app_id,
        referrals.c.program_id == program_id,
        referrals.c.state == PENDING,
        referrals.c.version < to_version,
        referrals.c.conversion_no == 0,
        ~exists().where(rewards.c.app_id == referrals.c.app_id, rewards.c.referral_id == referrals.c.id),
    )


def _move(
    session: Session, *, app_id: int, wanted: ColumnElement[bool], to: tuple[int, Terms], limit: int, now: datetime
) -> list[MovedReferral]:
    version, terms = to
    found = session.execute(
        select(referrals.c.id, referrals.c.referee_id).where(wanted).order_by(referrals.c.id).limit(limit)
    ).all()
    if not found:
        return []
    lock_customers(session, app_id=app_id, ids=[row.referee_id for row in found])
    # Whoever grants or converts holds the referee: what is asked from here on cannot change any more.
    asked = select(referrals.c.id).where(wanted, referrals.c.id.in_([row.id for row in found]))
    still = session.scalars(asked).all()
    # Time alone needs no referee: one may have expired a moment ago.
    rows = [row for row in lock_referrals(session, app_id=app_id, ids=still) if row.state == PENDING]
    before = {row.id: (row.version, row.deadline_at) for row in rows}
    _write(session, app_id=app_id, rows=rows, version=version, terms=terms, now=now)
    settled = settle(session, app_id=app_id, referrals=rows, now=now)
    answer_waiting(session, app_id=app_id, settled=settled.values())
    return [_item(row, *before[row.id], now=now) for row in rows]


def _write(
    session: Session, *, app_id: int, rows: Sequence[ReferralRow], version: int, terms: Terms, now: datetime
) -> None:
    touches = touches_of(session, app_id=app_id, referral_ids=[row.id for row in rows])
    for row in rows:
        own = [(touch.kind, touch.at, touch.reason) for touch in touches.get(row.id, [])]
        window = window_from(own, terms=terms, claimed_at=row.claimed_at)
        row.version, row.updated_at = version, now
        row.window_starts_at, row.deadline_at = window.starts_at, window.deadline_at
    if not rows:
        return
    session.connection().execute(
        MOVE,
        [
            {
                "b_app_id": app_id, "b_id": row.id, "b_version": row.version, "b_updated_at": row.updated_at,
                "b_window_starts_at": row.window_starts_at, "b_deadline_at": row.deadline_at,
            }
            for row in rows
        ],
    )  # fmt: skip
    if terms.eligibility.one_program_per_referee:
        anchor(session, app_id=app_id, rows=rows)
    else:
        give_back_claim_slots(session, app_id=app_id, referrals=rows)


def _item(row: ReferralRow, version_before: int, deadline_before: datetime, *, now: datetime) -> MovedReferral:
    is_overdue = row.state == PENDING and row.deadline_at < now
    return MovedReferral(
        referral_id=row.id,
        from_version=version_before,
        expires_at_before=deadline_before,
        expires_at=row.deadline_at,
        # The worker expires it right after: by the new terms its time is over.
        state=EXPIRED if is_overdue else row.state,
        reason="deadline_passed" if is_overdue else row.reason,
    )


def _told(program_id: str, to_version: int, items: list[MovedReferral], *, dry_run: bool, remaining: int) -> Migration:
    return Migration(
        program_id=program_id,
        to_version=to_version,
        dry_run=dry_run,
        moved=0 if dry_run else len(items),
        remaining=remaining,
        states=dict(Counter(item.state for item in items)),
        items=items[:SAMPLE_MAX],
    )
