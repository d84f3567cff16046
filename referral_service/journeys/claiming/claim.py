"""A claim: tie a referee to a referrer, and at once settle what the referee's purchases already say."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from referral_service.customers.ensure_customers import find_customers
from referral_service.customers.lock_customers import lock_customers, lock_or_make_customer
from referral_service.customers.put_customer import note_email
from referral_service.events.policy import lies_ahead
from referral_service.journeys.claiming.decide_claims import CREATED, SAME, ClaimOutcome, Weighed, decide_claim
from referral_service.journeys.claiming.given import GivenClaim
from referral_service.journeys.claiming.see_touches import see_touches
from referral_service.journeys.claiming.settle_claims import adopt_waiting, settle_claims
from referral_service.journeys.claiming.weigh_evidence import weigh_evidence
from referral_service.journeys.tools import Tools
from referral_service.kit.errors import Problem
from referral_service.referrals.errors import OccurredInFuture
from referral_service.referrals.record_claim import accepted_referral
from referral_service.referrals.store import ReferralRow, lock_referrals_of


def claim(session: Session, *, tools: Tools, app_id: int, given: GivenClaim, now: datetime) -> ClaimOutcome:
    """Claim a referee for whoever shared the touch that counts; `now` is business time.

    A refusal that is to be kept is an outcome, not an exception. Raises OccurredInFuture, CodeNotFound, CodeRevoked,
    ClickExpired, EvidenceNotAccepted, InvalidTouch, ProgramNotActive and ProgramNotStarted, and then keeps nothing.
    """
    claimed_at = given.occurred_at or now
    if lies_ahead(claimed_at, now=now):
        raise OccurredInFuture(errors={"occurred_at": ["Lies in the future of the app's clock."]})
    try:
        made, terms = weigh_evidence(
            session, tools=tools, app_id=app_id, touches=given.touches, claimed_at=claimed_at, now=now
        )
    except Problem:
        # What was accepted once stays so, whatever has become of the code and its program since.
        before = _claimed_before(session, tools=tools, app_id=app_id, given=given, claimed_at=claimed_at, now=now)
        if before is None:
            raise
        return ClaimOutcome(SAME, before)
    referee = lock_or_make_customer(session, app_id=app_id, external_id=given.referee_external_id, now=now)
    referee_id = referee.id
    address = None if given.referee_email is None else tools.emails.read(given.referee_email, app_id=app_id)
    if address is not None:
        note_email(session, tools.sealer, app_id=app_id, customer_id=referee_id, address=address, now=now)
        # With an address comes a past: purchases may have waited under it.
        referee = lock_customers(session, app_id=app_id, ids=[referee_id])[referee_id]
    adopted = adopt_waiting(session, app_id=app_id, referees=[referee])
    weighed = Weighed(made=made, terms=terms, referee=referee, said_address=address)
    outcome = decide_claim(session, app_id=app_id, claim=weighed, now=now)
    if not adopted and (outcome.kind != CREATED or (referee.is_new and not terms.acts_at_claim)):
        # Nothing was made, or there is nothing yet that could change what was made.
        return outcome
    # What was adopted concerns every program of the referee, whatever became of this claim.
    referrals = lock_referrals_of(session, app_id=app_id, referee_ids=[referee_id]) if adopted else [outcome.referral]
    (settled,) = settle_claims(
        session, app_id=app_id, outcomes=[outcome], referrals=referrals, adopted=adopted, now=now
    )
    return settled


def _claimed_before(
    session: Session, *, tools: Tools, app_id: int, given: GivenClaim, claimed_at: datetime, now: datetime
) -> ReferralRow | None:
    """The referral that the same claim made earlier, for the same referee and one of the same referrers."""
    known = find_customers(session, app_id=app_id, external_ids=[given.referee_external_id])
    if not known:
        return None
    seen = see_touches(
        session, key_ring=tools.key_ring, app_id=app_id, given=given.touches, claimed_at=claimed_at, now=now
    )
    for touch in seen.touches:
        if touch.program_id is not None:
            row = accepted_referral(
                session, app_id=app_id, program_id=touch.program_id, referee_id=known[given.referee_external_id]
            )
            if row is not None and row.referrer_id == touch.referrer_id:
                return row
    return None
