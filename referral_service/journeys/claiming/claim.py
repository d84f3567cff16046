"""A claim: tie a referee to a referrer, and at once settle what the referee's purchases already say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy.orm import Session

from referral_service.codes.errors import CodeNotFound, CodeRevoked, ProgramNotActive, ProgramNotStarted
from referral_service.customers.canon_index_of import is_erased
from referral_service.customers.ensure_customers import find_customers
from referral_service.customers.find_by_email import find_by_email
from referral_service.customers.lock_customers import LockedCustomer, lock_customers, lock_or_make_customer
from referral_service.customers.put_customer import note_email
from referral_service.events.policy import lies_ahead
from referral_service.events.purchases import adopt_purchases
from referral_service.journeys.claiming.judge_claim import keep_places, why_refused
from referral_service.journeys.claiming.see_touches import GivenTouch, see_touches
from referral_service.journeys.settling.own_rewards import own_items_of_purchases
from referral_service.journeys.settling.settle import settle
from referral_service.journeys.telling.answer_waiting import answer_waiting
from referral_service.journeys.tools import Tools
from referral_service.kit.errors import Problem
from referral_service.programs.policy import NOT_ACTIVE, NOT_STARTED, why_no_claims
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
from referral_service.referrals.record_claim import ClaimMade, accept_claim, accepted_referral, refuse_claim
from referral_service.referrals.store import ReferralRow, lock_referrals_of

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
    ClickExpired, EvidenceNotAccepted, InvalidTouch, ProgramNotActive and ProgramNotStarted, and then keeps nothing.
    """
    claimed_at = occurred_at or now
    if lies_ahead(claimed_at, now=now):
        raise OccurredInFuture(errors={"occurred_at": ["Lies in the future of the app's clock."]})
    try:
        made, terms = weigh_evidence(
            session, tools=tools, app_id=app_id, touches=touches, claimed_at=claimed_at, now=now
        )
    except Problem:
        # What was accepted once stays so, whatever has become of the code and its program since.
        before = _claimed_before(
            session,
            tools=tools,
            app_id=app_id,
            touches=touches,
            referee_external_id=referee_external_id,
            claimed_at=claimed_at,
            now=now,
        )
        if before is None:
            raise
        return ClaimOutcome(SAME, before)
    referee = lock_or_make_customer(session, app_id=app_id, external_id=referee_external_id, now=now)
    referee_id = referee.id
    if referee_email is not None:
        note_email(
            session, tools.sealer, tools.emails, app_id=app_id, customer_id=referee_id, email=referee_email, now=now
        )
        # With an address comes a past: purchases may have waited under it.
        referee = lock_customers(session, app_id=app_id, ids=[referee_id])[referee_id]
    adopted = _adopt_waiting(session, app_id=app_id, referee=referee)
    said = tools.emails.canon_index(referee_email, app_id=app_id) if referee_email else None
    outcome = decide_claim(session, app_id=app_id, made=made, terms=terms, referee=referee, said_canon=said, now=now)
    if not adopted and outcome.kind != CREATED:
        return outcome
    # What was adopted concerns every program of the referee, whatever became of this claim.
    referrals = lock_referrals_of(session, app_id=app_id, referee_ids=[referee_id]) if adopted else [outcome.referral]
    own = own_items_of_purchases(session, app_id=app_id, adopted={referee_id: adopted})
    settled = settle(session, app_id=app_id, referrals=referrals, own=own, now=now)
    answer_waiting(session, app_id=app_id, settled=settled.values())
    mine = settled.get(outcome.referral.id)
    return replace(outcome, referral=mine.referral) if mine else outcome


def _claimed_before(
    session: Session,
    *,
    tools: Tools,
    app_id: int,
    touches: Sequence[GivenTouch],
    referee_external_id: str,
    claimed_at: datetime,
    now: datetime,
) -> ReferralRow | None:
    """The referral that the same claim made earlier, for the same referee and one of the same referrers."""
    known = find_customers(session, app_id=app_id, external_ids=[referee_external_id])
    if not known:
        return None
    seen = see_touches(session, key_ring=tools.key_ring, app_id=app_id, given=touches, claimed_at=claimed_at, now=now)
    for touch in seen:
        if touch.program_id is not None:
            row = accepted_referral(
                session, app_id=app_id, program_id=touch.program_id, referee_id=known[referee_external_id]
            )
            if row is not None and row.referrer_id == touch.referrer_id:
                return row
    return None


def _adopt_waiting(session: Session, *, app_id: int, referee: LockedCustomer) -> list[str]:
    """Give the referee the purchases that waited under an address nobody else has; gives their ids."""
    index = referee.email_index
    if index is None or find_by_email(session, app_id=app_id, indexes={index}).get(index) != [referee.id]:
        return []
    return adopt_purchases(session, app_id=app_id, customer_id=referee.id, email_index=index)


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
    closed = {
        program.id: why
        for program in programs.values()
        if (why := why_no_claims(program.status, newest[program.id].schedule, made_at=claimed_at, now=now))
    }
    chosen, judged = attribute(seen, terms=newest, closed=closed, claimed_at=claimed_at)
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
    session: Session,
    *,
    app_id: int,
    made: ClaimMade,
    terms: Terms,
    referee: LockedCustomer,
    said_canon: bytes | None,
    now: datetime,
    estimate: bool = False,
) -> ClaimOutcome:
    """Accept or refuse the claim of a locked referee and write its referral; settling is the caller's.

    `said_canon` is the canonical address that came with the claim, which may be another than the one on file. An
    `estimate` locks no limit. Raises CodeRevoked where the referrer is erased.
    """
    accepted = None
    if not referee.is_new:
        accepted = accepted_referral(session, app_id=app_id, program_id=made.program_id, referee_id=referee.id)
    if accepted is not None and accepted.referrer_id == made.referrer_id:
        return ClaimOutcome(SAME, accepted)
    rules = terms.eligibility
    reason = why_refused(
        session,
        app_id=app_id,
        made=made,
        rules=rules,
        referee=referee,
        said_canon=said_canon,
        accepted=accepted,
        estimate=estimate,
    )
    if reason is None:
        row = accept_claim(session, app_id=app_id, made=made, referee_id=referee.id, now=now)
        if not estimate:
            keep_places(session, app_id=app_id, row=row, rules=rules)
        # Asked only now: the new row holds the referrer's key, so that an erasure came before it or waits for it.
        if is_erased(session, app_id=app_id, customer_id=made.referrer_id):
            raise CodeRevoked
        return ClaimOutcome(CREATED, row)
    refused = refuse_claim(session, app_id=app_id, made=made, referee_id=referee.id, reason=reason, now=now)
    return ClaimOutcome(REFUSED, refused, reason)


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
