"""What can be told to the service, in the words of PRODUCT.md: terms, claims, events and the clock.

These are plain values. `model.World` folds them into the state that PRODUCT.md promises; `driver.Driver`
sends the same values over HTTP. Nothing here is taken from the engine: not its rounding, windows or names.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Literal

Side = Literal["referrer", "referee"]
DisputeStatus = Literal["opened", "won", "lost"]


def half_up(amount: int, numerator: int, denominator: int) -> int:
    """`amount * numerator / denominator` in whole minor units, an exact half going up; never negative."""
    return (2 * amount * numerator + denominator) // (2 * denominator)


@dataclass(frozen=True, slots=True)
class Give:
    """What a reward gives: `amount` in minor units (credit) or whole points, or a `percent`."""

    kind: Literal["credit", "points", "percent"]
    amount: int = 0
    percent: Decimal = Decimal(0)
    ceiling_minor: int | None = None

    def value(self, spent_minor: int) -> int:
        if self.kind != "percent":
            return self.amount
        share = half_up(spent_minor, int(self.percent * 100), 10_000)
        return share if self.ceiling_minor is None else min(share, self.ceiling_minor)

    def document(self) -> dict[str, Any]:
        if self.kind == "credit":
            return {"kind": "credit", "amount_minor": self.amount}
        if self.kind == "points":
            return {"kind": "points", "quantity": self.amount}
        ceiling = {} if self.ceiling_minor is None else {"max_amount_minor": self.ceiling_minor}
        return {"kind": "percent", "percent": f"{self.percent:.2f}", **ceiling}


@dataclass(frozen=True, slots=True)
class RewardTerms:
    key: str
    side: Side
    give: Give
    hold_days: int = 0
    keep: bool = False

    def document(self) -> dict[str, Any]:
        return {
            "key": self.key,
            "side": self.side,
            "on": "converted",
            "give": self.give.document(),
            "hold_days": self.hold_days,
            "on_refund": "keep" if self.keep else "reverse",
        }


@dataclass(frozen=True, slots=True)
class Terms:
    """The part of a program's terms that issue 2 carries out; the defaults are those of SHAPES.md."""

    rewards: tuple[RewardTerms, ...]
    currency: str = "USD"
    touch: Literal["first", "last"] = "last"
    window_days: int = 30
    late_claim_days: int = 7
    referee_is_new: bool = True
    min_amount_minor: int = 0
    within_days: int = 90
    below_minimum: Literal["reverse", "proportional"] = "reverse"

    def document(self) -> dict[str, Any]:
        step = {"key": "first_purchase", "event": "purchase", "min_amount_minor": self.min_amount_minor}
        return {
            "currency": self.currency,
            "attribution": {
                "touch": self.touch,
                "window_days": self.window_days,
                "late_claim_days": self.late_claim_days,
            },
            "eligibility": {"referee_is_new": self.referee_is_new},
            "qualification": {"within_days": self.within_days, "steps": [step]},
            "rewards": [reward.document() for reward in self.rewards],
            "on_refund": {"below_minimum": self.below_minimum},
        }


@dataclass(frozen=True, slots=True)
class Enrol:
    """PUT /v1/customers/{customer_id}."""

    customer: str
    email: str | None = None


@dataclass(frozen=True, slots=True)
class Touch:
    """One touch of a claim: the code of `referrer` (None: nobody's), clicked at `clicked_at` or typed in."""

    referrer: str | None
    clicked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Click:
    """GET /r/{signed_code}: somebody follows this customer's link. `at` is the app's time, known beforehand."""

    program: str
    customer: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Claim:
    """POST /v1/referrals. `at` is the claim's `occurred_at`; None: the sender gave none, so now."""

    program: str
    referee: str
    touches: tuple[Touch, ...]
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Purchase:
    event_id: str
    order_id: str
    customer: str
    amount_minor: int
    currency: str
    occurred_at: datetime


@dataclass(frozen=True, slots=True)
class Refund:
    """`refund_id` None: cumulative (`refunded_total`); else one single refund of `amount_minor`."""

    event_id: str
    order_id: str
    refund_id: str | None
    amount_minor: int
    currency: str
    occurred_at: datetime


@dataclass(frozen=True, slots=True)
class Dispute:
    """`dispute_id` None: the one dispute of its order."""

    event_id: str
    order_id: str
    dispute_id: str | None
    status: DisputeStatus
    occurred_at: datetime


Event = Purchase | Refund | Dispute


@dataclass(frozen=True, slots=True)
class Deliver:
    """POST /v1/events: one event, or a batch of them."""

    events: tuple[Event, ...]
    batch: bool = False


@dataclass(frozen=True, slots=True)
class Advance:
    """POST /v1/test-clock/advance; what falls due is done before the answer."""

    by: timedelta


Entry = Enrol | Click | Claim | Deliver | Advance


def email_canon(email: str | None) -> str | None:
    """Lower case, without plus-tag; dots count except at Gmail (SAFETY.md, Fraud)."""
    if email is None:
        return None
    local, _, domain = email.lower().partition("@")
    local = local.partition("+")[0]
    return f"{local.replace('.', '') if domain == 'gmail.com' else local}@{domain}"


def is_valid(touch: Touch, *, claimed_at: datetime, terms: Terms) -> bool:
    if touch.referrer is None:
        return False
    return touch.clicked_at is None or claimed_at - touch.clicked_at <= timedelta(days=terms.window_days)


def business_key(event: Event) -> tuple[object, ...]:
    if isinstance(event, Purchase):
        return "purchase", event.order_id
    if isinstance(event, Dispute):
        return "dispute", event.order_id, event.dispute_id, event.status
    if event.refund_id is None:
        return "cumulative", event.order_id, event.amount_minor
    return "single", event.order_id, event.refund_id
