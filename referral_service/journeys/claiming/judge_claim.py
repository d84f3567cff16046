"""Whether a claim is accepted, by the eligibility that the terms ask for. What they do not ask for costs nothing."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy.orm import Session

from referral_service.customers.attributes_of import attributes_of
from referral_service.customers.lock_customers import LockedCustomer
from referral_service.events.facts_of import purchases_of
from referral_service.events.has_bought import has_bought
from referral_service.journeys.settling.as_fact import as_fact
from referral_service.programs.terms.document import Eligibility
from referral_service.referrals.claim_slots import anchor, count_referees, is_anchored, lock_referrers
from referral_service.referrals.policy import bought_before
from referral_service.referrals.record_claim import ClaimMade
from referral_service.referrals.store import ReferralRow


def why_refused(
    session: Session,
    *,
    app_id: int,
    made: ClaimMade,
    rules: Eligibility,
    referee: LockedCustomer,
    is_same_person: bool,
    accepted: ReferralRow | None,
    estimate: bool = False,
) -> str | None:
    """Return the reason to refuse the claim of a locked referee, None to accept it.

    `accepted` is the referral of another referrer that the referee has in the program. `is_same_person`: the referee is
    the referrer, by whatever name.
    """
    if is_same_person:
        return "self_referral"
    if accepted is not None:
        return "already_referred"
    # Who is made by this very claim has no past to look for.
    if not referee.is_new and (
        reason := _why_not_by_past(session, app_id=app_id, made=made, rules=rules, referee_id=referee.id)
    ):
        return reason
    if not rules.referee_audience.accepts(referee.attributes):
        return "not_eligible_referee"
    return _why_not_by(session, app_id=app_id, made=made, rules=rules, estimate=estimate)


def keep_places(session: Session, *, app_id: int, rows: Iterable[tuple[ReferralRow, Eligibility]]) -> None:
    """Let referrals that were accepted just now hold the places that their rules bound."""
    anchor(session, app_id=app_id, rows=[row for row, rules in rows if rules.one_program_per_referee])


def _why_not_by_past(
    session: Session, *, app_id: int, made: ClaimMade, rules: Eligibility, referee_id: str
) -> str | None:
    """Why this referee may be referred by nobody (more): referred in another program, or a customer before."""
    if rules.one_program_per_referee and is_anchored(session, app_id=app_id, referee_id=referee_id):
        return "already_referred"
    if rules.referee_is_new:
        bought = purchases_of(session, app_id=app_id, customer_ids=[referee_id])[referee_id]
        if bought_before([as_fact(purchase) for purchase in bought], made.window):
            return "not_new"
    return None


def _why_not_by(session: Session, *, app_id: int, made: ClaimMade, rules: Eligibility, estimate: bool) -> str | None:
    """Why this referrer may refer nobody (more). The number comes last, for it makes others wait."""
    referrer_id = made.referrer_id
    if rules.referrer_audience:
        told = attributes_of(session, app_id=app_id, ids=[referrer_id])
        if not rules.referrer_audience.accepts(told.get(referrer_id, {})):
            return "not_eligible_referrer"
    if rules.referrer_has_purchased and not has_bought(
        session, app_id=app_id, customer_id=referrer_id, until=made.claimed_at
    ):
        return "referrer_has_not_purchased"
    places = rules.max_referees_per_referrer
    if places is not None:
        if not estimate:
            lock_referrers(session, app_id=app_id, keys=[(made.program_id, referrer_id)])
        taken = count_referees(
            session, app_id=app_id, program_id=made.program_id, referrer_id=referrer_id, places=places
        )
        if taken >= places:
            return "too_many_referees"
    return None
