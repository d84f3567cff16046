"""Archive a program for good: no new codes and claims, and referrals still open expire after the sunset."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from referral_service.programs.read_programs import lock_program
from referral_service.programs.take_step import take_step


def archive_program(session: Session, *, app_id: int, program_id: str, actor: str, now: datetime) -> dict[str, Any]:
    """Return the document of the program, archived now; one that is archived already stays as it is.

    Raises NotFound, ProgramStatusConflict.
    """
    program, version = lock_program(session, app_id=app_id, program_id=program_id)
    return take_step(session, "archive", program, version, actor=actor, now=now)
