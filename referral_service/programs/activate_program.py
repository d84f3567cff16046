"""Let a program take codes and claims, for the first time or after a pause."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from referral_service.programs.read_programs import lock_program
from referral_service.programs.take_step import take_step


def activate_program(session: Session, *, app_id: int, program_id: str, actor: str, now: datetime) -> dict[str, Any]:
    """Return the document of the program, active now; one that is active already stays as it is.

    Raises NotFound, ProgramStatusConflict.
    """
    program, version = lock_program(session, app_id=app_id, program_id=program_id)
    return take_step(session, "activate", program, version, actor=actor, now=now)
