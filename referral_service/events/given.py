"""Facts as they are given to us, before anything is looked up: what the API and every provider translate into."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from referral_service.kit.money import Money

PURCHASE, REFUND, DISPUTE = "purchase", "refund", "dispute"


@dataclass(frozen=True, slots=True)
class GivenRefund:
    """Money given back: `cumulative` says how much in all so far, `single` one refund known by its `key`."""

    mode: Literal["cumulative", "single"]
    key: str
    amount: Money


@dataclass(frozen=True, slots=True)
class GivenDispute:
    """A charge-back; `key` is empty where it is simply the one of its order."""

    key: str
    status: Literal["opened", "won", "lost"]


@dataclass(frozen=True, slots=True)
class GivenEvent:
    """One fact. `aliases` are the ids its source knows the order by, the order id itself first.

    `order_source_id` names the source whose order it speaks of, where that is not the event's own. The person is
    `customer_id` (the app's own id) or, failing that, the first of `customer_hints` that the app knows as a
    customer_id, or the one customer with `email` (raw; it is hashed at once and never stored by events).
    `code`, `signed_code` or `click_token` make a purchase claim as well; so does the first of `code_hints` that is a
    referral code of the app. The others are the shop's own discount codes, and mean nothing here.
    """

    external_id: str
    type: str
    occurred_at: datetime
    customer_id: str | None = None
    customer_hints: Sequence[str] = ()
    email: str | None = None
    aliases: Sequence[str] = ()
    order_source_id: str | None = None
    amount: Money | None = None
    lines: Sequence[dict[str, Any]] = ()
    attributes: dict[str, Any] = field(default_factory=dict)
    code: str | None = None
    signed_code: str | None = None
    click_token: str | None = None
    code_hints: Sequence[str] = ()
    refund: GivenRefund | None = None
    dispute: GivenDispute | None = None

    @property
    def claims(self) -> bool:
        return bool(self.code or self.signed_code or self.click_token or self.code_hints)

    def payload(self) -> dict[str, Any]:
        """What is kept of it: no personal data."""
        kept: dict[str, Any] = {"aliases": list(self.aliases)}
        if self.amount is not None:
            kept["amount"] = {"amount_minor": self.amount.amount_minor, "currency": self.amount.currency}
        if self.lines:
            kept["lines"] = list(self.lines)
        if self.attributes:
            kept["attributes"] = self.attributes
        if self.refund is not None:
            kept["refund"] = {
                "mode": self.refund.mode,
                "key": self.refund.key,
                "amount_minor": self.refund.amount.amount_minor,
                "currency": self.refund.amount.currency,
            }
        if self.dispute is not None:
            kept["dispute"] = {"key": self.dispute.key, "status": self.dispute.status}
        return kept


@dataclass(slots=True)
class Result:
    """What an event meant for one program."""

    program_id: str
    referral_id: str | None
    outcome: str
    reason: str | None = None
    reward_ids: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Answer:
    """What became of one given event: the strongest of its `results`, or its own word where it concerns no program."""

    event_id: str
    external_id: str
    outcome: str
    reason: str | None
    duplicate: bool = False
    results: list[Result] = field(default_factory=list)
    # Of an estimate: the rewards as they would stand.
    would_stand: list[dict[str, Any]] = field(default_factory=list)


# The strongest first.
OUTCOMES = ("converted", "reversed", "recorded", "parked", "ignored")


def strongest(results: Sequence[Result]) -> Result:
    """The result an answer's top level repeats."""
    return min(results, key=lambda result: OUTCOMES.index(result.outcome))
