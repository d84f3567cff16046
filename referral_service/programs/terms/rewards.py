"""One reward of a program: who gets it, at which moment, what, and within which bounds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any, Literal, TypeAlias

from referral_service.programs.terms.conditions import EVERYBODY, Filter
from referral_service.programs.terms.gives import Give, give_from_document

Side: TypeAlias = Literal["referrer", "referee", "self"]
CapPeriod: TypeAlias = Literal["lifetime", "calendar_year", "calendar_month", "rolling_30_days"]

STEP_MOMENT, EVENT_MOMENT = "step:", "event:"


@dataclass(frozen=True, slots=True)
class Tier:
    """From the `from_nth` on, the values that are set replace those of `give`."""

    from_nth: int
    amount_minor: int | None = None
    quantity: int | None = None
    percent: Decimal | None = None
    badge: str | None = None

    @classmethod
    def from_document(cls, doc: Mapping[str, Any]) -> Tier:
        return cls(doc["from"], **_values_of_an_nth(doc))


@dataclass(frozen=True, slots=True)
class Milestone:
    """At exactly the `at`-th, the values that are set replace those of `give`."""

    at: int
    amount_minor: int | None = None
    quantity: int | None = None
    percent: Decimal | None = None
    badge: str | None = None

    @classmethod
    def from_document(cls, doc: Mapping[str, Any]) -> Milestone:
        return cls(doc["at"], **_values_of_an_nth(doc))


@dataclass(frozen=True, slots=True)
class Cap:
    """At most so many grants, or so much (`amount_minor`, in the reward's unit), in each period (UTC)."""

    count: int | None = None
    amount_minor: int | None = None
    per: CapPeriod = "lifetime"


@dataclass(frozen=True, slots=True)
class Limit:
    """At most so many grants from one referral, or only for so many months from its conversion."""

    count: int | None = None
    months: int | None = None


@dataclass(frozen=True, slots=True)
class Reward:
    key: str
    side: Side
    on: str
    give: Give
    hold_days: int = 0
    accept_within_days: int | None = None
    expires_days: int | None = None
    tiers: tuple[Tier, ...] = ()
    every: int | None = None
    milestones: tuple[Milestone, ...] = ()
    cap: Cap | None = None
    audience: Filter = EVERYBODY
    limit: Limit = Limit()
    value_minor: int = 0
    on_refund: Literal["reverse", "keep"] = "reverse"

    @property
    def hold(self) -> timedelta:
        return timedelta(days=self.hold_days)

    @property
    def accept_within(self) -> timedelta | None:
        return None if self.accept_within_days is None else timedelta(days=self.accept_within_days)

    @property
    def expires(self) -> timedelta | None:
        return None if self.expires_days is None else timedelta(days=self.expires_days)

    @property
    def step_key(self) -> str | None:
        """The step whose completion grants this, where `on` is `step:<key>`."""
        return self.on.removeprefix(STEP_MOMENT) if self.on.startswith(STEP_MOMENT) else None

    @property
    def event_type(self) -> str | None:
        """The custom event that grants this, where `on` is `event:<type>`."""
        return self.on.removeprefix(EVENT_MOMENT) if self.on.startswith(EVENT_MOMENT) else None

    @property
    def on_conversion(self) -> bool:
        """Granted for the referral's way to its conversion, so it follows the facts counted on it."""
        return self.on == "converted" or self.step_key is not None

    @classmethod
    def from_document(cls, doc: Mapping[str, Any]) -> Reward:
        return cls(
            **dict(doc)
            | {
                "give": give_from_document(doc["give"]),
                "tiers": tuple(map(Tier.from_document, doc["tiers"])),
                "milestones": tuple(map(Milestone.from_document, doc["milestones"])),
                "cap": None if doc["cap"] is None else Cap(**doc["cap"]),
                "audience": Filter.from_document(doc["audience"]),
                "limit": Limit(**doc["limit"]),
            }
        )


def _values_of_an_nth(doc: Mapping[str, Any]) -> dict[str, Any]:
    percent = doc["percent"]
    return {
        "amount_minor": doc["amount_minor"],
        "quantity": doc["quantity"],
        "percent": None if percent is None else Decimal(percent),
        "badge": doc["badge"],
    }
