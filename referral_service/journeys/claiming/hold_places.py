"""Lock the places that several claims of one transaction may take, in one order: each by itself would lock its own."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy.orm import Session

from referral_service.events.given import PURCHASE, GivenEvent
from referral_service.journeys.claiming.claim_by_purchase import touches_of_purchase
from referral_service.journeys.claiming.see_touches import see_touches
from referral_service.journeys.tools import Tools
from referral_service.programs.terms_of import terms_of
from referral_service.referrals.claim_slots import lock_referrers


def hold_places(session: Session, *, tools: Tools, app_id: int, events: Iterable[GivenEvent], now: datetime) -> None:
    """Lock the referrers of these events' codes where their programs bound how many referees they have.

    Call it once the people are locked. A single claim needs no order, and costs nothing here.
    """
    claiming = [event for event in events if event.type == PURCHASE and event.claims]
    if len(claiming) < 2:
        return
    touches = [touch for event in claiming for touch in touches_of_purchase(event)]
    seen = see_touches(session, key_ring=tools.key_ring, app_id=app_id, given=touches, claimed_at=now, now=now)
    led = {(touch.program_id, touch.referrer_id) for touch in seen.touches if touch.program_id and touch.referrer_id}
    versions = {(program_id, version) for program_id, (_, version) in seen.programs.items()}
    bounded = {
        program_id
        for (program_id, _), terms in terms_of(session, app_id=app_id, versions=versions).items()
        if terms.eligibility.max_referees_per_referrer is not None
    }
    keys = {(str(program_id), str(referrer_id)) for program_id, referrer_id in led if program_id in bounded}
    lock_referrers(session, app_id=app_id, keys=keys)
