"""Which parts of valid terms the engine does not carry out at present.

Terms are validated whole, so that documents written today stay valid; a program that uses a part listed here
cannot be activated, and is told which. The rule is turned round on purpose: what is not known to be carried out
counts as missing, so that a new field is never silently ignored.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any, TypeAlias

from referral_service.programs.terms.document import (
    PURCHASE,
    Alternative,
    Budget,
    Credit,
    Eligibility,
    Limit,
    OnRefund,
    Percent,
    Points,
    Reward,
    Schedule,
    Step,
    Terms,
)

Missing: TypeAlias = tuple[str, str]

MOMENTS = frozenset({"converted"})
SIDES = frozenset({"referrer", "referee"})
KINDS = (Credit, Percent, Points)


def parts_not_there_yet(terms: Terms) -> list[Missing]:
    """Return a dotted path and a sentence for each part used that the engine does not carry out, in order."""
    return [
        *_unlike(Eligibility(), terms.eligibility, "eligibility", carried_out={"referee_is_new"}),
        *_in_qualification(terms),
        *(missing for n, reward in enumerate(terms.rewards) for missing in _in_reward(reward, f"rewards.{n}")),
        *_unlike(OnRefund(), terms.on_refund, "on_refund", carried_out={"spent", "below_minimum"}),
        *_unlike(Budget(), terms.budget, "budget", carried_out=set()),
        *_unlike(Schedule(), terms.schedule, "schedule", carried_out=set()),
        *([("prizes", "Prizes are not given yet: leave them out.")] if terms.prizes else []),
    ]


def _in_qualification(terms: Terms) -> Iterator[Missing]:
    steps = terms.qualification.steps
    if len(steps) > 1:
        yield "qualification.steps", "Only one step is carried out yet: leave one."
        return
    step: Step = steps[0]
    path = "qualification.steps.0"
    if step.written_as_any_of:
        yield f"{path}.any_of", "Alternatives are not carried out yet: write the step with one event."
        return
    (only,) = step.alternatives
    if only.event != PURCHASE:
        yield f"{path}.event", "Only the event purchase is carried out in a step yet."
    yield from _unlike(Alternative(), only, path, carried_out={"event", "min_amount_minor"})


def _in_reward(reward: Reward, path: str) -> Iterator[Missing]:
    if reward.side not in SIDES:
        yield f"{path}.side", "The side self is not carried out yet: only referrer and referee are."
    if reward.on not in MOMENTS:
        yield f"{path}.on", f"The moment {reward.on} is not carried out yet: only converted is."
    if not isinstance(reward.give, KINDS):
        yield f"{path}.give.kind", f"The kind {reward.give.kind} is not given yet: credit, points and percent are."
    if isinstance(reward.give, Points) and reward.give.per_minor is not None:
        yield f"{path}.give.per_minor", "Points by the amount spent are not given yet: give a fixed quantity."
    plain = Reward(key=reward.key, side=reward.side, on=reward.on, give=reward.give)
    yield from _unlike(plain, reward, path, carried_out={"hold_days", "on_refund", "limit"})
    yield from _unlike(Limit(), reward.limit, f"{path}.limit", carried_out=set())


def _unlike(default: Any, used: Any, path: str, *, carried_out: set[str]) -> Iterator[Missing]:
    """Yield each field of a frozen class that is neither carried out nor left at its default."""
    for own in dataclasses.fields(default):
        if own.name not in carried_out and getattr(used, own.name) != getattr(default, own.name):
            yield f"{path}.{own.name}", f"{own.name} is not carried out yet: leave it at its default."
