"""The sunset: open referrals of a program that was archived or has ended live on for a while, and then no more."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import bindparam, exists, func, select
from sqlalchemy.orm import Session

from referral_service.kit.db.among import among
from referral_service.programs.models import Program
from referral_service.programs.policy import CLOSED
from referral_service.programs.terms_of import terms_of
from referral_service.referrals.policy import PENDING
from referral_service.referrals.store import referrals


def sunsets(session: Session, *, app_ids: Collection[int] | None = None) -> dict[int, dict[str, datetime]]:
    """Return when each closed program's open referrals expire, by app and program (None: of all apps).

    Only programs that have open referrals. How long they have says the newest version, which is the last one.
    """
    has_open = exists().where(
        referrals.c.app_id == Program.app_id, referrals.c.program_id == Program.id, referrals.c.state == PENDING
    )
    closed_at = func.coalesce(Program.archived_at, Program.ended_at)
    query = select(Program.app_id, Program.id, Program.version, closed_at).where(
        Program.status.in_(sorted(CLOSED)), closed_at.is_not(None), has_open
    )
    if app_ids is not None:
        query = query.where(Program.app_id.in_(sorted(app_ids)))
    closed: dict[int, dict[tuple[str, int], datetime]] = {}
    for app_id, program_id, version, since in session.execute(query):
        closed.setdefault(app_id, {})[program_id, version] = since
    found: dict[int, dict[str, datetime]] = {}
    for app_id, programs in closed.items():
        terms = terms_of(session, app_id=app_id, versions=programs)
        found[app_id] = {
            program_id: since + terms[program_id, version].schedule.sunset
            for (program_id, version), since in programs.items()
        }
    return found


CLOSED_PROGRAMS = select(Program.id, Program.version, func.coalesce(Program.archived_at, Program.ended_at)).where(
    Program.app_id == bindparam("app_id"),
    among(Program.id, "ids"),
    Program.status.in_(sorted(CLOSED)),
)


def sunsets_of(session: Session, *, app_id: int, program_ids: Collection[str]) -> dict[str, datetime]:
    """Return when open referrals of those of these programs expire that are closed, by program."""
    rows = session.execute(CLOSED_PROGRAMS, {"app_id": app_id, "ids": sorted(program_ids)}).all()
    terms = terms_of(session, app_id=app_id, versions={(program_id, version) for program_id, version, _ in rows})
    return {program_id: since + terms[program_id, version].schedule.sunset for program_id, version, since in rows}
