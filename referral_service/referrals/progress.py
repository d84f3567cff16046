"""The one matcher: how far the facts carry a referral towards its qualification.

Granting, explain, dry run and tests all ask this function. It is pure: facts and terms in, an answer out.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from referral_service.programs.terms.conditions import Alternative, Step
from referral_service.programs.terms.document import Terms

# A purchase made inside the window still counts when its message arrives this long after the deadline.
LATE_ARRIVAL = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Fact:
    """A purchase or another event of the referee. Amounts are minor units of `currency`; times are instants.

    `name` is what its sender calls it: at one instant, the smaller name is the earlier fact. `refunded_minor` is what
    was given back so far, `dispute` the dispute's state, if there was one.
    """

    id: str
    type: str
    occurred_at: datetime
    recorded_at: datetime
    amount_minor: int = 0
    currency: str | None = None
    refunded_minor: int = 0
    dispute: str | None = None
    name: str = ""
    lines: Sequence[dict[str, Any]] = ()
    attributes: dict[str, Any] = field(default_factory=dict)

    @property
    def order(self) -> tuple[datetime, str, str]:
        """The earliest is the first. Of two at one instant the name decides: ids here are given by arrival, and speak
        only where two sources gave the same name."""
        return (self.occurred_at, self.name, self.id)


@dataclass(frozen=True, slots=True)
class Window:
    """When a fact counts: from `starts_at` to `deadline_at`, both included.

    Its message may come late. Where nothing has converted the referral yet, it must come within LATE_ARRIVAL after the
    deadline; `has_converted` says that something has, and then an earlier fact may take over however late it is told.
    """

    starts_at: datetime
    deadline_at: datetime
    has_converted: bool = False


@dataclass(frozen=True, slots=True)
class Counted:
    """A fact that a step counted, with the amount it counted for (excluded lines left out)."""

    step_key: str
    fact: Fact
    amount_minor: int


@dataclass(frozen=True, slots=True)
class StepProgress:
    """One step: whether it is met, when, by what, and how far the nearest alternative has come."""

    step: Step
    met_at: datetime | None
    counted: tuple[Counted, ...]
    nearest: Alternative
    observed_count: int
    observed_minor: int

    @property
    def is_met(self) -> bool:
        return self.met_at is not None


@dataclass(frozen=True, slots=True)
class Progress:
    """All steps in their order. Complete when each is met; then `completed_at` is the time of the last one."""

    steps: tuple[StepProgress, ...]

    @property
    def is_complete(self) -> bool:
        return all(step.is_met for step in self.steps)

    @property
    def counted(self) -> tuple[Counted, ...]:
        return tuple(counted for step in self.steps for counted in step.counted)

    @property
    def completed_at(self) -> datetime | None:
        times = [step.met_at for step in self.steps if step.met_at is not None]
        return max(times) if self.is_complete and times else None


NOTHING_PINNED: Mapping[str, Collection[str]] = {}


def progress(
    facts: Iterable[Fact], terms: Terms, window: Window, *, pinned: Mapping[str, Collection[str]] = NOTHING_PINNED
) -> Progress:
    """Match `facts` against the steps of `terms` inside `window`. The order in which facts arrived plays no part.

    `pinned` are facts, by step, that a released reward stands on: that step keeps them whatever becomes known later.
    """
    known = sorted(facts, key=lambda fact: fact.order)
    usable = [fact for fact in known if why_outside(fact, window) is None]
    steps: list[StepProgress] = []
    not_before: datetime | None = None
    for step in terms.qualification.steps:
        if step.key in pinned:
            own = [fact for fact in known if fact.id in pinned[step.key]]
            found = _best_alternative(step, own, terms, None)
        else:
            found = _best_alternative(step, usable, terms, not_before)
        steps.append(found)
        if terms.qualification.ordered:
            if not found.is_met:
                # What comes after an unmet step has not begun.
                usable = []
            not_before = found.met_at
    return Progress(tuple(steps))


def step_progress(facts: Iterable[Fact], step: Step, terms: Terms) -> StepProgress:
    """Match `facts`, known to lie in the window, against one step."""
    return _best_alternative(step, sorted(facts, key=lambda fact: fact.order), terms, None)


def why_outside(fact: Fact, window: Window) -> str | None:
    """Why a fact lies outside the referral's window, or None when it lies inside. Both edges count."""
    if fact.occurred_at < window.starts_at:
        return "before_window"
    if fact.occurred_at > window.deadline_at:
        return "after_deadline"
    if not window.has_converted and fact.recorded_at > window.deadline_at + LATE_ARRIVAL:
        return "arrived_too_late"
    return None


def why_not_counted(fact: Fact, terms: Terms, window: Window) -> str | None:
    """Why no step could count this fact by itself; None when at least one could."""
    reasons = [
        _why_no_match(fact, alternative, terms)
        for step in terms.qualification.steps
        for alternative in step.alternatives
    ]
    if None in reasons:
        return why_outside(fact, window)
    # Of several refusals the most telling one: a wrong type says least.
    told = [reason for reason in reasons if reason != "other_type"]
    return told[0] if told else "other_type"


def _best_alternative(step: Step, facts: Sequence[Fact], terms: Terms, not_before: datetime | None) -> StepProgress:
    tried = [_follow(step, alternative, facts, terms, not_before) for alternative in step.alternatives]
    met = [(result.met_at, position, result) for position, result in enumerate(tried) if result.met_at is not None]
    if met:
        return min(met)[2]
    return max(tried, key=lambda result: (result.observed_count, result.observed_minor))


def _follow(
    step: Step, alternative: Alternative, facts: Sequence[Fact], terms: Terms, not_before: datetime | None
) -> StepProgress:
    counted: list[Counted] = []
    days: set[object] = set()
    total = 0
    met_at: datetime | None = None
    for fact in facts:
        if not_before is not None and fact.occurred_at < not_before:
            continue
        if _why_no_match(fact, alternative, terms) is not None:
            continue
        if alternative.distinct_days and fact.occurred_at.date() in days:
            continue
        days.add(fact.occurred_at.date())
        amount = amount_counted(fact, alternative)
        counted.append(Counted(step.key, fact, amount))
        total += amount
        if len(counted) >= alternative.count and total >= (alternative.cumulative_minor or 0):
            met_at = fact.occurred_at
            break
    return StepProgress(step, met_at, tuple(counted), alternative, len(counted), total)


def amount_counted(fact: Fact, alternative: Alternative) -> int:
    """The fact's amount without its lines of excluded categories, in minor units."""
    return amount_left(fact, alternative.exclude)


def amount_left(fact: Fact, excluded: Collection[str]) -> int:
    """The fact's amount without its lines of these categories, in minor units."""
    left_out: int = sum(line["amount_minor"] for line in fact.lines if line.get("category") in excluded)
    return max(0, fact.amount_minor - left_out)


def _why_no_match(fact: Fact, alternative: Alternative, terms: Terms) -> str | None:
    if fact.type != alternative.event:
        return "other_type"
    if fact.currency is not None and fact.currency != terms.currency:
        return "wrong_currency"
    if fact.currency is None and (alternative.min_amount_minor or alternative.cumulative_minor):
        return "no_amount"
    if not alternative.where.accepts(fact.attributes):
        return "attributes_differ"
    amount = amount_counted(fact, alternative)
    if alternative.exclude and fact.amount_minor > 0 and amount == 0:
        return "all_lines_excluded"
    if amount < alternative.min_amount_minor:
        return "below_minimum"
    return None
