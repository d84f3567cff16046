"""A program's terms as SHAPES.md writes them: plain values, and the document that is sent.

Only what differs from a default of SHAPES.md is written into the document, so that its defaults are tried too.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

Side = Literal["referrer", "referee", "self"]
Kind = Literal["credit", "percent", "points", "quota", "coupon", "custom"]
Period = Literal["lifetime", "calendar_month", "calendar_year", "rolling_30_days"]
# What must match: attribute -> the values that will do. As pairs, so that terms can be compared and hashed.
Wanted = tuple[tuple[str, tuple[str, ...]], ...]


def half_up(amount: int, numerator: int, denominator: int) -> int:
    """`amount * numerator / denominator` in whole minor units, an exact half going up; never negative."""
    return (2 * amount * numerator + denominator) // (2 * denominator)


def time_text(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def matches(wanted: Wanted, attributes: tuple[tuple[str, str], ...]) -> bool:
    known = dict(attributes)
    return all(known.get(name) in values for name, values in wanted)


def wanted_document(wanted: Wanted) -> dict[str, Any]:
    """One value may be written without its list."""
    return {name: values[0] if len(values) == 1 else list(values) for name, values in wanted}


@dataclass(frozen=True, slots=True)
class CouponTerms:
    percent_off: str | None = "15.00"
    amount_off_minor: int | None = None
    valid_days: int | None = None
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    restore: bool = False

    def document(self) -> dict[str, Any]:
        said: dict[str, Any] = {"percent_off": self.percent_off, "amount_off_minor": self.amount_off_minor}
        said |= {"valid_days": self.valid_days, "on_order_cancelled": "restore" if self.restore else None}
        said |= {name: at and time_text(at) for name, at in self.ends().items()}
        return {name: value for name, value in said.items() if value is not None}

    def ends(self) -> dict[str, datetime | None]:
        return {"valid_from": self.valid_from, "valid_until": self.valid_until}


@dataclass(frozen=True, slots=True)
class Give:
    """What a reward gives: `amount` in minor units (credit) or whole units (points, quota), or a `percent`."""

    kind: Kind
    amount: int = 0
    percent: Decimal = Decimal(0)
    ceiling_minor: int | None = None
    unit: str = "points"
    per_minor: int | None = None
    coupon: CouponTerms = CouponTerms()

    @property
    def in_wallet(self) -> bool:
        return self.kind not in ("coupon", "custom")

    @property
    def is_money(self) -> bool:
        return self.kind in ("credit", "percent")

    def unit_in(self, currency: str) -> str:
        return currency if self.is_money else self.unit

    def value(self, purchases_minor: int, counted_minor: int | None = None) -> int:
        """In the reward's unit; `counted_minor` is everything counted, the purchases among it. A coupon is one."""
        if self.kind == "percent":
            share = half_up(purchases_minor, int(self.percent * 100), 10_000)
            return share if self.ceiling_minor is None else min(share, self.ceiling_minor)
        if self.per_minor is not None:
            spent = purchases_minor if counted_minor is None else counted_minor
            return self.amount * (spent // self.per_minor)
        return self.amount if self.in_wallet else 1

    def document(self) -> dict[str, Any]:
        if self.kind == "credit":
            return {"kind": "credit", "amount_minor": self.amount}
        if self.kind == "percent":
            ceiling = {} if self.ceiling_minor is None else {"max_amount_minor": self.ceiling_minor}
            return {"kind": "percent", "percent": f"{self.percent:.2f}", **ceiling}
        if self.kind == "coupon":
            return {"kind": "coupon", **self.coupon.document()}
        if self.kind == "custom":
            return {"kind": "custom", "data": {"sku": "mug"}}
        spent = {} if self.per_minor is None else {"per_minor": self.per_minor}
        unit = {"unit": self.unit} if self.kind == "quota" else {}
        return {"kind": self.kind, "quantity": self.amount, **unit, **spent}


@dataclass(frozen=True, slots=True)
class Nth:
    """A tier (from the n-th on) or a milestone (exactly the n-th): what is set replaces what is given."""

    n: int
    amount: int | None = None
    percent: Decimal | None = None
    badge: str | None = None

    def given(self, give: Give) -> Give:
        if self.amount is not None:
            give = replace(give, amount=self.amount)
        return give if self.percent is None else replace(give, percent=self.percent)

    def document(self, give: Give, place: str) -> dict[str, Any]:
        named = "amount_minor" if give.kind == "credit" else "quantity"
        percent = None if self.percent is None else f"{self.percent:.2f}"
        said = {place: self.n, named: self.amount, "percent": percent, "badge": self.badge}
        return {name: value for name, value in said.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Cap:
    count: int | None = None
    amount: int | None = None
    per: Period = "lifetime"

    def document(self) -> dict[str, Any]:
        return {"count": self.count, "amount_minor": self.amount, "per": self.per}


@dataclass(frozen=True, slots=True)
class RewardTerms:
    key: str
    side: Side
    give: Give
    hold_days: int = 0
    keep: bool = False
    on: str = "converted"
    accept_within_days: int | None = None
    expires_days: int | None = None
    tiers: tuple[Nth, ...] = ()
    every: int | None = None
    milestones: tuple[Nth, ...] = ()
    cap: Cap | None = None
    audience: Wanted = ()
    limit_count: int | None = None
    limit_months: int | None = None
    value_minor: int = 0

    @property
    def on_conversion(self) -> bool:
        return self.on == "converted" or self.on.startswith("step:")

    def nth(self, ordinal: int) -> tuple[Give, str | None] | None:
        """What the `ordinal`-th gets, and its badge; None: no reward for this one."""
        if self.milestones:
            found = [milestone for milestone in self.milestones if milestone.n == ordinal]
            return (found[0].given(self.give), found[0].badge) if found else None
        if self.every is not None and ordinal % self.every:
            return None
        reached = [tier for tier in self.tiers if tier.n <= ordinal]
        return (reached[-1].given(self.give), reached[-1].badge) if reached else (self.give, None)

    def heaviest(self) -> int:
        """The most that one grant can weigh in a budget of money, in minor units."""
        if not self.give.is_money:
            return self.value_minor
        if self.give.kind == "percent":
            assert self.give.ceiling_minor is not None, "A budget set aside at the claim needs a maximum."
            return self.give.ceiling_minor
        nths = self.milestones or (*self.tiers, Nth(1))
        return max(nth.given(self.give).amount for nth in nths)

    def document(self) -> dict[str, Any]:
        said: dict[str, Any] = {"key": self.key, "side": self.side, "on": self.on, "give": self.give.document()}
        said |= {"hold_days": self.hold_days, "on_refund": "keep" if self.keep else "reverse"}
        for name in ("accept_within_days", "expires_days", "every"):
            said[name] = getattr(self, name)
        said["value_minor"] = self.value_minor or None
        said["tiers"] = [tier.document(self.give, "from") for tier in self.tiers] or None
        said["milestones"] = [one.document(self.give, "at") for one in self.milestones] or None
        said["cap"] = self.cap and self.cap.document()
        said["audience"] = wanted_document(self.audience) or None
        if self.limit_count is not None or self.limit_months is not None:
            said["limit"] = {"count": self.limit_count, "months": self.limit_months}
        return {name: value for name, value in said.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Condition:
    """One event, or so many of it, or so much: the form of a step, and of each alternative in `any_of`."""

    event: str = "purchase"
    min_amount_minor: int = 0
    count: int = 1
    cumulative_minor: int | None = None
    distinct_days: bool = False
    where: Wanted = ()
    exclude: tuple[str, ...] = ()

    def document(self) -> dict[str, Any]:
        default = Condition()
        plain = [f.name for f in fields(self) if f.name not in ("event", "where", "exclude")]
        said = {name: getattr(self, name) for name in plain if getattr(self, name) != getattr(default, name)}
        where = {"where": wanted_document(self.where)} if self.where else {}
        exclude = {"exclude": {"category": list(self.exclude)}} if self.exclude else {}
        return {"event": self.event, **said, **where, **exclude}


@dataclass(frozen=True, slots=True)
class Step:
    """Met when one of its alternatives is."""

    key: str
    any_of: tuple[Condition, ...]

    def document(self) -> dict[str, Any]:
        if len(self.any_of) == 1:
            return {"key": self.key, **self.any_of[0].document()}
        return {"key": self.key, "any_of": [condition.document() for condition in self.any_of]}


@dataclass(frozen=True, slots=True)
class Budget:
    amount_minor: int | None = None
    count: int | None = None
    at_claim: bool = False

    def document(self) -> dict[str, Any]:
        reserve = "claimed" if self.at_claim else "granted"
        return {"amount_minor": self.amount_minor, "count": self.count, "reserve": reserve}


@dataclass(frozen=True, slots=True)
class Schedule:
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    sunset_days: int = 90

    def document(self) -> dict[str, Any]:
        times = {"starts_at": self.starts_at, "ends_at": self.ends_at}
        return {**{n: at and time_text(at) for n, at in times.items()}, "sunset_days": self.sunset_days}


@dataclass(frozen=True, slots=True)
class Terms:
    """The defaults are those of SHAPES.md. Without `steps`: the first purchase, of at least `min_amount_minor`."""

    rewards: tuple[RewardTerms, ...]
    currency: str = "USD"
    touch: Literal["first", "last"] = "last"
    window_days: int = 30
    late_claim_days: int = 7
    referee_is_new: bool = True
    min_amount_minor: int = 0
    within_days: int = 90
    below_minimum: Literal["reverse", "proportional"] = "reverse"
    steps: tuple[Step, ...] = ()
    ordered: bool = False
    spent: Literal["negative_balance", "write_off"] = "negative_balance"
    requalify: bool = False
    referrer_has_purchased: bool = False
    referee_audience: Wanted = ()
    referrer_audience: Wanted = ()
    one_program: bool = False
    most_referees: int | None = None
    budget: Budget = Budget()
    schedule: Schedule = Schedule()
    prizes: tuple[Give, ...] = ()

    @property
    def all_steps(self) -> tuple[Step, ...]:
        if self.steps:
            return self.steps
        return (Step("first_purchase", (Condition(min_amount_minor=self.min_amount_minor),)),)

    @property
    def excluded(self) -> frozenset[str]:
        """Categories that any purchase among the alternatives leaves out."""
        conditions = [condition for step in self.all_steps for condition in step.any_of]
        return frozenset(name for c in conditions if c.event == "purchase" for name in c.exclude)

    def document(self) -> dict[str, Any]:
        eligibility: dict[str, Any] = {"referee_is_new": self.referee_is_new}
        eligibility |= {"referrer_has_purchased": True} if self.referrer_has_purchased else {}
        eligibility |= {"one_program_per_referee": True} if self.one_program else {}
        eligibility |= {"max_referees_per_referrer": self.most_referees} if self.most_referees is not None else {}
        for name in ("referee_audience", "referrer_audience"):
            eligibility |= {name: wanted_document(getattr(self, name))} if getattr(self, name) else {}
        qualification = {"within_days": self.within_days, "steps": [step.document() for step in self.all_steps]}
        said: dict[str, Any] = {
            "currency": self.currency,
            "attribution": {
                "touch": self.touch,
                "window_days": self.window_days,
                "late_claim_days": self.late_claim_days,
            },
            "eligibility": eligibility,
            "qualification": {**qualification, "ordered": True} if self.ordered else qualification,
            "rewards": [reward.document() for reward in self.rewards],
            "on_refund": {"below_minimum": self.below_minimum, "spent": self.spent, "requalify": self.requalify},
        }
        said |= {"budget": self.budget.document()} if self.budget != Budget() else {}
        said |= {"schedule": self.schedule.document()} if self.schedule != Schedule() else {}
        if self.prizes:
            said["prizes"] = [{"rank": n, "give": give.document()} for n, give in enumerate(self.prizes, 1)]
        return said
