"""The terms document as frozen values: what the schema let through, in the types that the rules reckon with.

The defaults stand on these classes and nowhere else; the schema fills them into the stored document. Amounts
are whole minor units of the currency, percents are `Decimal`, lists are tuples. A field has the name that
it has in the document, but for `Tier.from_nth` ("from" is a word of the language) and `Step.alternatives`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, TypeAlias

from referral_service.programs.terms.conditions import EVERYBODY, PURCHASE, Alternative, Filter, Step
from referral_service.programs.terms.gives import (
    POINTS_UNIT,
    Coupon,
    Credit,
    Custom,
    Give,
    Percent,
    Points,
    Quota,
    give_from_document,
)
from referral_service.programs.terms.rewards import Cap, Limit, Milestone, Reward, Side, Tier

__all__ = [
    "EVERYBODY",
    "POINTS_UNIT",
    "PURCHASE",
    "Alternative",
    "Attribution",
    "Budget",
    "Cap",
    "Coupon",
    "Credit",
    "Custom",
    "Eligibility",
    "Filter",
    "Give",
    "Limit",
    "Milestone",
    "OnRefund",
    "Percent",
    "Points",
    "Prize",
    "Qualification",
    "Quota",
    "Reward",
    "Schedule",
    "Side",
    "Step",
    "Terms",
    "Tier",
]

Touch: TypeAlias = Literal["first", "last"]
Evidence: TypeAlias = Literal["link", "code"]


@dataclass(frozen=True, slots=True)
class Attribution:
    touch: Touch = "last"
    window_days: int = 30
    late_claim_days: int = 7
    evidence: tuple[Evidence, ...] = ("link", "code")

    @property
    def window(self) -> timedelta:
        """From a click to the claim, at most."""
        return timedelta(days=self.window_days)

    @property
    def late_claim(self) -> timedelta:
        """How long before its claim a purchase may lie, at most."""
        return timedelta(days=self.late_claim_days)


@dataclass(frozen=True, slots=True)
class Eligibility:
    referee_is_new: bool = True
    referrer_has_purchased: bool = False
    referee_audience: Filter = EVERYBODY
    referrer_audience: Filter = EVERYBODY
    one_program_per_referee: bool = False
    max_referees_per_referrer: int | None = None


@dataclass(frozen=True, slots=True)
class Qualification:
    within_days: int = 90
    ordered: bool = False
    steps: tuple[Step, ...] = (Step(),)

    @property
    def within(self) -> timedelta:
        """From the claim to the deadline; the far edge still counts."""
        return timedelta(days=self.within_days)

    def step(self, key: str) -> Step | None:
        return next((step for step in self.steps if step.key == key), None)


@dataclass(frozen=True, slots=True)
class OnRefund:
    spent: Literal["negative_balance", "write_off"] = "negative_balance"
    below_minimum: Literal["reverse", "proportional"] = "reverse"
    requalify: bool = False


@dataclass(frozen=True, slots=True)
class Budget:
    amount_minor: int | None = None
    count: int | None = None
    reserve: Literal["granted", "claimed"] = "granted"


@dataclass(frozen=True, slots=True)
class Schedule:
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    sunset_days: int = 90

    @property
    def sunset(self) -> timedelta:
        """How long open referrals of an archived program may still convert."""
        return timedelta(days=self.sunset_days)

    @classmethod
    def from_document(cls, doc: Mapping[str, Any]) -> Schedule:
        return cls(
            starts_at=doc["starts_at"] and datetime.fromisoformat(doc["starts_at"]),
            ends_at=doc["ends_at"] and datetime.fromisoformat(doc["ends_at"]),
            sunset_days=doc["sunset_days"],
        )


@dataclass(frozen=True, slots=True)
class Prize:
    rank: int
    give: Give


@dataclass(frozen=True, slots=True)
class Terms:
    """One version's whole terms."""

    currency: str
    attribution: Attribution = Attribution()
    eligibility: Eligibility = Eligibility()
    qualification: Qualification = Qualification()
    rewards: tuple[Reward, ...] = ()
    on_refund: OnRefund = OnRefund()
    budget: Budget = Budget()
    schedule: Schedule = Schedule()
    prizes: tuple[Prize, ...] = ()

    @property
    def event_types(self) -> frozenset[str]:
        """The custom events that these terms wait for or reward."""
        awaited = {alternative.event for step in self.qualification.steps for alternative in step.alternatives}
        return frozenset(awaited | {reward.event_type for reward in self.rewards if reward.event_type}) - {PURCHASE}

    @property
    def excluded_categories(self) -> frozenset[str]:
        """The categories of lines that do not count in a purchase."""
        return frozenset(
            category
            for step in self.qualification.steps
            for alternative in step.alternatives
            if alternative.event == PURCHASE
            for category in alternative.exclude
        )

    @property
    def rewards_before_conversion(self) -> bool:
        """Whether a referral may have rewards that has not converted."""
        return any(
            reward.side != "self" and reward.on not in ("converted", "repeat_purchase", "every_purchase")
            for reward in self.rewards
        )

    @property
    def acts_at_claim(self) -> bool:
        """Whether a claim by itself changes anything beside the referral: gives rewards, or sets budget aside."""
        return self.rewards_before_conversion or self.budget.reserve == "claimed"

    @property
    def own_rewards(self) -> tuple[Reward, ...]:
        """The rewards of side `self`: for a customer's own purchases and events."""
        return tuple(reward for reward in self.rewards if reward.side == "self")

    def unit_of(self, give: Give) -> str | None:
        """Return the unit that a wallet counts `give` in; None where no wallet holds it (coupon, custom)."""
        match give:
            case Credit() | Percent():
                return self.currency
            case Points():
                return POINTS_UNIT
            case Quota():
                return give.unit
            case Coupon() | Custom():
                return None

    @classmethod
    def from_document(cls, doc: Mapping[str, Any]) -> Terms:
        """Build from a document that `parse_terms` returned: complete, and known to be valid."""
        attribution, eligibility, qualification = doc["attribution"], doc["eligibility"], doc["qualification"]
        audiences = {
            name: Filter.from_document(eligibility[name]) for name in ("referee_audience", "referrer_audience")
        }
        return cls(
            currency=doc["currency"],
            attribution=Attribution(**attribution | {"evidence": tuple(attribution["evidence"])}),
            eligibility=Eligibility(**eligibility | audiences),
            qualification=Qualification(
                **qualification | {"steps": tuple(map(Step.from_document, qualification["steps"]))}
            ),
            rewards=tuple(map(Reward.from_document, doc["rewards"])),
            on_refund=OnRefund(**doc["on_refund"]),
            budget=Budget(**doc["budget"]),
            schedule=Schedule.from_document(doc["schedule"]),
            prizes=tuple(Prize(prize["rank"], give_from_document(prize["give"])) for prize in doc["prizes"]),
        )
