"""What can be told to the service, in the words of PRODUCT.md: claims, events, the wallet and the clock.

These are plain values. `model.World` folds them into the state that PRODUCT.md promises; `driver.Driver`
sends the same values over HTTP. Nothing here is taken from the engine: not its rounding, windows or names.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from campaigns.terms import Terms

DisputeStatus = Literal["opened", "won", "lost"]
# As pairs, so that an event can be compared and hashed.
Attributes = tuple[tuple[str, str], ...]
# (category, amount in minor units)
Lines = tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Enrol:
    """PUT /v1/customers/{customer_id}."""

    customer: str
    email: str | None = None
    attributes: Attributes = ()


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
    lines: Lines = ()
    attributes: Attributes = ()

    @property
    def type(self) -> str:
        return "purchase"

    @property
    def name(self) -> str:
        return self.order_id


@dataclass(frozen=True, slots=True)
class Happening:
    """A signup or any custom event; without `currency` it carries no amount."""

    event_id: str
    type: str
    customer: str
    occurred_at: datetime
    amount_minor: int = 0
    currency: str | None = None
    lines: Lines = ()
    attributes: Attributes = ()

    @property
    def name(self) -> str:
        return self.event_id


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


# What a person does, and what undoes a purchase.
Fact = Purchase | Happening
Event = Fact | Refund | Dispute


@dataclass(frozen=True, slots=True)
class Deliver:
    """POST /v1/events: one event, or a batch of them."""

    events: tuple[Event, ...]
    batch: bool = False


@dataclass(frozen=True, slots=True)
class Advance:
    """POST /v1/test-clock/advance; what falls due is done before the answer."""

    by: timedelta


class RewardName(NamedTuple):
    """Which reward: nobody has two of one key with the same ordinal in one program."""

    program: str
    key: str
    recipient: str
    ordinal: int


@dataclass(frozen=True, slots=True)
class Handle:
    """POST /v1/rewards/{id}/accept, /fulfil, /void."""

    deed: Literal["accept", "fulfil", "void"]
    reward: RewardName


@dataclass(frozen=True, slots=True)
class Spend:
    """POST /v1/customers/{customer_id}/redemptions."""

    customer: str
    unit: str
    amount: int
    reference: str


@dataclass(frozen=True, slots=True)
class UseCoupon:
    """POST /v1/coupons/{code}/redeem, with the code that this reward gave."""

    reward: RewardName
    order_id: str


@dataclass(frozen=True, slots=True)
class Reject:
    """POST /v1/referrals/{id}/reject, for the accepted referral of this referee."""

    program: str
    referee: str


@dataclass(frozen=True, slots=True)
class Govern:
    """POST /v1/programs/{id}/pause, /activate, /archive."""

    program: str
    deed: Literal["pause", "activate", "archive"]


Entry = Enrol | Click | Claim | Deliver | Advance | Handle | Spend | UseCoupon | Reject | Govern


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
    if isinstance(event, Happening):
        return "event", event.event_id
    if isinstance(event, Dispute):
        return "dispute", event.order_id, event.dispute_id, event.status
    if event.refund_id is None:
        return "cumulative", event.order_id, event.amount_minor
    return "single", event.order_id, event.refund_id
