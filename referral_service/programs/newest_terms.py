"""The newest terms of programs: what budget, schedule and prizes are read from."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from referral_service.kit.db.among import among
from referral_service.programs.models import Program
from referral_service.programs.terms.document import Terms
from referral_service.programs.terms_of import terms_of

NEWEST = select(Program.id, Program.version).where(Program.app_id == bindparam("app_id"), among(Program.id, "ids"))

# Shared: grants do not wait for each other here, only for a change of terms, and it for them.
HOLD_NEWEST = NEWEST.order_by(Program.id).with_for_update(read=True)


def newest_terms(session: Session, *, app_id: int, program_ids: Iterable[str], hold: bool = False) -> dict[str, Terms]:
    """Return the terms of each program's newest version, by program id; unknown ids are left out.

    With `hold` they stay the newest until the transaction ends: a budget that is set meanwhile waits for what is being
    granted without one, and counts it.
    """
    wanted = sorted(set(program_ids))
    if not wanted:
        return {}
    statement = HOLD_NEWEST if hold else NEWEST
    versions = {(row.id, row.version) for row in session.execute(statement, {"app_id": app_id, "ids": wanted})}
    found = terms_of(session, app_id=app_id, versions=versions)
    return {program_id: terms for (program_id, _), terms in found.items()}
