"""One accepted claim and what became of it: which facts its conversions count, and when they count no more."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime

from campaigns.facts import Fact, Purchase
from campaigns.matching import Counted, Met, all_counted, met_steps, place, purchases_of
from campaigns.terms import Terms, half_up


@dataclass(frozen=True, slots=True)
class Fate:
    """What has become of a purchase: `refunded` in minor units, and its disputes."""

    refunded: int = 0
    open: bool = False
    lost: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether something is reversed whole, why, and whether for good (an open dispute is not)."""

    whole: bool = False
    final: bool = False
    reasons: frozenset[str] | None = None


STANDS = Verdict()
FateOf = Callable[[Purchase], Fate]


@dataclass(slots=True)
class Conversion:
    """`number` counts from 1; `steps` by key, in the order of the terms."""

    number: int
    steps: dict[str, Met]
    verdict: Verdict = STANDS

    @property
    def facts(self) -> list[Counted]:
        return all_counted(self.steps.values())

    @property
    def purchases(self) -> list[Purchase]:
        return purchases_of(self.steps.values())

    @property
    def last(self) -> Fact:
        """The fact that completed it."""
        return max((met.last for met in self.steps.values()), key=place)


@dataclass(slots=True)
class Standing:
    program: str
    terms: Terms
    referrer: str
    referee: str
    claimed_at: datetime
    opens_at: datetime
    deadline: datetime
    # In the order of the claims that were accepted.
    number: int
    state: str = "pending"
    conversions: list[Conversion] = field(default_factory=list)
    # The steps on the way to the next conversion.
    on_the_way: dict[str, Met] = field(default_factory=dict)
    # Steps whose reward has been released: (conversion number, step key).
    pins: dict[tuple[int, str], Met] = field(default_factory=dict)
    # Conversions (by number) that no fact can take over any more: a conversion reward has been available.
    frozen_numbers: set[int] = field(default_factory=set)
    # It has become known that the referee had bought before; the conversion is reversed for good.
    refused: bool = False
    reasons: frozenset[str] | None = None

    @property
    def place(self) -> tuple[str, str]:
        return self.program, self.referee

    @property
    def conversion(self) -> Fact | None:
        """What completed the latest conversion."""
        return self.conversions[-1].last if self.conversions else None

    @property
    def counted(self) -> list[Purchase]:
        return self.conversions[-1].purchases if self.conversions else []

    @property
    def frozen(self) -> bool:
        """After release nothing moves; released means that a conversion reward has been available, ever."""
        return bool(self.frozen_numbers)

    def find(self, facts: Iterable[Fact], *, fate: FateOf) -> None:
        """Choose the conversion's facts anew, as long as nothing is released; with `requalify` also the next ones'."""
        known = sorted(facts, key=place)
        if not self.conversions:
            met = self._match(1, known)
            if self._is_complete(met):
                self.conversions.append(Conversion(1, met))
                met = {}
            self.on_the_way = met
        elif self.conversions[-1].number not in self.frozen_numbers:
            latest = self.conversions[-1]
            start = self._after(self.conversions[-2]) if len(self.conversions) > 1 else None
            met = self._match(latest.number, [f for f in known if start is None or place(f) > start])
            if self._is_complete(met):
                latest.steps = met
        while self.conversions:
            latest = self.conversions[-1]
            latest.verdict = self.judge(latest.steps.values(), fate=fate)
            if not (self.terms.requalify and latest.verdict.whole and latest.verdict.final) or self.refused:
                break
            met = self._match(latest.number + 1, [fact for fact in known if place(fact) > self._after(latest)])
            if not self._is_complete(met):
                self.on_the_way = met
                break
            self.conversions.append(Conversion(latest.number + 1, met))
            self.on_the_way = {}

    def _after(self, conversion: Conversion) -> tuple[datetime, str]:
        return max(place(counted.fact) for counted in conversion.facts)

    def _match(self, number: int, facts: Iterable[Fact]) -> dict[str, Met]:
        pinned = {key: met for (n, key), met in self.pins.items() if n == number}
        return met_steps(self.terms.all_steps, facts, ordered=self.terms.ordered, pinned=pinned)

    def _is_complete(self, met: dict[str, Met]) -> bool:
        return len(met) == len(self.terms.all_steps)

    # -- what refunds and disputes leave -----------------------------------------------------------------

    def judge(self, mets: Iterable[Met], *, fate: FateOf) -> Verdict:
        """Reversed whole when what is left of the facts does not meet the steps any more."""
        mets = list(mets)
        matter = self.terms.below_minimum == "reverse"
        fates = [fate(bought) for bought in purchases_of(mets)]

        def last(*, lost: bool, opened: bool) -> bool:
            def left(counted: Counted) -> int | None:
                return _left(counted, fate, lost=lost, opened=opened)

            return all(met.lasts(left, amounts_matter=matter) for met in mets)

        if last(lost=True, opened=True):
            return STANDS
        final = not last(lost=True, opened=False)
        reasons = set()
        if any(one.open for one in fates):
            reasons.add("dispute_opened")
        if any(one.lost for one in fates):
            reasons.add("dispute_lost")
        if not last(lost=False, opened=False):
            reasons |= {"refunded", "below_minimum"}
        return Verdict(whole=True, final=final, reasons=frozenset(reasons))


def _left(counted: Counted, fate: FateOf, *, lost: bool, opened: bool) -> int | None:
    """What is left of a counted fact, in minor units; None: nothing."""
    bought = counted.fact
    if not isinstance(bought, Purchase):
        return counted.amount_minor
    known = fate(bought)
    if (known.lost and lost) or (known.open and opened):
        return None
    rest = bought.amount_minor - known.refunded
    if known.refunded and rest <= 0:
        return None
    return half_up(counted.amount_minor, rest, bought.amount_minor) if known.refunded else counted.amount_minor


def share_gone(counted: Iterable[Counted], fate: FateOf) -> tuple[int, int]:
    """(gone, of): how much of what was counted has been given back or is disputed, in minor units."""
    gone = whole = 0
    for one in counted:
        whole += one.amount_minor
        gone += one.amount_minor - (_left(one, fate, lost=True, opened=True) or 0)
    return gone, whole
