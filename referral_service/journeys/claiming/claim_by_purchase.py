"""A purchase that carries a code or a click token claims and converts in one step, under the rules of any claim."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from referral_service.customers.lock_customers import LockedCustomer
from referral_service.events.given import GivenEvent
from referral_service.journeys.claiming.decide_claims import CREATED, REFUSED, Weighed, decide_claim
from referral_service.journeys.claiming.given import GivenTouch
from referral_service.journeys.claiming.weigh_evidence import weigh_evidence
from referral_service.journeys.tools import Tools
from referral_service.kit.errors import Problem


def touches_of_purchase(event: GivenEvent) -> list[GivenTouch]:
    """The evidence that a purchase carries."""
    touches = [
        GivenTouch(click_token=event.click_token),
        GivenTouch(signed_code=event.signed_code),
        GivenTouch(code=event.code),
        *(GivenTouch(code=hint) for hint in event.code_hints),
    ]
    return [touch for touch in touches if touch != GivenTouch()]


def claim_by_purchase(
    session: Session,
    *,
    tools: Tools,
    app_id: int,
    event: GivenEvent,
    buyer: LockedCustomer,
    now: datetime,
    estimate: bool = False,
) -> tuple[bool, str | None]:
    """Claim the locked buyer for the code of a purchase; gives whether that made a referral, and why not.

    Settling is the caller's. A bad code spoils no purchase: the event is recorded all the same, and the reason is told,
    but not of a discount code that refers nobody, for it never claimed to.
    An `estimate` locks no limit.
    """
    given = touches_of_purchase(event)
    said = tools.emails.read(event.email, app_id=app_id) if event.email else None
    are_all_hints = len(given) == len(event.code_hints)
    try:
        made, terms = weigh_evidence(
            session, tools=tools, app_id=app_id, touches=given, claimed_at=event.occurred_at, now=now
        )
    except Problem as problem:
        return False, None if are_all_hints else problem.code
    try:
        # A refusal that is not to be kept takes back what it wrote, and no more.
        with session.begin_nested():
            weighed = Weighed(made=made, terms=terms, referee=buyer, said_address=said)
            outcome = decide_claim(session, app_id=app_id, claim=weighed, now=now, estimate=estimate)
    except Problem as problem:
        return False, problem.code
    return outcome.kind == CREATED, outcome.reason if outcome.kind == REFUSED else None
