"""What a referral's facts make due: one `Due` for each reward of its terms and each fact that earns it. Pure.

The moments of the terms differ only in which facts they name and what a refund of those does; all else (ordinals,
caps, amounts, holds) is the same for every due.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from referral_service.kit.clock import months_later
from referral_service.programs.terms.conditions import PURCHASE
from referral_service.programs.terms.document import Give, Reward, Side, Terms
from referral_service.referrals.policy import (
    CONVERTED,
    NOT_COUNTED,
    NOTHING_TAKEN,
    REJECTED,
    UNDER_REVIEW,
    Decision,
    Taken,
    fact_taken,
    step_taken,
)
from referral_service.referrals.progress import Counted, Fact, Progress, Window, amount_left
from referral_service.rewards.policy import PRIZE, Base, Rules, rules_from

CLAIMED, ON_CONVERSION, REPEAT, EVERY = "claimed", "converted", "repeat_purchase", "every_purchase"


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """A reward that facts have earned. `subject` names the granting fact: a second grant for it is impossible.

    `taken` is how much of what it stands on is gone. While not `is_open` nothing new is granted for it, and what is
    not released yet is reversed, for the reason `closed_for`; what was released follows `taken` alone. `is_past_limit`
    says that the terms' `limit` has been reached before it: then it is not granted anew, and nothing is recorded.
    """

    program_id: str
    version: int
    reward: Reward
    rules: Rules
    unit: str
    referral_id: str | None
    conversion_no: int | None
    recipient_id: str
    subject: str
    base: Base
    counted: tuple[tuple[str, str, int], ...]
    occurred_at: datetime
    taken: Taken = NOTHING_TAKEN
    is_open: bool = True
    closed_for: str | None = None
    is_past_limit: bool = False

    @property
    def outlasts_conversion(self) -> bool:
        """Whether it may come long after the claim: then one of both people may have been erased meanwhile."""
        return self.reward.on in (REPEAT, EVERY) or self.reward.event_type is not None


class ReferralLike(Protocol):
    """What is asked of a referral here."""

    id: str
    program_id: str
    version: int
    referrer_id: str
    referee_id: str
    claimed_at: datetime
    conversion_no: int

    @property
    def window(self) -> Window: ...


@dataclass(frozen=True, slots=True)
class _Case:
    referral: ReferralLike
    terms: Terms
    decision: Decision
    found: Progress
    facts: Sequence[Fact]

    @property
    def should_never_have_been(self) -> bool:
        """Rejected, or found out too late for that: the referee was not new."""
        return self.decision.state == REJECTED or self.decision.reason == "not_new"

    def due(self, reward: Reward, *, subject: str, counted: Sequence[Counted], at: datetime) -> Due:
        referral = self.referral
        return Due(
            program_id=referral.program_id,
            version=referral.version,
            reward=reward,
            rules=rules_from(self.terms, reward),
            unit=unit_of(self.terms, reward.give),
            referral_id=referral.id,
            conversion_no=None,
            recipient_id=referral.referrer_id if reward.side == "referrer" else referral.referee_id,
            subject=subject,
            base=base_of(counted),
            counted=as_stored(counted),
            occurred_at=at,
        )


def dues_of(
    referral: ReferralLike, terms: Terms, decision: Decision, found: Progress, facts: Sequence[Fact]
) -> list[Due]:
    """Everything the referral's rewards are due for, in the order of the terms, then of the facts."""
    if decision.state == UNDER_REVIEW:
        return []
    case = _Case(referral, terms, decision, found, sorted(facts, key=lambda fact: fact.order))
    dues = [due for reward in terms.rewards if reward.side != "self" for due in _of_reward(case, reward)]
    # What an erasure has ended brings nobody anything new; what was granted before goes on.
    return [replace(due, is_past_limit=True) for due in dues] if decision.reason == "person_erased" else dues


def _of_reward(case: _Case, reward: Reward) -> Iterable[Due]:
    if reward.on == CLAIMED:
        return _claimed(case, reward)
    if reward.on == ON_CONVERSION:
        return _converted(case, reward)
    if reward.step_key is not None:
        return _step(case, reward)
    if reward.event_type is not None:
        return _events(case, reward)
    return _purchases(case, reward)


def _claimed(case: _Case, reward: Reward) -> Iterator[Due]:
    """For the claim itself. Refunds do not touch it; that the referral should never have been does."""
    due = case.due(reward, subject=f"referral:{case.referral.id}:0", counted=(), at=case.referral.claimed_at)
    if case.should_never_have_been:
        due = replace(
            due, is_open=False, closed_for=case.decision.reason, taken=Taken(0, 0, True, case.decision.reason)
        )
    yield due


def _converted(case: _Case, reward: Reward) -> Iterator[Due]:
    decision = case.decision
    if decision.counted and decision.converted_at is not None:
        subject = f"referral:{case.referral.id}:{decision.conversion_no}"
        due = case.due(reward, subject=subject, counted=decision.counted, at=decision.converted_at)
        yield replace(due, conversion_no=decision.conversion_no, taken=decision.taken)


def _step(case: _Case, reward: Reward) -> Iterator[Due]:
    """For one step that is met, also while the others are not; then it follows the facts of that step alone."""
    decision, terms = case.decision, case.terms
    step = terms.qualification.step(reward.step_key or "")
    if decision.counted:
        counted = tuple(item for item in decision.counted if item.step_key == reward.step_key)
    else:
        counted = next((it.counted for it in case.found.steps if it.step == step and it.is_met), ())
    if step is None or not counted:
        return
    number = max(1, decision.conversion_no)
    at = max(item.fact.occurred_at for item in counted)
    due = case.due(reward, subject=f"referral:{case.referral.id}:{number}", counted=counted, at=at)
    taken = step_taken(counted, step, terms)
    if case.should_never_have_been:
        taken = Taken(taken.of_minor, taken.of_minor, True, decision.reason)
    yield replace(due, conversion_no=number, taken=taken)


