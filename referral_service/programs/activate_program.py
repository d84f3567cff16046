"""Let a program take codes and claims, for the first time or after a pause."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from referral_service.programs.errors import TermsNotCarriedOut
from referral_service.programs.policy import is_legal
from referral_service.programs.read_programs import lock_program
from referral_service.programs.take_step import take_step
from referral_service.programs.terms.carried_out import parts_not_there_yet
from referral_service.programs.terms.document import Terms


def activate_program(session: Session, *, app_id: int, program_id: str, actor: str, now: datetime) -> dict[str, Any]:
    """Return the document of the program, active now; one that is active already stays as it is.

    Raises NotFound, ProgramStatusConflict, TermsNotCarriedOut.
    """
    program, version = lock_program(session, app_id=app_id, program_id=program_id)
    if is_legal("activate", program.status):
        demand_carried_out(Terms.from_document(version.terms))
    return take_step(session, "activate", program, version, actor=actor, now=now)


def demand_carried_out(terms: Terms) -> None:
    """Raise TermsNotCarriedOut, naming every part of these terms that the engine does not carry out."""
    errors: dict[str, list[str]] = {}
    for path, sentence in parts_not_there_yet(terms):
        errors.setdefault(f"terms.{path}", []).append(sentence)
    if errors:
        raise TermsNotCarriedOut(errors=errors)
