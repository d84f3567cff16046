"""The parts of an offer: what is given, when, and what has to be done for it. Values only."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Literal, TypeAlias

from referral_service.kit.money import Money
from referral_service.programs.terms.rewards import CapPeriod
from referral_service.share.deeds import Deed

Kind: TypeAlias = Literal["credit", "percent", "points", "quota", "coupon", "custom"]
# `repeat` are the purchases after the first, `every` all of them, `event` is an event of the app's own.
Moment: TypeAlias = Literal["claimed", "step", "converted", "repeat", "every", "event"]


@dataclass(frozen=True, slots=True)
class Worth:
    """How much is given. `amount` is money, or what a coupon takes off; `per` is the spending that earns `quantity`."""

    kind: Kind
    amount: Money | None = None
    percent: Decimal | None = None
    maximum: Money | None = None
    quantity: int | None = None
    unit: str | None = None
    per: Money | None = None

    @property
    def adds_up(self) -> bool:
        """Whether two of these make a bigger one."""
        return self.kind in ("credit", "points", "quota") and self.per is None

    @property
    def empty(self) -> Worth:
        """The same, but for how much it is."""
        if not self.adds_up:
            return self
        return replace(self, amount=self.amount and replace(self.amount, amount_minor=0), quantity=None)

    def plus(self, other: Worth) -> Worth:
        """Both together; the two are of one kind and unit."""
        if self.amount is not None and other.amount is not None:
            return replace(
                self, amount=replace(self.amount, amount_minor=self.amount.amount_minor + other.amount.amount_minor)
            )
        return replace(self, quantity=(self.quantity or 0) + (other.quantity or 0))

    @property
    def size(self) -> int:
        """How much it is, to be compared within one kind: minor units, whole units, or millionths of a percent."""
        if self.amount is not None:
            return self.amount.amount_minor
        if self.percent is not None:
            return int(self.percent * 1_000_000)
        return self.quantity or 0


@dataclass(frozen=True, slots=True)
class Nth:
    """What the n-th friend brings, and the badge that comes with it."""

    number: int
    worth: Worth
    badge: str | None


@dataclass(frozen=True, slots=True)
class Most:
    """At most so many times, or so much, in each period (UTC)."""

    per: CapPeriod
    count: int | None = None
    in_all: Worth | None = None


@dataclass(frozen=True, slots=True)
class Ask:
    """One way to do a task: an event, so many times, of at least `minimum` each, of `total` together.

    `is_narrowed`: it counts under more conditions, which are the program's own words.
    """

    event: str
    deed: Deed
    count: int = 1
    minimum: Money | None = None
    total: Money | None = None
    on_distinct_days: bool = False
    is_narrowed: bool = False


@dataclass(frozen=True, slots=True)
class Task:
    """A step of the qualification: any of its ways is enough."""

    key: str
    ways: tuple[Ask, ...]


@dataclass(frozen=True, slots=True)
class Gift:
    """One reward of one side. `buying` is what a purchase is called here; days are spans, times are instants.

    `expires_days` are also a coupon's days of validity; `valid_from` and `valid_until` are its fixed ones.
    """

    worth: Worth
    moment: Moment
    tasks: tuple[Task, ...]
    buying: Deed = "purchase"
    key: str = ""
    milestones: tuple[Nth, ...] = ()
    tiers: tuple[Nth, ...] = ()
    every: int | None = None
    limit_count: int | None = None
    limit_months: int | None = None
    most: Most | None = None
    hold_days: int = 0
    accept_within_days: int | None = None
    expires_days: int | None = None
    valid_from: datetime | None = None
    valid_until: datetime | None = None

    @property
    def is_per_friend(self) -> bool:
        """Whether each friend counts once; otherwise what is counted are purchases or events."""
        return self.moment in ("claimed", "step", "converted")

    @property
    def ways(self) -> tuple[Ask, ...]:
        """Every way to do anything that this asks for."""
        return tuple(way for task in self.tasks for way in task.ways)


@dataclass(frozen=True, slots=True)
class Prize:
    """What a rank gets when a contest closes."""

    rank: int
    worth: Worth


@dataclass(frozen=True, slots=True)
class Offer:
    """A whole program as people are told of it. `own` is what a customer gets for their own doing."""

    currency: str
    referee: tuple[Gift, ...] = ()
    referrer: tuple[Gift, ...] = ()
    own: tuple[Gift, ...] = ()
    tasks: tuple[Task, ...] = ()
    within_days: int = 90
    for_new_customers: bool = True
    has_more_conditions: bool = False
    friends_max: int | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    prizes: tuple[Prize, ...] = ()

    @property
    def headline(self) -> Gift | None:
        """The friend's gift that is told first: of those that joining earns, the biggest of the first one's kind."""
        first = [gift for gift in self.referee if gift.is_per_friend]
        if not first:
            return next(iter(self.referee), None)
        same = [
            gift for gift in first if gift.worth.kind == first[0].worth.kind and gift.worth.unit == first[0].worth.unit
        ]
        return max(same, key=lambda gift: gift.worth.size)
