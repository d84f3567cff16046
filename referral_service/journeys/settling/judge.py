"""Judge referrals: read everything their judgement rests on, set-wise, and decide each. Changes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy.orm import Session

from referral_service.events.facts_of import events_of, purchases_of
from referral_service.journeys.settling.as_fact import as_fact, event_as_fact
from referral_service.programs.terms.document import Terms
from referral_service.programs.terms_of import terms_of
from referral_service.referrals.policy import Decision, Standing, decide
from referral_service.referrals.progress import Fact
from referral_service.referrals.store import ReferralRow, counted_facts
from referral_service.rewards.steps import Holding, Plan
from referral_service.rewards.store import rewards_of_referrals


@dataclass(slots=True)
class Settled:
    """What settling did to one referral. `facts` are all its referee's; `plans` what became of its rewards.

    `before` is what settling did first where the referral has then qualified anew.
    """

    referral: ReferralRow
    terms: Terms
    facts: Sequence[Fact]
    was: Standing
    decision: Decision
    stored: Sequence[Holding] = ()
    plans: list[Plan] = field(default_factory=list)
    before: Settled | None = None

    @property
    def reward_ids(self) -> list[str]:
        return [plan.reward.id for plan in self.plans]

    @property
    def counted_ids(self) -> frozenset[str]:
        return frozenset(item.fact.id for item in self.decision.counted)

    @property
    def counted_before(self) -> frozenset[str]:
        return frozenset(fact_id for _, fact_id, _ in self.was.counted)

    @property
    def is_new_conversion(self) -> bool:
        return self.decision.conversion_no > self.was.conversion_no

    @property
    def is_taken_over(self) -> bool:
        """An earlier fact has taken the place of the one that was counted."""
        return bool(self.counted_before) and self.counted_ids != self.counted_before and not self.is_new_conversion

    def about(self, fact_id: str) -> Settled:
        """The settling that concerned this fact: the present one, or the one before the referral qualified anew."""
        if self.before is not None and fact_id not in self.counted_ids:
            return self.before
        return self


def judge(session: Session, *, app_id: int, referrals: Sequence[ReferralRow], lock: bool = True) -> list[Settled]:
    """Read what the referrals' judgement rests on, set-wise, and decide each; changes nothing.

    Their rewards are locked unless told otherwise.
    """
    if not referrals:
        return []
    terms = terms_of(session, app_id=app_id, versions={(row.program_id, row.version) for row in referrals})
    rewarded = [row for row in referrals if row.conversion_no or _of(terms, row).rewards_before_conversion]
    stored: dict[str, list[Holding]] = {}
    for reward in rewards_of_referrals(session, app_id=app_id, referral_ids=[row.id for row in rewarded], lock=lock):
        stored.setdefault(reward.referral_id or "", []).append(reward)
    counted, spent = counted_facts(session, app_id=app_id, current=referrals)
    facts = facts_of(session, app_id=app_id, referrals=referrals, terms=terms)
    judged = []
    for row in referrals:
        own, their_terms, their_facts = stored.get(row.id, []), _of(terms, row), facts[row.referee_id]
        was = Standing(
            state=row.state,
            reason=row.reason,
            window=row.window,
            conversion_no=row.conversion_no,
            counted=counted.get(row.id, ()),
            is_released=_is_released(row, own),
            pinned={} if row.conversion_no else _pinned(their_terms, own),
            spent=spent.get(row.id, frozenset()),
        )
        judged.append(Settled(row, their_terms, their_facts, was, decide(was, their_facts, their_terms), own))
    return judged


def facts_of(
    session: Session,
    *,
    app_id: int,
    referrals: Sequence[ReferralRow],
    terms: Mapping[tuple[str, int], Terms],
) -> dict[str, list[Fact]]:
    """The facts of the referees, by referee: purchases, and those custom events that their programs ask for."""
    people = sorted({row.referee_id for row in referrals})
    bought = purchases_of(session, app_id=app_id, customer_ids=people)
    facts = {customer_id: [as_fact(purchase) for purchase in theirs] for customer_id, theirs in bought.items()}
    asked: dict[str, frozenset[str]] = {}
    for row in referrals:
        if types := _of(terms, row).event_types:
            asked[row.referee_id] = asked.get(row.referee_id, frozenset()) | types
    for event in events_of(session, app_id=app_id, asked=asked):
        facts[event.customer_id].append(event_as_fact(event))
    return facts


def _of(terms: Mapping[tuple[str, int], Terms], row: ReferralRow) -> Terms:
    return terms[row.program_id, row.version]


def _is_released(row: ReferralRow, stored: Sequence[Holding]) -> bool:
    """Whether a reward of the present conversion, or of a step on its way, has been available."""
    return bool(row.conversion_no) and any(
        reward.released_at is not None and reward.conversion_no == row.conversion_no for reward in stored
    )


def _pinned(terms: Terms, stored: Sequence[Holding]) -> dict[str, frozenset[str]]:
    """The facts, by step, of rewards that were released for a step while the referral has not converted."""
    steps = {reward.key: reward.step_key for reward in terms.rewards if reward.step_key is not None}
    return {
        str(steps[reward.reward_key]): frozenset(fact_id for _, fact_id, _ in reward.counted)
        for reward in stored
        if reward.released_at is not None and reward.reward_key in steps
    }
