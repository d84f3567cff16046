"""Take a locked program from one status to another, as the table in `policy.py` allows."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from referral_service.audit.record import record
from referral_service.programs.document import program_document
from referral_service.programs.errors import ProgramStatusConflict
from referral_service.programs.models import Program, ProgramVersion
from referral_service.programs.policy import TRANSITIONS, Act, is_legal


def take_step(
    session: Session, act: Act, program: Program, version: ProgramVersion, *, actor: str, now: datetime
) -> dict[str, Any]:
    """Return the program's document after the step; a program that is there already stays as it is.

    Raises ProgramStatusConflict.
    """
    before, after = program.status, TRANSITIONS[act][1]
    if before == after:
        return program_document(program, version)
    if not is_legal(act, before):
        raise ProgramStatusConflict(f"A program that is {before} cannot become {after}.", program_status=before)
    program.status = after
    if after == "active" and program.activated_at is None:
        program.activated_at = now
    if after == "archived":
        program.archived_at = now
    if after == "ended":
        # As announced by its schedule, however late the worker comes: what is reckoned from it does not depend on that.
        program.ended_at = program.ends_at
    record(
        session,
        app_id=program.app_id,
        actor=actor,
        action=f"program.{after}",
        object_id=program.id,
        details={"from": before, "to": after, "version": program.version},
        now=now,
    )
    return program_document(program, version)
