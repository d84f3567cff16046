"""Which facts meet which steps: the qualification of PRODUCT.md, told by its words and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from campaigns.facts import Fact, Purchase
from campaigns.terms import Condition, Step, matches

Place = tuple[datetime, str]


def place(fact: Fact) -> Place:
    """Facts stand in the order of when they happened; at one instant their names decide."""
    return fact.occurred_at, fact.name


def less_excluded(fact: Fact, excluded: Iterable[str]) -> int | None:
    """The amount without the lines of these categories; None: something was left out, and nothing is left."""
    out = sum(amount for category, amount in fact.lines if category in excluded)
    rest = fact.amount_minor - out
    return None if out and rest <= 0 else rest


@dataclass(frozen=True, slots=True)
class Counted:
    """A fact as a step counts it: with its amount less what the step excludes."""

    fact: Fact
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Met:
    """A step that is met: by which alternative, through which facts."""

    key: str
    condition: Condition
    facts: tuple[Counted, ...]

    @property
    def last(self) -> Fact:
        return self.facts[-1].fact

    def lasts(self, left: Callable[[Counted], int | None], *, amounts_matter: bool) -> bool:
        """Whether what is left of these facts (None: nothing) still meets it."""
        rests = [(counted, left(counted)) for counted in self.facts]
        there = [Counted(counted.fact, rest) for counted, rest in rests if rest is not None]
        least = self.condition.min_amount_minor if amounts_matter else 0
        enough = [counted for counted in there if counted.amount_minor >= least]
        cumulative = self.condition.cumulative_minor if amounts_matter else None
        return len(enough) >= self.condition.count and sum(c.amount_minor for c in enough) >= (cumulative or 0)


def counts(condition: Condition, fact: Fact) -> Counted | None:
    if fact.type != condition.event or not matches(condition.where, fact.attributes):
        return None
    amount = less_excluded(fact, condition.exclude)
    return None if amount is None or amount < condition.min_amount_minor else Counted(fact, amount)


def meet(condition: Condition, facts: Sequence[Fact], *, key: str) -> Met | None:
    """The shortest run of facts, from the first on, that is enough. `facts` in order."""
    taken: list[Counted] = []
    days = set()
    for fact in facts:
        counted = counts(condition, fact)
        if counted is None or (condition.distinct_days and fact.occurred_at.date() in days):
            continue
        taken.append(counted)
        days.add(fact.occurred_at.date())
        enough = sum(c.amount_minor for c in taken) >= (condition.cumulative_minor or 0)
        if len(taken) >= condition.count and enough:
            return Met(key, condition, tuple(taken))
    return None


def met_steps(
    steps: Sequence[Step], facts: Iterable[Fact], *, ordered: bool, pinned: Mapping[str, Met]
) -> dict[str, Met]:
    """The steps that are met, by key. `pinned` ones keep the facts they have."""
    found: dict[str, Met] = {}
    rest = sorted(facts, key=place)
    for step in steps:
        met = pinned.get(step.key)
        if met is None:
            ways = [way for c in step.any_of if (way := meet(c, rest, key=step.key)) is not None]
            met = min(ways, key=lambda way: place(way.last), default=None)
        if met is not None:
            found[step.key] = met
        if ordered and met is None:
            break
        if ordered and met is not None:
            rest = [fact for fact in rest if place(fact) > place(met.last)]
    return found


def purchases_of(mets: Iterable[Met]) -> list[Purchase]:
    """The purchases that these steps count, in order, each once."""
    found = {c.fact.name: c.fact for met in mets for c in met.facts if isinstance(c.fact, Purchase)}
    return sorted(found.values(), key=place)


def all_counted(mets: Iterable[Met]) -> list[Counted]:
    """Each fact once, by its largest counted amount, in order."""
    found: dict[tuple[str, str], Counted] = {}
    for counted in sorted((c for met in mets for c in met.facts), key=lambda c: c.amount_minor):
        found[counted.fact.type, counted.fact.name] = counted
    return sorted(found.values(), key=lambda counted: place(counted.fact))
