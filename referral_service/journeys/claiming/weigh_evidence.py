"""Which of a claim's touches counts, under which terms; or why none does."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from referral_service.codes.errors import CodeNotFound, CodeRevoked, ProgramNotActive, ProgramNotStarted
from referral_service.journeys.claiming.given import GivenTouch
from referral_service.journeys.claiming.see_touches import Seen, see_touches
from referral_service.journeys.tools import Tools
from referral_service.kit.errors import Problem
from referral_service.programs.policy import NOT_ACTIVE, NOT_STARTED, why_no_claims
from referral_service.programs.terms.document import Terms
from referral_service.programs.terms_of import terms_of
from referral_service.referrals.attribution import attribute, window_of
from referral_service.referrals.errors import ClickExpired, EvidenceNotAccepted, InvalidTouch
from referral_service.referrals.record_claim import ClaimMade


def weigh_evidence(
    session: Session,
    *,
    tools: Tools,
    app_id: int,
    touches: Sequence[GivenTouch],
    claimed_at: datetime,
    now: datetime,
) -> tuple[ClaimMade, Terms]:
    """Read the touches and pick the one that counts; raises the problem of the last one where none does."""
    seen = see_touches(session, key_ring=tools.key_ring, app_id=app_id, given=touches, claimed_at=claimed_at, now=now)
    return weigh(session, app_id=app_id, seen=seen, claimed_at=claimed_at, now=now)


def weigh(session: Session, *, app_id: int, seen: Seen, claimed_at: datetime, now: datetime) -> tuple[ClaimMade, Terms]:
    """The same for touches that have been read. Asks for nothing where the terms are in memory."""
    versions = {(program_id, version) for program_id, (_, version) in seen.programs.items()}
    newest = {
        program_id: terms for (program_id, _), terms in terms_of(session, app_id=app_id, versions=versions).items()
    }
    closed = {
        program_id: why
        for program_id, (status, _) in seen.programs.items()
        if (why := why_no_claims(status, newest[program_id].schedule, made_at=claimed_at, now=now))
    }
    chosen, judged = attribute(seen.touches, terms=newest, closed=closed, claimed_at=claimed_at)
    if chosen is None or chosen.program_id is None or chosen.referrer_id is None or chosen.code_id is None:
        raise _problem_of(judged[-1].reason)
    terms = newest[chosen.program_id]
    made = ClaimMade(
        program_id=chosen.program_id,
        version=seen.programs[chosen.program_id][1],
        referrer_id=chosen.referrer_id,
        code_id=chosen.code_id,
        claimed_at=claimed_at,
        window=window_of(judged, program_id=chosen.program_id, terms=terms, claimed_at=claimed_at),
        seen=judged,
    )
    return made, terms


def _problem_of(reason: str | None) -> Problem:
    problems: dict[str, Problem] = {
        "code_not_found": CodeNotFound(),
        "code_malformed": CodeNotFound(),
        "code_revoked": CodeRevoked(),
        "outside_window": ClickExpired(),
        "evidence_not_accepted": EvidenceNotAccepted(),
        NOT_ACTIVE: ProgramNotActive(),
        NOT_STARTED: ProgramNotStarted(),
    }
    return problems.get(reason or "", InvalidTouch())
