"""Shared limits: ordinals, caps, budgets. Recomputed from the rewards themselves each time, never counted along."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from campaigns.facts import RewardName
from campaigns.lives import Grant
from campaigns.terms import Budget, Cap, Give, RewardTerms, Terms

# Who counts towards which ordinals: (program, reward key, recipient).
Row = tuple[str, str, str]
ROLLING = timedelta(days=30)


@dataclass(slots=True)
class Reservation:
    """What a budget has set aside for one referral."""

    money: int = 0
    count: int = 0

    def take(self, money: int, count: int) -> None:
        self.money -= min(self.money, money)
        self.count -= min(self.count, count)


@dataclass(frozen=True, slots=True)
class Fit:
    """What a limit lets through; `reason` where it is nothing."""

    amount: int
    weight: int
    reason: str | None = None


def same_period(cap: Cap, earlier: datetime, now: datetime) -> bool:
    """Whether a grant recorded then counts towards the cap now. Times in UTC."""
    if cap.per == "calendar_month":
        return (earlier.year, earlier.month) == (now.year, now.month)
    if cap.per == "calendar_year":
        return earlier.year == now.year
    return cap.per == "lifetime" or earlier > now - ROLLING


@dataclass(frozen=True, slots=True)
class Asking:
    """A reward that is to be granted, worth `value`. `own`: the row that it shall be the new size of."""

    program: str
    recipient: str
    terms: RewardTerms
    give: Give
    value: int
    at: datetime
    referral: tuple[str, str] | None
    own: Grant | None = None

    @property
    def row(self) -> Row:
        return self.program, self.terms.key, self.recipient


@dataclass
class Limits:
    grants: Mapping[object, Grant]
    ordinals: Counter[Row] = field(default_factory=Counter)
    reserved: dict[tuple[str, str], Reservation] = field(default_factory=dict)

    def next_ordinal(self, row: Row) -> int:
        self.ordinals[row] += 1
        return self.ordinals[row]

    def holding(self, program: str, *, but: Grant | None = None) -> list[Grant]:
        """The rewards of a program that keep their slot."""
        return [g for g in self.grants.values() if g.name.program == program and g.holds_slot and g is not but]

    def fit(self, asking: Asking, budget: Budget) -> Fit:
        """How much may be granted: the cap first, then the budget."""
        value = self.under_cap(asking)
        if value is None:
            return Fit(0, 0, "cap_reached")
        weight = value if asking.give.is_money else asking.terms.value_minor
        free = self.free(asking.program, budget, but=asking.own)
        own = self.reserved.get(asking.referral, Reservation()) if asking.referral is not None else Reservation()
        if budget.count is not None and free.count + own.count < 1:
            return Fit(0, 0, "budget_exhausted")
        money = free.money + own.money
        if budget.amount_minor is None or weight <= money:
            return Fit(value, weight)
        return Fit(money, money) if asking.give.is_money and money > 0 else Fit(0, 0, "budget_exhausted")

    def under_cap(self, asking: Asking) -> int | None:
        """What the cap leaves of the value; None: nothing."""
        cap, value = asking.terms.cap, asking.value
        if cap is None:
            return value
        mine = [grant for grant in self.holding(asking.program, but=asking.own) if row_of(grant.name) == asking.row]
        counting = [grant for grant in mine if same_period(cap, grant.created_at, asking.at)]
        if cap.count is not None and len(counting) >= cap.count:
            return None
        if cap.amount is None or not value:
            return value
        left = cap.amount - sum(grant.granted for grant in counting)
        return min(value, left) if left > 0 else None

    def free(self, program: str, budget: Budget, *, but: Grant | None = None) -> Reservation:
        """What of the budget is neither granted nor set aside; of a part without limit it says nothing."""
        held = self.holding(program, but=but)
        aside = [kept for (name, _), kept in self.reserved.items() if name == program]
        money = (budget.amount_minor or 0) - sum(g.weight for g in held) - sum(kept.money for kept in aside)
        return Reservation(money, (budget.count or 0) - len(held) - sum(kept.count for kept in aside))

    def set_aside(self, place: tuple[str, str], terms: Terms) -> None:
        """At an accepted claim: the most that its referral can come to, as far as it fits."""
        if not terms.budget.at_claim:
            return
        free = self.free(place[0], terms.budget)
        rewards = [reward for reward in terms.rewards if reward.on == "claimed" or reward.on_conversion]
        money = sum(reward.heaviest() for reward in rewards) if terms.budget.amount_minor is not None else 0
        count = len(rewards) if terms.budget.count is not None else 0
        self.reserved[place] = Reservation(min(money, free.money), min(count, free.count))

    def give_back(self, place: tuple[str, str]) -> None:
        self.reserved.pop(place, None)


def row_of(name: RewardName) -> Row:
    return name.program, name.key, name.recipient
