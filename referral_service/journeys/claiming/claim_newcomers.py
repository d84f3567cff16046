"""Claims of people nobody knew before, several in one transaction: what most claims are where a link goes round."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy.orm import Session

from referral_service.customers.emails import Address
from referral_service.customers.ensure_customers import make_customers
from referral_service.customers.lock_customers import LockedCustomer
from referral_service.customers.put_customer import note_first_emails
from referral_service.events.policy import lies_ahead
from referral_service.journeys.claiming.decide_claims import CREATED, ClaimOutcome, Weighed, decide_claims
from referral_service.journeys.claiming.given import GivenClaim
from referral_service.journeys.claiming.see_touches import see_all
from referral_service.journeys.claiming.settle_claims import adopt_waiting, settle_claims
from referral_service.journeys.claiming.weigh_evidence import weigh
from referral_service.journeys.tools import Tools
from referral_service.kit.errors import Problem
from referral_service.programs.terms.document import Terms
from referral_service.referrals.record_claim import ClaimMade


def claim_newcomers(
    session: Session, *, tools: Tools, app_id: int, given: Sequence[GivenClaim], now: datetime
) -> list[ClaimOutcome | None]:
    """Claim as `claim` would one after another, most of it in the statements of one; gives what became of each. Only
    where a budget ends among them, those for whom it is set aside go before those who have rewards at once.

    None for what is left to `claim`, untouched: referees who are known or come twice, the second of two with one
    address, what is refused without being kept, and programs that bound how many a referrer may have, where claims have
    to see each other.
    """
    weighed = _weigh(session, tools=tools, app_id=app_id, given=given, now=now)
    addresses = {
        n: tools.emails.read(claim.referee_email, app_id=app_id)
        for n, claim in enumerate(given)
        if claim.referee_email is not None
    }
    newcomers = _make(
        session, tools=tools, app_id=app_id, given=given, among=weighed.keys(), addresses=addresses, now=now
    )
    adopted = adopt_waiting(session, app_id=app_id, referees=newcomers.values())
    claims = {
        n: Weighed(
            made=weighed[n][0],
            terms=weighed[n][1],
            # With the purchases came a past.
            referee=replace(newcomer, is_new=newcomer.id not in adopted),
            said_address=addresses.get(n),
        )
        # In the order in which they came: so limits are used up.
        for n, newcomer in sorted(newcomers.items())
    }
    decided = decide_claims(session, app_id=app_id, claims=list(claims.values()), now=now)
    # Where there is nothing yet that could change what was made, there is nothing to settle.
    to_settle = [
        outcome.referral
        for n, outcome in zip(claims, decided, strict=True)
        if outcome.kind == CREATED and (claims[n].terms.acts_at_claim or newcomers[n].id in adopted)
    ]
    settled = settle_claims(session, app_id=app_id, outcomes=decided, referrals=to_settle, adopted=adopted, now=now)
    outcomes = dict(zip(claims, settled, strict=True))
    return [outcomes.get(n) for n in range(len(given))]


def _weigh(
    session: Session, *, tools: Tools, app_id: int, given: Sequence[GivenClaim], now: datetime
) -> dict[int, tuple[ClaimMade, Terms]]:
    """The claims that may be made together, by their numbers."""
    times = [claim.occurred_at or now for claim in given]
    touches = [claim.touches for claim in given]
    all_seen = see_all(
        session, key_ring=tools.key_ring, app_id=app_id, given=list(zip(touches, times, strict=True)), now=now
    )
    weighed: dict[int, tuple[ClaimMade, Terms]] = {}
    for n, (claimed_at, seen) in enumerate(zip(times, all_seen, strict=True)):
        if lies_ahead(claimed_at, now=now):
            continue
        try:
            made, terms = weigh(session, app_id=app_id, seen=seen, claimed_at=claimed_at, now=now)
        except Problem:
            continue
        if terms.eligibility.max_referees_per_referrer is None:
            weighed[n] = made, terms
    return weighed


def _make(
    session: Session,
    *,
    tools: Tools,
    app_id: int,
    given: Sequence[GivenClaim],
    among: Container[int],
    addresses: Mapping[int, Address],
    now: datetime,
) -> dict[int, LockedCustomer]:
    """Make the referees whom nobody knew, with their addresses, and give them by the numbers of their claims: each
    referee's first, if it is `among` these. Of two who share an address the second is left out."""
    first: dict[str, int] = {}
    taken: set[bytes] = set()
    seen: set[str] = set()
    for n, claim in enumerate(given):
        referee, address = claim.referee_external_id, addresses.get(n)
        if n in among and referee not in seen and (address is None or address.index not in taken):
            first[referee] = n
            taken |= set() if address is None else {address.index}
        seen.add(referee)
    made = make_customers(session, app_id=app_id, external_ids=first, now=now)
    newcomers: dict[int, LockedCustomer] = {}
    noted: dict[str, Address] = {}
    for external_id, customer_id in made.items():
        n = first[external_id]
        address = addresses.get(n)
        newcomer = LockedCustomer(customer_id, external_id, None, None, None, {}, is_new=True)
        if address is not None and address.is_valid:
            noted[customer_id] = address
            newcomer = replace(newcomer, email_index=address.index, email_canon_index=address.canon_index)
        newcomers[n] = newcomer
    note_first_emails(session, tools.sealer, app_id=app_id, addresses=noted, now=now)
    return newcomers
