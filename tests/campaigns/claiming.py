"""How the model judges claims: touches, eligibility, the window that a referral opens."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from campaigns.facts import Claim, is_valid
from campaigns.granting import Granting
from campaigns.known import FUTURE_TOLERANCE
from campaigns.pictures import ClaimVerdict, Reading
from campaigns.standing import Standing
from campaigns.terms import Terms, matches


class Claiming(Granting):
    def __init__(self, *, programs: Mapping[str, Terms], now: datetime, reading: Reading | None = None) -> None:
        super().__init__(programs=programs, now=now, reading=reading)
        self.standings: dict[tuple[str, str], Standing] = {}
        # Refused claims, one for each code; and claims that were accepted, each a row that outlives them: with its
        # reason.
        self.refused: dict[tuple[str, str, str], frozenset[str]] = {}
        self.undone: list[tuple[tuple[str, str, str], str]] = []
        self.accepted_count = 0
        # Of programs that are not simply active.
        self.status: dict[str, str] = {}

    def _claim(self, claim: Claim) -> ClaimVerdict:
        terms = self.programs[claim.program]
        claimed_at = claim.at or self.now
        if claimed_at > self.now + FUTURE_TOLERANCE:
            return ClaimVerdict("invalid")
        valid = [touch for touch in claim.touches if is_valid(touch, claimed_at=claimed_at, terms=terms)]
        standing = self.standings.get((claim.program, claim.referee))
        if not valid:
            # Its clicks have grown old since it was accepted: the same claim again, or no evidence any more.
            stale = standing is not None and any(touch.clicked_at is not None for touch in claim.touches)
            return ClaimVerdict("stale" if stale else "bad_code" if self.takes_claims(claim.program) else "closed")
        referrer = valid[0 if terms.touch == "first" else -1].referrer
        assert referrer is not None
        if standing is not None and standing.referrer == referrer:
            return ClaimVerdict("repeated")
        if not self.takes_claims(claim.program):
            return ClaimVerdict("closed")
        # The window opens at the first valid click, but at most `late_claim_days` before the claim.
        opens_at = claimed_at - timedelta(days=terms.late_claim_days)
        opens_at = max([opens_at, *sorted(t.clicked_at for t in valid if t.clicked_at is not None)[:1]])
        reasons = self._against(claim, referrer, standing, claimed_at=claimed_at, opens_at=opens_at)
        if reasons:
            self.refused[claim.program, claim.referee, referrer] = reasons
            return ClaimVerdict("refused", reasons)
        self.accepted_count += 1
        deadline = claimed_at + timedelta(days=terms.within_days)
        standing = Standing(
            claim.program, terms, referrer, claim.referee, claimed_at, opens_at, deadline, self.accepted_count
        )
        self.standings[standing.place] = standing
        self.limits.set_aside(standing.place, terms)
        self._settle(standing)
        return ClaimVerdict("accepted")

    def _against(
        self, claim: Claim, referrer: str, standing: Standing | None, *, claimed_at: datetime, opens_at: datetime
    ) -> frozenset[str]:
        """Several reasons at once: PRODUCT.md gives no order among them, so any of them may be told."""
        terms = self.programs[claim.program]
        told = {
            "self_referral": self.same_person(referrer, claim.referee),
            "already_referred": standing is not None or (terms.one_program and self._is_referred(claim.referee)),
            "not_new": terms.referee_is_new and self.bought_before(claim.referee, opens_at, terms=terms),
            "not_eligible_referee": not matches(terms.referee_audience, self.attributes.get(claim.referee, ())),
            "not_eligible_referrer": not matches(terms.referrer_audience, self.attributes.get(referrer, ())),
            "referrer_has_not_purchased": terms.referrer_has_purchased
            and not any(bought.occurred_at <= claimed_at for bought in self.purchases_of(referrer)),
            "too_many_referees": terms.most_referees is not None
            and self._referees(claim.program, referrer) >= terms.most_referees,
        }
        return frozenset(name for name, so in told.items() if so)

    def _is_referred(self, referee: str) -> bool:
        """In any program that wants to be the only one."""
        return any(name == referee and standing.terms.one_program for (_, name), standing in self.standings.items())

    def _referees(self, program: str, referrer: str) -> int:
        mine = [s for s in self.standings.values() if (s.program, s.referrer) == (program, referrer)]
        return len(mine)

    def takes_claims(self, program: str) -> bool:
        """Whether it is active, has begun and is not over."""
        schedule = self.programs[program].schedule
        begun = schedule.starts_at is None or schedule.starts_at <= self.now
        over = schedule.ends_at is not None and schedule.ends_at <= self.now
        return program not in self.status and begun and not over

    def _settle(self, standing: Standing) -> None:
        raise LookupError(standing)
