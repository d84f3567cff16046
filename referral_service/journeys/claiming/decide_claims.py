"""Accept or refuse claims whose evidence was weighed and whose referees are locked, and write what becomes of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.orm import Session

from referral_service.codes.errors import CodeRevoked
from referral_service.customers.canon_indexes_of import canon_indexes_of
from referral_service.customers.emails import Address
from referral_service.customers.lock_customers import LockedCustomer
from referral_service.customers.read_customer import external_ids
from referral_service.journeys.claiming.judge_claim import keep_places, why_refused
from referral_service.programs.terms.document import Terms
from referral_service.referrals.record_claim import ClaimMade, accept_claims, accepted_referral, refuse_claim
from referral_service.referrals.store import ReferralRow

CREATED, SAME, REFUSED = "created", "same", "refused"


@dataclass(frozen=True, slots=True)
class ClaimOutcome:
    """What a claim led to: `created`, `same` (it was made before) or `refused`, with the referral that records it.

    `names` are the app's own ids of the people in it, as far as the claim had to read them (`cus_…` -> id).
    """

    kind: str
    referral: ReferralRow
    reason: str | None = None
    names: Mapping[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighed:
    """A claim to be decided. `said_address` came with it, and may be another than the one on file."""

    made: ClaimMade
    terms: Terms
    referee: LockedCustomer
    said_address: Address | None = None

    @property
    def mailboxes(self) -> set[bytes]:
        """The canonical addresses that are the referee's."""
        said = None if self.said_address is None else self.said_address.canon_index
        return {canon for canon in (self.referee.email_canon_index, said) if canon is not None}


def decide_claims(
    session: Session, *, app_id: int, claims: Sequence[Weighed], now: datetime, estimate: bool = False
) -> list[ClaimOutcome]:
    """Accept or refuse each claim and write its referral; settling is the caller's.

    The referees must differ, and where terms bound how many a referrer may have, no two claims be of the same program:
    none sees what another has just written. An `estimate` locks no limit. Raises CodeRevoked where a referrer is
    erased, and then nothing of any may be kept.
    """
    outcomes: dict[int, ClaimOutcome] = {}
    accepted: dict[int, Weighed] = {}
    # Read, not locked: a referrer whose link goes round would otherwise hold up every claim.
    mailboxes = canon_indexes_of(session, app_id=app_id, ids={it.made.referrer_id for it in claims if it.mailboxes})
    for n, claim in enumerate(claims):
        is_same_person = claim.referee.id == claim.made.referrer_id or (
            mailboxes.get(claim.made.referrer_id) in claim.mailboxes
        )
        outcome = _not_accepted(
            session, app_id=app_id, claim=claim, is_same_person=is_same_person, now=now, estimate=estimate
        )
        if outcome is None:
            accepted[n] = claim
        else:
            outcomes[n] = outcome
    made = [(claim.made, claim.referee.id) for claim in accepted.values()]
    rows = accept_claims(session, app_id=app_id, claims=made, now=now)
    if not estimate:
        kept = zip(rows, accepted.values(), strict=True)
        keep_places(session, app_id=app_id, rows=[(row, claim.terms.eligibility) for row, claim in kept])
    # Asked only now: the new rows hold the referrers' keys, so that an erasure came before them or waits for them.
    names = external_ids(session, app_id=app_id, ids={row.referrer_id for row in rows})
    if None in names.values():
        raise CodeRevoked
    for row, (n, claim) in zip(rows, accepted.items(), strict=True):
        known = {row.referrer_id: names[row.referrer_id], claim.referee.id: claim.referee.external_id}
        outcomes[n] = ClaimOutcome(CREATED, row, names=known)
    return [outcomes[n] for n in range(len(claims))]


def decide_claim(
    session: Session, *, app_id: int, claim: Weighed, now: datetime, estimate: bool = False
) -> ClaimOutcome:
    """The same for one claim."""
    return decide_claims(session, app_id=app_id, claims=[claim], now=now, estimate=estimate)[0]


def _not_accepted(
    session: Session, *, app_id: int, claim: Weighed, is_same_person: bool, now: datetime, estimate: bool
) -> ClaimOutcome | None:
    """What became of the claim where it makes no referral: it was made before, or is refused."""
    made, referee = claim.made, claim.referee
    accepted = None
    if not referee.is_new:
        accepted = accepted_referral(session, app_id=app_id, program_id=made.program_id, referee_id=referee.id)
    if accepted is not None and accepted.referrer_id == made.referrer_id:
        return ClaimOutcome(SAME, accepted)
    reason = why_refused(
        session,
        app_id=app_id,
        made=made,
        rules=claim.terms.eligibility,
        referee=referee,
        is_same_person=is_same_person,
        accepted=accepted,
        estimate=estimate,
    )
    if reason is None:
        return None
    refused = refuse_claim(session, app_id=app_id, made=made, referee_id=referee.id, reason=reason, now=now)
    return ClaimOutcome(REFUSED, refused, reason)