def _purchases(case: _Case, reward: Reward) -> Iterator[Due]:
    """For each purchase, counted by the conversion or not, or for those after it."""
    decision, terms = case.decision, case.terms
    if decision.converted_at is None:
        return
    first = [item.fact.order for item in decision.counted if item.fact.type == PURCHASE]
    last = max(first or [item.fact.order for item in decision.counted])
    dues = []
    for fact in case.facts:
        if fact.type != PURCHASE or fact.currency != terms.currency:
            continue
        # Where it is not (any more), nothing new is granted; what was released goes on following its own purchase.
        is_meant = fact.occurred_at >= case.referral.window.starts_at if reward.on == EVERY else fact.order > last
        counted = Counted(reward.on, fact, amount_left(fact, terms.excluded_categories))
        if counted.amount_minor == 0 and fact.amount_minor > 0:
            continue
        due = case.due(reward, subject=f"purchase:{fact.id}", counted=(counted,), at=fact.occurred_at)
        dues.append(
            replace(
                due,
                taken=fact_taken(counted, terms),
                is_open=is_meant and decision.state == CONVERTED,
                closed_for=decision.taken.reason or decision.reason or NOT_COUNTED,
            )
        )
    yield from _within_months(dues, reward, decision.converted_at)


def _events(case: _Case, reward: Reward) -> Iterator[Due]:
    """For each event of the type in the referral's time: until the deadline, and on if it ever converted."""
    decision, window = case.decision, case.referral.window
    until = None if decision.conversion_no else window.deadline_at
    dues = []
    for fact in case.facts:
        is_in_time = fact.occurred_at >= window.starts_at and (until is None or fact.occurred_at <= until)
        if fact.type == reward.event_type and is_in_time and is_countable(fact, case.terms):
            counted = Counted(reward.on, fact, fact.amount_minor)
            due = case.due(reward, subject=f"event:{fact.id}", counted=(counted,), at=fact.occurred_at)
            if case.should_never_have_been:
                due = replace(due, is_open=False, closed_for=decision.reason)
            dues.append(due)
    yield from _within_months(dues, reward, decision.converted_at)


def _within_months(dues: Iterable[Due], reward: Reward, converted_at: datetime | None) -> Iterator[Due]:
    months = reward.limit.months
    until = months_later(converted_at, months) if converted_at is not None and months is not None else None
    for due in dues:
        is_over = until is not None and due.occurred_at > until
        yield replace(due, is_open=False, closed_for=due.closed_for or "past_limit") if is_over else due


def own_due(reward: Reward, terms: Terms, fact: Fact, *, program_id: str, version: int, customer_id: str) -> Due | None:
    """What a customer's own purchase or event earns the customer (side `self`); None where nothing of it counts."""
    is_purchase = fact.type == PURCHASE
    if is_purchase and (reward.on != EVERY or fact.currency != terms.currency):
        return None
    if not is_purchase and (reward.event_type != fact.type or not is_countable(fact, terms)):
        return None
    amount = amount_left(fact, terms.excluded_categories) if is_purchase else fact.amount_minor
    if is_purchase and amount == 0 and fact.amount_minor > 0:
        return None
    counted = Counted(reward.on, fact, amount)
    return Due(
        program_id=program_id,
        version=version,
        reward=reward,
        rules=rules_from(terms, reward),
        unit=unit_of(terms, reward.give),
        referral_id=None,
        conversion_no=None,
        recipient_id=customer_id,
        subject=f"{'purchase' if is_purchase else 'event'}:{fact.id}",
        base=base_of([counted]),
        counted=as_stored([counted]),
        occurred_at=fact.occurred_at,
        taken=fact_taken(counted, terms) if is_purchase else NOTHING_TAKEN,
    )


def prize_due(
    terms: Terms, give: Give, *, rank: int, program_id: str, version: int, customer_id: str, at: datetime
) -> Due:
    """What the holder of a rank gets when a contest closes."""
    side: Side = "referrer"
    reward = Reward(key=PRIZE, side=side, on="closed", give=give)
    return Due(
        program_id=program_id,
        version=version,
        reward=reward,
        rules=rules_from(terms, reward),
        unit=unit_of(terms, give),
        referral_id=None,
        conversion_no=None,
        recipient_id=customer_id,
        subject=f"prize:{rank}",
        base=Base(),
        counted=(),
        occurred_at=at,
    )


def unit_of(terms: Terms, give: Give) -> str:
    """The unit a reward is counted in; a kind that no wallet holds is its own."""
    return terms.unit_of(give) or give.kind


def base_of(counted: Iterable[Counted]) -> Base:
    """What a percentage, or an amount per minor unit, is taken of."""
    items = list(counted)
    return Base(
        bought_minor=sum(item.amount_minor for item in items if item.fact.type == PURCHASE),
        spent_minor=sum(item.amount_minor for item in items),
    )


def is_countable(fact: Fact, terms: Terms) -> bool:
    """Whether an event counts: one with an amount in another currency than the program's does not."""
    return fact.currency is None or fact.currency == terms.currency


def as_stored(counted: Iterable[Counted]) -> tuple[tuple[str, str, int], ...]:
    """Facts as rewards store them: (step key, fact id, amount counted)."""
    return tuple((item.step_key, item.fact.id, item.amount_minor) for item in counted)
