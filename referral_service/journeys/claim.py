"""A claim: tie a referee to a referrer, and at once settle what the referee's purchases already say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from referral_service.codes.errors import CodeNotFound, CodeRevoked, ProgramNotActive
from referral_service.customers.canon_index_of import canon_index_of
from referral_service.customers.ensure_customers import ensure_customers
from referral_service.customers.lock_customers import LockedCustomer, lock_customers
from referral_service.customers.put_customer import note_email
from referral_service.events.facts_of import purchases_of
from referral_service.events.policy import lies_ahead
from referral_service.events.purchases import adopt_purchases
from referral_service.journeys.answer_waiting import answer_waiting
from referral_service.journeys.see_touches import GivenTouch, see_touches
from referral_service.journeys.settle import as_fact, settle
from referral_service.journeys.tools import Tools
from referral_service.kit.errors import Problem
from referral_service.programs.read_programs import programs_by_id
from referral_service.programs.terms.document import Terms
from referral_service.programs.terms_of import terms_of
from referral_service.referrals.attribution import attribute, window_of
from referral_service.referrals.errors import (
    ClickExpired,
    EvidenceNotAccepted,
    InvalidTouch,
    OccurredInFuture,
)
from referral_service.referrals.policy import bought_before
from referral_service.referrals.record_claim import ClaimMade, accept_claim, accepted_referral, refuse_claim
from referral_service.referrals.store import ReferralRow

CREATED, SAME, REFUSED = "created", "same", "refused"


@dataclass(frozen=True, slots=True)
class ClaimOutcome:
    """What a claim led to: `created`, `same` (it was made before) or `refused`, with the referral that records it."""

    kind: str
    referral: ReferralRow
    reason: str | None = None


def claim(
    session: Session,
    *,
    tools: Tools,
    app_id: int,
    touches: Sequence[GivenTouch],
    referee_external_id: str,
    referee_email: str | None,
    occurred_at: datetime | None,
    now: datetime,
) -> ClaimOutcome:
    """Claim a referee for whoever shared the touch that counts; `now` is business time.

    A refusal that is to be kept is an outcome, not an exception. Raises OccurredInFuture, CodeNotFound, CodeRevoked,
    ClickExpired, EvidenceNotAccepted, InvalidTouch and ProgramNotActive, and then keeps nothing.
    """
    claimed_at = occurred_at or now
    if lies_ahead(claimed_at, now=now):
        raise OccurredInFuture(errors={"occurred_at": ["Lies in the future of the app's clock."]})
    made, terms = weigh_evidence(session, tools=tools, app_id=app_id, touches=touches, claimed_at=claimed_at, now=now)
    known = ensure_customers(session, app_id=app_id, external_ids=[referee_external_id], now=now)
    referee_id = known[referee_external_id]
    if referee_email is not None:
        note_email(
            session, tools.sealer, tools.emails, app_id=app_id, customer_id=referee_id, email=referee_email, now=now
        )
    referee = lock_customers(session, app_id=app_id, ids=[referee_id])[referee_id]
    if referee.email_index is not None:
        adopt_purchases(session, app_id=app_id, customer_id=referee_id, email_index=referee.email_index)
    outcome = decide_claim(session, app_id=app_id, made=made, terms=terms, referee=referee, now=now)
    if outcome.kind == CREATED:
        settled = settle(session, app_id=app_id, referrals=[outcome.referral], now=now)
        answer_waiting(session, app_id=app_id, settled=settled.values())
    return outcome


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
    program_ids = {touch.program_id for touch in seen if touch.program_id is not None}
    programs = programs_by_id(session, app_id=app_id, ids=program_ids)
    versions = {(program.id, program.version) for program in programs.values()}
    newest = {
        program_id: terms for (program_id, _), terms in terms_of(session, app_id=app_id, versions=versions).items()
    }
    active = frozenset(program.id for program in programs.values() if program.status == "active")
    chosen, judged = attribute(seen, terms=newest, active=active, claimed_at=claimed_at)
    if chosen is None or chosen.program_id is None or chosen.referrer_id is None or chosen.code_id is None:
        raise _problem_of(judged[-1].reason)
    terms = newest[chosen.program_id]
    made = ClaimMade(
        program_id=chosen.program_id,
        version=programs[chosen.program_id].version,
        referrer_id=chosen.referrer_id,
        code_id=chosen.code_id,
        claimed_at=claimed_at,
        window=window_of(judged, program_id=chosen.program_id, terms=terms, claimed_at=claimed_at),
        seen=judged,
    )
    return made, terms


def decide_claim(
    session: Session, *, app_id: int, made: ClaimMade, terms: Terms, referee: LockedCustomer, now: datetime
) -> ClaimOutcome:
    """Accept or refuse the claim of a locked referee and write its referral; settling is the caller's."""
    accepted = accepted_referral(session, app_id=app_id, program_id=made.program_id, referee_id=referee.id)
    if accepted is not None and accepted.referrer_id == made.referrer_id:
        return ClaimOutcome(SAME, accepted)
    reason = None
    if _same_person(session, app_id=app_id, referee=referee, referrer_id=made.referrer_id):
        reason = "self_referral"
    elif accepted is not None:
        reason = "already_referred"
    elif terms.eligibility.referee_is_new:
        bought = purchases_of(session, app_id=app_id, customer_ids=[referee.id])[referee.id]
        if bought_before([as_fact(purchase) for purchase in bought], made.window):
            reason = "not_new"
    if reason is None:
        return ClaimOutcome(CREATED, accept_claim(session, app_id=app_id, made=made, referee_id=referee.id, now=now))
    refused = refuse_claim(session, app_id=app_id, made=made, referee_id=referee.id, reason=reason, now=now)
    return ClaimOutcome(REFUSED, refused, reason)


def _same_person(session: Session, *, app_id: int, referee: LockedCustomer, referrer_id: str) -> bool:
    if referee.id == referrer_id:
        return True
    if referee.email_canon_index is None:
        return False
    # Read, not locked: a referrer whose link goes round would otherwise hold up every claim.
    return canon_index_of(session, app_id=app_id, customer_id=referrer_id) == referee.email_canon_index


def _problem_of(reason: str | None) -> Problem:
    problems: dict[str, Problem] = {
        "code_not_found": CodeNotFound(),
        "code_malformed": CodeNotFound(),
        "code_revoked": CodeRevoked(),
        "outside_window": ClickExpired(),
        "evidence_not_accepted": EvidenceNotAccepted(),
        "program_not_active": ProgramNotActive(),
    }
    return problems.get(reason or "", InvalidTouch())
